// Rows gathered into batches that one request of Storage Write can hold. What can never be sent is put aside with the
// reason; its `_seq` counts as passed.

import { messageOf } from '#stack/base/errors.ts'
import type { RowPage } from '#stack/contract/row-pages.ts'
import type { RowEncoder } from './row-encoding.ts'
import type { RowLines } from './row-lines.ts'

/** A request takes 10 MB with everything around its rows. */
export const rowBytesMax = 9_000_000
/** Tag and length of a row in its request. */
const overheadBytes = 6

export interface BatchRow {
  seq: number
  bytes: Uint8Array
  /** Where it came from, for the error lane. */
  page: RowPage
  row: number
}

export interface BadRow {
  seq: number
  text: string
  code: string
  reason: string
}

export interface Batch {
  rows: BatchRow[]
  bad: BadRow[]
  seqFrom: number
  seqTo: number
}

export interface BatchLimits {
  bytes: number
  rows: number
}

export class Batcher {
  readonly #encoder: RowEncoder
  readonly #lines: RowLines
  readonly #limits: BatchLimits
  readonly #epoch: number
  #batch: Batch | undefined
  #bytes = 0
  #stamp: Buffer | undefined

  constructor(options: {
    encoder: RowEncoder
    lines: RowLines
    epoch: number
    limits: BatchLimits
  }) {
    this.#encoder = options.encoder
    this.#lines = options.lines
    this.#limits = options.limits
    this.#epoch = options.epoch
  }

  /** The batch that was full before this row. */
  add(page: RowPage, row: number, nowMs: number): Batch | undefined {
    const seq = page.seqAt(row)
    this.#stamp ??= this.#encoder.stamp({ batch: `${this.#epoch}-${seq}`, nowMs })
    const encoded = this.#encode(page, row, this.#stamp)
    if (encoded instanceof Uint8Array && this.#isFull(encoded)) {
      const full = this.take()
      // Its stamp is the next batch's.
      return this.add(page, row, nowMs) ?? full
    }
    const batch = (this.#batch ??= { rows: [], bad: [], seqFrom: seq, seqTo: seq })
    batch.seqTo = seq
    if (encoded instanceof Uint8Array) {
      this.#bytes += encoded.length + overheadBytes
      batch.rows.push({ seq, bytes: encoded, page, row })
    } else batch.bad.push({ seq, text: this.#lines.text(page, row), ...encoded })
    return undefined
  }

  take(): Batch | undefined {
    const batch = this.#batch
    this.#batch = undefined
    this.#stamp = undefined
    this.#bytes = 0
    return batch
  }

  #isFull({ length }: Uint8Array): boolean {
    const { bytes, rows } = this.#limits
    const count = this.#batch?.rows.length ?? 0
    return count > 0 && (count >= rows || this.#bytes + length + overheadBytes > bytes)
  }

  #encode(page: RowPage, row: number, stamp: Buffer): Uint8Array | Pick<BadRow, 'code' | 'reason'> {
    try {
      const bytes = this.#encoder.encode(page, row, stamp)
      if (bytes.length <= rowBytesMax) return bytes
      const reason = `a row of ${bytes.length} bytes; a request takes ${rowBytesMax}`
      return { code: 'TOO_LARGE', reason }
    } catch (error) {
      return { code: 'NOT_ENCODABLE', reason: messageOf(error) }
    }
  }
}

/** The batch without rows that were refused. */
export function without(batch: Batch, indexes: ReadonlySet<number>): Batch {
  return { ...batch, rows: batch.rows.filter((_, i) => !indexes.has(i)) }
}
