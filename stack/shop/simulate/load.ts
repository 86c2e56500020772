// Past traffic: the log's first part, written at full speed until it has caught up with now. Each record carries the
// load's id, a last one per partition closes it (T2), so that nothing is judged early meanwhile. Killed and started
// again it goes on after what was acknowledged; what was on its way is sent twice and dropped by its event id.

import { loadEndHeader, loadHeader, topics } from '#stack/contract/topics.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Delivery } from './delivery.ts'
import type { LoadState } from './load-state.ts'
import { loadRecord } from './outgoing.ts'

export interface LoadOptions {
  state: LoadState
  /** The log from its first record on. */
  records: Iterator<Delivery, void, void>
  send(records: readonly OutgoingRecord[]): Promise<void>
  partitionCount: KafkaProducer['partitionCount']
  nowMs(): number
  save(state: LoadState): void
  /** Called with the time up to which everything is written. */
  onProgress(writtenUntilMs: number): void
  /** Lets others have the thread between two batches. */
  breathe(): Promise<void>
  signal: AbortSignal
}

/** Bounds what is encoded and not yet acknowledged: one batch on its way, one being made. */
const batchRecords = 2000
const saveEveryRecords = 20_000
const skipAtOnce = 10_000

/** Resolves with the first record that is not due yet; undefined when stopped before the end. */
export async function writeLoad(options: LoadOptions): Promise<Delivery | undefined> {
  const { state, records, signal } = options
  let next = await skip(options, state.sentRecords)
  let onItsWay: Promise<void> = Promise.resolve()
  let savedRecords = state.sentRecords
  while (next && next.receivedMs <= options.nowMs() && !signal.aborted) {
    const batch: OutgoingRecord[] = []
    let untilMs = next.receivedMs
    const dueMs = options.nowMs()
    while (next && next.receivedMs <= dueMs && batch.length < batchRecords) {
      untilMs = next.receivedMs
      batch.push(loadRecord(next, state.loadId))
      next = records.next().value ?? undefined
    }
    await onItsWay
    onItsWay = acknowledged(options, batch, untilMs)
    // Looked at in the next round; until then a failure must not count as unhandled.
    onItsWay.catch(() => {})
    if (state.sentRecords - savedRecords >= saveEveryRecords) {
      options.save(state)
      savedRecords = state.sentRecords
    }
    await options.breathe()
  }
  await onItsWay
  options.save(state)
  if (signal.aborted) return undefined
  await close(options)
  return next
}

async function skip(options: LoadOptions, count: number): Promise<Delivery | undefined> {
  for (let i = 0; i < count; i++) {
    if (options.records.next().done) return undefined
    if (i % skipAtOnce === skipAtOnce - 1) await options.breathe()
  }
  return options.records.next().value ?? undefined
}

async function acknowledged(
  options: LoadOptions,
  batch: readonly OutgoingRecord[],
  untilMs: number,
): Promise<void> {
  await options.send(batch)
  options.state.sentRecords += batch.length
  options.onProgress(untilMs)
}

async function close(options: LoadOptions): Promise<void> {
  const { state } = options
  const partitions = await options.partitionCount(topics.events.name)
  const ends = Array.from({ length: partitions }, (_, partition) => ({
    key: null,
    value: '',
    partition,
    timestampMs: options.nowMs(),
    headers: { [loadHeader]: state.loadId, [loadEndHeader]: state.loadId },
  }))
  await options.send(ends)
  state.isDone = true
  options.save(state)
}
