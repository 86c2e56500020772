// The second half of an import: sorted entries to the broker, at full speed or in event time, from where an earlier
// run stopped.

import type { Clock } from '#stack/base/clock.ts'
import { minuteMs } from '#stack/base/units.ts'
import { loadEndHeader, loadHeader, topics } from '#stack/contract/topics.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import { byTopic } from '../collector/outbox.ts'
import type { TopicRecord } from '../collector/outbox.ts'
import type { ImportState } from './import-state.ts'
import { recordOf } from './payload.ts'
import type { SortedRuns } from './sorted-runs.ts'

export interface WriteOptions {
  kafka: KafkaPort
  clock: Clock
  runs: SortedRuns
  state: ImportState
  save(): void
  speed?: number
  onProgress?(what: 'writing', done: number, total: number): void
  signal?: AbortSignal
}

/** Bounds what is encoded and not yet acknowledged: one batch on its way, one being made. */
const batchRecords = 2000
const batchUnits = 8_000_000
const saveEveryRecords = 20_000
/** A load without progress is taken for dead after 15 minutes (T2), so no pause of the events is waited out longer. */
const pauseMsMax = 10 * minuteMs
/** Shorter pauses are not worth a send of their own. */
const pauseMsMin = 20

/** False when it was told to stop before the end. */
export async function writeImport(options: WriteOptions): Promise<boolean> {
  // Before anything is sent: a resume must know the shift and the load that the records carry.
  options.save()
  const producer = await options.kafka.producer()
  try {
    const isWhole = await writeRecords(options, producer)
    if (isWhole) await closeLoad(options, producer)
    return isWhole
  } finally {
    options.save()
    await producer.close()
  }
}

async function writeRecords(options: WriteOptions, producer: KafkaProducer): Promise<boolean> {
  const { state, signal } = options
  const alreadySent = state.sentRecords
  const headers = { [loadHeader]: state.loadId }
  const pace = createPace(options.clock, options.speed)
  const sender = new Sender(options, producer)
  let index = 0
  for await (const { receivedMs, payload } of options.runs.read()) {
    if (index++ < alreadySent) continue
    const waitMs = pace(receivedMs)
    if (waitMs > 0) {
      await sender.settle()
      await options.clock.sleep(waitMs, signal).catch(() => {})
    }
    if (signal?.aborted) break
    await sender.add(
      recordOf(payload, receivedMs, { shiftMs: state.shiftMs, headers }),
      payload.length,
    )
  }
  await sender.settle()
  return !signal?.aborted
}

/** Batches, in order: one on its way while the next is made. */
class Sender {
  readonly #options: WriteOptions
  readonly #producer: KafkaProducer
  #batch: TopicRecord[] = []
  #units = 0
  #onItsWay: Promise<void> = Promise.resolve()
  #savedRecords: number

  constructor(options: WriteOptions, producer: KafkaProducer) {
    this.#options = options
    this.#producer = producer
    this.#savedRecords = options.state.sentRecords
  }

  async add(record: TopicRecord, units: number): Promise<void> {
    this.#batch.push(record)
    this.#units += units
    if (this.#batch.length >= batchRecords || this.#units >= batchUnits) await this.#flush()
  }

  /** Everything that was added is durable. */
  async settle(): Promise<void> {
    await this.#flush()
    await this.#onItsWay
  }

  async #flush(): Promise<void> {
    await this.#onItsWay
    if (this.#batch.length === 0) return
    this.#onItsWay = this.#acknowledge(this.#batch)
    // Looked at in the next round; until then a failure must not count as unhandled.
    this.#onItsWay.catch(() => {})
    this.#batch = []
    this.#units = 0
  }

  async #acknowledge(records: readonly TopicRecord[]): Promise<void> {
    const { state, runs, save, onProgress } = this.#options
    await this.#producer.send(byTopic(records))
    state.sentRecords += records.length
    onProgress?.('writing', state.sentRecords, runs.count)
    if (state.sentRecords - this.#savedRecords < saveEveryRecords) return
    save()
    this.#savedRecords = state.sentRecords
  }
}

/** How long to wait before an event is due. */
function createPace(clock: Clock, speed: number | undefined): (eventMs: number) => number {
  if (speed === undefined) return () => 0
  let first: { eventMs: number; realMs: number } | undefined
  return (eventMs) => {
    const realMs = clock.monotonicMs()
    first ??= { eventMs, realMs }
    const dueMs = first.realMs + (eventMs - first.eventMs) / speed
    const waitMs = Math.min(dueMs - realMs, pauseMsMax)
    // A pause that was cut short moves all that follows.
    if (dueMs - realMs > pauseMsMax) first = { eventMs, realMs: realMs + pauseMsMax }
    return waitMs < pauseMsMin ? 0 : waitMs
  }
}

/** The record per partition that closes the load. */
async function closeLoad(options: WriteOptions, producer: KafkaProducer): Promise<void> {
  const { loadId } = options.state
  const partitions = await producer.partitionCount(topics.events.name)
  const records = Array.from({ length: partitions }, (_, partition) => ({
    key: null,
    value: '',
    partition,
    timestampMs: options.clock.now(),
    headers: { [loadHeader]: loadId, [loadEndHeader]: loadId },
  }))
  await producer.send([{ topic: topics.events.name, records }])
}
