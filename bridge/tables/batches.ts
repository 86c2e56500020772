// Rows gathered into batches that one request of Storage Write can hold. What can never be sent is put aside with the
// reason; its `_seq` counts as passed.

import { messageOf } from '#stack/base/errors.ts'
import type { TableName } from '#stack/contract/tables.ts'
import { RowEncoder } from './row-encoding.ts'
import type { WireRow } from './row-encoding.ts'

/** A request takes 10 MB with everything around its rows. */
export const rowBytesMax = 9_000_000
/** Tag and length of a row in its request. */
const overheadBytes = 6

export interface BatchRow {
  seq: number
  bytes: Uint8Array
  /** As the read API sent it, for the error lane. */
  text: string
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
  readonly #limits: BatchLimits
  readonly #epoch: number
  #batch: Batch | undefined
  #bytes = 0
  #stamp: { _bridge_batch: string; _ingested_at: string } | undefined

  constructor(name: TableName, epoch: number, limits: BatchLimits) {
    this.#encoder = new RowEncoder(name)
    this.#limits = limits
    this.#epoch = epoch
  }

  /** The batch that was full before this row. */
  add(row: WireRow, text: string, nowIso: string): Batch | undefined {
    const seq = row['_seq'] as number
    this.#stamp ??= { _bridge_batch: `${this.#epoch}-${seq}`, _ingested_at: nowIso }
    const encoded = this.#encode(row, this.#stamp)
    if (encoded instanceof Uint8Array && this.#isFull(encoded)) {
      const full = this.take()
      // Its stamp is the next batch's.
      return this.add(row, text, nowIso) ?? full
    }
    this.#put(seq, text, encoded)
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

  #put(seq: number, text: string, encoded: Uint8Array | Omit<BadRow, 'seq' | 'text'>): void {
    const batch = (this.#batch ??= { rows: [], bad: [], seqFrom: seq, seqTo: seq })
    batch.seqTo = seq
    if (!(encoded instanceof Uint8Array)) return void batch.bad.push({ seq, text, ...encoded })
    this.#bytes += encoded.length + overheadBytes
    batch.rows.push({ seq, bytes: encoded, text })
  }

  #encode(row: WireRow, stamp: WireRow): Uint8Array | Omit<BadRow, 'seq' | 'text'> {
    try {
      const bytes = this.#encoder.encode(row, stamp)
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
