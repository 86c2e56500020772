// Writes what cuts hand over, in the order that makes a restart safe: the decisions where and at which watermark to cut,
// then the outputs, then the changelog. Cuts of one turn of the event loop, and those that come while a flush is on its
// way, are written together by the next one, and their decisions with the changelog of this one; when too many wait, the
// reader waits.
//
// Delivery is at least once with effects that are idempotent: after a crash the same decisions make the same outputs from
// the same records (task.ts). Transactions will put all of it into one without changing this order.

import type { Clock } from '#stack/base/clock.ts'
import type { KafkaProducer, TopicRecords } from '#stack/kafka-client/producer.ts'
import type { OutgoingRecord, Position } from '#stack/kafka-client/records.ts'
import type { Cut, Decision } from '../stage.ts'
import { decisionsRecord } from '../state/changelog.ts'
import type { DecidedCut } from '../task.ts'

export interface FlusherOptions {
  producer: KafkaProducer
  input: string
  changelog: string
  clock: Clock
  onFlushed(flushed: Flushed): void
  onFailure(error: unknown): void
}

export interface Flushed {
  records: number
  tookMs: number
  positions: readonly Position[]
}

interface Waiting {
  partition: number
  decision: Decision
  cut: Cut
  /** Its decision need not be written, or is. */
  isTold: boolean
}

/** Records that may wait for the flush under way before the reader waits, too. */
const waitingRecordsMax = 20_000

export class Flusher {
  readonly #options: FlusherOptions
  #waiting: Waiting[] = []
  #waitingRecords = 0
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: FlusherOptions) {
    this.#options = options
  }

  submit(partition: number, { decision, cut, isRepeated }: DecidedCut): void {
    if (this.#isStopped) return
    this.#waiting.push({ partition, decision, cut, isTold: isRepeated || !cut.isDecisive })
    this.#waitingRecords += sizeOf(cut)
    this.#running ??= this.#run()
  }

  /** Resolves when more may be submitted. */
  async room(): Promise<void> {
    while (this.#running && this.#waitingRecords > waitingRecordsMax) await this.#running
  }

  /** Resolves when everything submitted is written, or will never be. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Forgets what waits; a new reader takes it up from the changelog. */
  stop(): void {
    this.#isStopped = true
    this.#waiting = []
    this.#waitingRecords = 0
  }

  async #run(): Promise<void> {
    // The other partitions that are cut now come along.
    await Promise.resolve()
    try {
      while (this.#waiting.length > 0) {
        const waiting = this.#waiting
        this.#waiting = []
        this.#waitingRecords = 0
        await this.#flush(waiting)
      }
    } catch (error) {
      this.stop()
      this.#options.onFailure(error)
    } finally {
      this.#running = undefined
    }
  }

  async #flush(waiting: readonly Waiting[]): Promise<void> {
    const { producer, input, changelog, clock, onFlushed } = this.#options
    const startedMs = clock.monotonicMs()
    const untold = decisionsOf(waiting)
    if (untold.length > 0) await producer.send([{ topic: changelog, records: untold }])
    const outputs = merged(waiting)
    if (outputs.length > 0) await producer.send(outputs)
    const entries = waiting.flatMap(({ partition, cut }) =>
      cut.changelog.map((record) => ({ ...record, partition })),
    )
    const records = [...entries, ...decisionsOf(this.#waiting)]
    await producer.send([{ topic: changelog, records }])
    const positions = positionsOf(waiting, input)
    const written = outputs.reduce((count, batch) => count + batch.records.length, records.length)
    onFlushed({ records: written, tookMs: clock.monotonicMs() - startedMs, positions })
  }
}

function sizeOf({ outputs, changelog }: Cut): number {
  return outputs.reduce((count, { records }) => count + records.length, changelog.length)
}

/** One list a topic, in the order of the cuts. */
function merged(waiting: readonly Waiting[]): TopicRecords[] {
  if (waiting.length === 1) return (waiting[0] as Waiting).cut.outputs
  const byTopic = new Map<string, OutgoingRecord[]>()
  for (const { cut } of waiting) {
    for (const { topic, records } of cut.outputs) {
      const list = byTopic.get(topic) ?? []
      if (list.length === 0) byTopic.set(topic, list)
      for (const record of records) list.push(record)
    }
  }
  return [...byTopic].map(([topic, records]) => ({ topic, records }))
}

/** One record for each partition that has a decision to tell: all those of it that wait. */
function decisionsOf(waiting: readonly Waiting[]): OutgoingRecord[] {
  const byPartition = Map.groupBy(waiting, ({ partition }) => partition)
  return [...byPartition].flatMap(([partition, cuts]) => {
    if (cuts.every(({ isTold }) => isTold)) return []
    const open = cuts.filter(({ cut }) => cut.isDecisive)
    for (const each of open) each.isTold = true
    return [{ ...decisionsRecord(open.map(({ decision }) => decision)), partition }]
  })
}

/** The last cut of each partition. */
function positionsOf(waiting: readonly Waiting[], topic: string): Position[] {
  const offsets = new Map(
    waiting.map(({ partition, decision }) => [partition, decision.nextOffset]),
  )
  return [...offsets].map(([partition, offset]) => ({ topic, partition, offset }))
}
