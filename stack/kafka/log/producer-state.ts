// What a partition remembers of producers with an id (broker.md 3.3): per id its epoch, its last five batches, and where
// its open transaction began. A batch that is one of the five was retried and is answered with its first offset;
// anything but the next sequence is refused. No state at all accepts any sequence, since state may have aged out.
//
// Entries are never changed, only replaced: what a batch that could not be written has replaced can be put back.

import { errorCodes } from '../protocol/errors.ts'
import type { BatchHeader, Marker } from '../protocol/record-batch.ts'
import { isTransactional } from '../protocol/record-batch.ts'

const rememberedBatches = 5
const sequenceMax = 2 ** 31 - 1

interface SequencedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  /** As it is stored: a retry is told this as the time of its append, as in Kafka. Not in snapshots of before. */
  readonly maxTimestampMs?: number
}

interface ProducerEntry {
  readonly epoch: number
  readonly batches: readonly SequencedBatch[]
  /** When it last wrote, by the broker's clock. */
  readonly lastMs: number
  /** Of the coordinator that wrote the last marker. */
  readonly coordinatorEpoch?: number
  /** The first offset of the open transaction. */
  readonly openFrom?: number
}

export interface StoredProducer extends ProducerEntry {
  readonly producerId: number
}

export type SequenceVerdict =
  | { kind: 'append' }
  | { kind: 'duplicate'; baseOffset: number; nextOffset: number; maxTimestampMs: number }
  | { kind: 'refused'; errorCode: number }

/** Puts back what a batch changed. */
export interface Undo {
  producerId: number
  before: ProducerEntry | undefined
}

/** A transaction whose marker was met. */
export interface EndedTransaction {
  producerId: number
  firstOffset: number
  /** Of the marker. */
  lastOffset: number
  isAborted: boolean
}

export interface Noted {
  undo: Undo | undefined
  ended: EndedTransaction | undefined
}

const append: SequenceVerdict = { kind: 'append' }
const refuse = (errorCode: number): SequenceVerdict => ({ kind: 'refused', errorCode })
const outOfOrder = refuse(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER)

export class ProducerState {
  readonly #entries = new Map<number, ProducerEntry>()
  /** producer id → first offset. */
  readonly #open = new Map<number, number>()

  constructor(stored: readonly StoredProducer[] = []) {
    for (const { producerId, ...entry } of stored) this.#set(producerId, entry)
  }

  judge(header: BatchHeader): SequenceVerdict {
    const entry = header.producerId < 0 ? undefined : this.#entries.get(header.producerId)
    if (!entry) return append
    const verdict = judgeSequence(entry, header)
    const leavesTransaction = entry.openFrom !== undefined && !isTransactional(header)
    return verdict === append && leavesTransaction ? refuse(errorCodes.INVALID_TXN_STATE) : verdict
  }

  /** What a marker of this producer is answered with; a coordinator that was replaced must not end anything. */
  judgeMarker(producerId: number, producerEpoch: number, coordinatorEpoch: number): number {
    const entry = this.#entries.get(producerId)
    if (!entry) return errorCodes.NONE
    if (producerEpoch < entry.epoch) return errorCodes.INVALID_PRODUCER_EPOCH
    return coordinatorEpoch < (entry.coordinatorEpoch ?? -1)
      ? errorCodes.TRANSACTION_COORDINATOR_FENCED
      : errorCodes.NONE
  }

  note(header: BatchHeader, nowMs: number, marker?: Marker): Noted {
    const { producerId } = header
    if (producerId < 0) return { undo: undefined, ended: undefined }
    const before = this.#entries.get(producerId)
    const entry = marker
      ? entryAfterMarker(before, header, { nowMs, marker })
      : entryAfterBatch(before, header, nowMs)
    this.#set(producerId, entry)
    const hasEnded = marker !== undefined && before?.openFrom !== undefined
    const ended = hasEnded
      ? {
          producerId,
          firstOffset: before.openFrom,
          lastOffset: header.lastOffset,
          isAborted: !marker.commits,
        }
      : undefined
    return { undo: { producerId, before }, ended }
  }

