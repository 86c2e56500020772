// What a partition remembers of idempotent producers (broker.md 3.3): per producer id its epoch and last five batches.
// A batch that is one of the five was retried and is answered with its first offset; anything but the next sequence
// is refused. No state at all accepts any sequence, since state may have aged out.

import { errorCodes } from '../protocol/errors.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'

const rememberedBatches = 5
const sequenceMax = 2 ** 31 - 1

interface SequencedBatch {
  firstSequence: number
  lastSequence: number
  baseOffset: number
}

interface ProducerEntry {
  epoch: number
  batches: SequencedBatch[]
  lastMs: number
}

export type SequenceVerdict =
  | { kind: 'append' }
  | { kind: 'duplicate'; baseOffset: number }
  | { kind: 'refused'; errorCode: number }

export class ProducerState {
  #entries = new Map<number, ProducerEntry>()

  judge(header: BatchHeader): SequenceVerdict {
    if (header.producerId < 0) return { kind: 'append' }
    const entry = this.#entries.get(header.producerId)
    if (!entry) return { kind: 'append' }
    if (header.producerEpoch < entry.epoch) {
      return { kind: 'refused', errorCode: errorCodes.INVALID_PRODUCER_EPOCH }
    }
    const firstSequence = header.baseSequence
    if (header.producerEpoch > entry.epoch) {
      return firstSequence === 0 ? { kind: 'append' } : outOfOrder
    }
    const lastSequence = lastSequenceOf(header)
    const known = entry.batches.find(
      (batch) => batch.firstSequence === firstSequence && batch.lastSequence === lastSequence,
    )
    if (known) return { kind: 'duplicate', baseOffset: known.baseOffset }
    const last = entry.batches.at(-1)?.lastSequence
    if (last === undefined) return { kind: 'append' }
    return firstSequence === (last === sequenceMax ? 0 : last + 1) ? { kind: 'append' } : outOfOrder
  }

  note(header: BatchHeader, nowMs: number): void {
    if (header.producerId < 0) return
    const before = this.#entries.get(header.producerId)
    const entry =
      before?.epoch === header.producerEpoch
        ? before
        : { epoch: header.producerEpoch, batches: [], lastMs: nowMs }
    entry.batches.push({
      firstSequence: header.baseSequence,
      lastSequence: lastSequenceOf(header),
      baseOffset: header.baseOffset,
    })
    if (entry.batches.length > rememberedBatches) entry.batches.shift()
    entry.lastMs = nowMs
    this.#entries.set(header.producerId, entry)
  }

  expire(beforeMs: number): void {
    for (const [id, entry] of this.#entries) if (entry.lastMs < beforeMs) this.#entries.delete(id)
  }

  encode(): string {
    return JSON.stringify([...this.#entries])
  }

  static decode(text: string): ProducerState {
    const state = new ProducerState()
    state.#entries = new Map(JSON.parse(text) as [number, ProducerEntry][])
    return state
  }
}

const outOfOrder: SequenceVerdict = {
  kind: 'refused',
  errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
}

/** Sequences wrap from 2^31 - 1 to 0. */
function lastSequenceOf(header: BatchHeader): number {
  const last = header.baseSequence + header.count - 1
  return last > sequenceMax ? last - sequenceMax - 1 : last
}
