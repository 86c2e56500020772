// What a partition remembers of idempotent producers (broker.md 3.3): per producer id its epoch and last five batches.
// A batch that is one of the five was retried and is answered with its first offset; anything but the next sequence
// is refused. No state at all accepts any sequence, since state may have aged out.
//
// Entries are never changed, only replaced: what a batch that could not be written has replaced can be put back.

import { errorCodes } from '../protocol/errors.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'

const rememberedBatches = 5
const sequenceMax = 2 ** 31 - 1

interface SequencedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

interface ProducerEntry {
  readonly epoch: number
  readonly batches: readonly SequencedBatch[]
  /** When it last wrote, by the broker's clock. */
  readonly lastMs: number
}

export interface StoredProducer extends ProducerEntry {
  readonly producerId: number
}

export type SequenceVerdict =
  | { kind: 'append' }
  | { kind: 'duplicate'; baseOffset: number; nextOffset: number }
  | { kind: 'refused'; errorCode: number }

/** Puts back what a batch changed. */
export interface Undo {
  producerId: number
  before: ProducerEntry | undefined
}

const append: SequenceVerdict = { kind: 'append' }
const outOfOrder: SequenceVerdict = {
  kind: 'refused',
  errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
}

export class ProducerState {
  readonly #entries: Map<number, ProducerEntry>

  constructor(stored: readonly StoredProducer[] = []) {
    this.#entries = new Map(stored.map(({ producerId, ...entry }) => [producerId, entry]))
  }

  judge(header: BatchHeader): SequenceVerdict {
    const entry = header.producerId < 0 ? undefined : this.#entries.get(header.producerId)
    if (!entry) return append
    if (header.producerEpoch < entry.epoch)
      return { kind: 'refused', errorCode: errorCodes.INVALID_PRODUCER_EPOCH }
    const { baseSequence: firstSequence } = header
    if (header.producerEpoch > entry.epoch) return firstSequence === 0 ? append : outOfOrder
    const lastSequence = lastSequenceOf(header)
    const known = entry.batches.find(
      (batch) => batch.firstSequence === firstSequence && batch.lastSequence === lastSequence,
    )
    if (known) {
      const nextOffset = known.baseOffset + header.lastOffset - header.baseOffset + 1
      return { kind: 'duplicate', baseOffset: known.baseOffset, nextOffset }
    }
    const last = entry.batches.at(-1)?.lastSequence ?? -1
    return firstSequence === (last === sequenceMax ? 0 : last + 1) ? append : outOfOrder
  }

  note(header: BatchHeader, nowMs: number): Undo | undefined {
    const { producerId, producerEpoch: epoch } = header
    if (producerId < 0) return undefined
    const before = this.#entries.get(producerId)
    const earlier = before?.epoch === epoch ? before.batches.slice(1 - rememberedBatches) : []
    const batch = {
      firstSequence: header.baseSequence,
      lastSequence: lastSequenceOf(header),
      baseOffset: header.baseOffset,
    }
    this.#entries.set(producerId, { epoch, batches: [...earlier, batch], lastMs: nowMs })
    return { producerId, before }
  }

  undo({ producerId, before }: Undo): void {
    if (before) this.#entries.set(producerId, before)
    else this.#entries.delete(producerId)
  }

  expire(beforeMs: number): void {
    for (const [id, entry] of this.#entries) if (entry.lastMs < beforeMs) this.#entries.delete(id)
  }

  stored(): StoredProducer[] {
    return [...this.#entries].map(([producerId, entry]) => ({ producerId, ...entry }))
  }
}

/** Sequences wrap from 2^31 - 1 to 0. */
function lastSequenceOf({ baseSequence, baseOffset, lastOffset }: BatchHeader): number {
  const last = baseSequence + lastOffset - baseOffset
  return last > sequenceMax ? last - sequenceMax - 1 : last
}