  undo({ producerId, before }: Undo): void {
    if (before) this.#set(producerId, before)
    else this.#delete(producerId)
  }

  /** Where the first of the open transactions began. */
  get firstOpenOffset(): number | undefined {
    if (this.#open.size === 0) return undefined
    return Math.min(...this.#open.values())
  }

  isOpen(producerId: number): boolean {
    return this.#open.has(producerId)
  }

  /** Never one whose transaction is open. */
  expire(beforeMs: number): void {
    for (const [id, entry] of this.#entries)
      if (entry.lastMs < beforeMs && entry.openFrom === undefined) this.#delete(id)
  }

  stored(): StoredProducer[] {
    return [...this.#entries].map(([producerId, entry]) => ({ producerId, ...entry }))
  }

  #set(producerId: number, entry: ProducerEntry): void {
    this.#entries.set(producerId, entry)
    if (entry.openFrom === undefined) this.#open.delete(producerId)
    else this.#open.set(producerId, entry.openFrom)
  }

  #delete(producerId: number): void {
    this.#entries.delete(producerId)
    this.#open.delete(producerId)
  }
}

function judgeSequence(entry: ProducerEntry, header: BatchHeader): SequenceVerdict {
  if (header.producerEpoch < entry.epoch) return refuse(errorCodes.INVALID_PRODUCER_EPOCH)
  const { baseSequence: firstSequence } = header
  if (header.producerEpoch > entry.epoch) return firstSequence === 0 ? append : outOfOrder
  const lastSequence = lastSequenceOf(header)
  const known = entry.batches.find(
    (batch) => batch.firstSequence === firstSequence && batch.lastSequence === lastSequence,
  )
  if (known) {
    const nextOffset = known.baseOffset + header.lastOffset - header.baseOffset + 1
    const { baseOffset, maxTimestampMs = -1 } = known
    return { kind: 'duplicate', baseOffset, nextOffset, maxTimestampMs }
  }
  const last = entry.batches.at(-1)?.lastSequence ?? -1
  return firstSequence === (last === sequenceMax ? 0 : last + 1) ? append : outOfOrder
}

function entryAfterBatch(
  before: ProducerEntry | undefined,
  header: BatchHeader,
  nowMs: number,
): ProducerEntry {
  const { producerEpoch: epoch } = header
  const earlier = before?.epoch === epoch ? before.batches.slice(1 - rememberedBatches) : []
  const batch = {
    firstSequence: header.baseSequence,
    lastSequence: lastSequenceOf(header),
    baseOffset: header.baseOffset,
    maxTimestampMs: header.maxTimestampMs,
  }
  const openFrom = isTransactional(header) ? (before?.openFrom ?? header.baseOffset) : undefined
  return {
    epoch,
    batches: [...earlier, batch],
    lastMs: nowMs,
    ...(before?.coordinatorEpoch === undefined
      ? {}
      : { coordinatorEpoch: before.coordinatorEpoch }),
    ...(openFrom === undefined ? {} : { openFrom }),
  }
}

/** A marker of a newer epoch fences the producer, whose next batch begins at sequence 0. */
function entryAfterMarker(
  before: ProducerEntry | undefined,
  { producerEpoch: epoch }: BatchHeader,
  { nowMs, marker: { coordinatorEpoch } }: { nowMs: number; marker: Marker },
): ProducerEntry {
  const batches = before?.epoch === epoch ? before.batches : []
  return { epoch, batches, lastMs: nowMs, coordinatorEpoch }
}

/** Sequences wrap from 2^31 - 1 to 0. */
function lastSequenceOf({ baseSequence, baseOffset, lastOffset }: BatchHeader): number {
  const last = baseSequence + lastOffset - baseOffset
  return last > sequenceMax ? last - sequenceMax - 1 : last
}
