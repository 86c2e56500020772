// Rows by column, as history hands them to whoever makes other bytes of them: no value is written as text and read again.
// Columns are the stored ones of the table, or of its log, in their order. All numbers are little-endian.
//
//   page     uint32 its bytes · uint32 rows · int32 for each row, how many bytes its texts take · columns · texts
//   column   a bit for each row, 1 is a value, in words of 64 · then for each row, filled up to eight bytes:
//              integer, timestamp (microseconds since 1970)   int64
//              boolean                                        a byte
//              all others                                     int32, how many bytes its text takes
//   texts    UTF-8, row by row, in the order of the columns; JSON as it is stored, arrays as JSON
//
// What stands where a row has no value means nothing, and it has no text.

import { storedColumns } from './tables.ts'
import type { ColumnType, TableName } from './tables.ts'

export const rowPagesType = 'application/vnd.slipway.row-pages'

/** Of the page: its bytes, and its rows. */
export const pageHeadBytes = 8

export const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8

export const validityBytes = (rows: number): number => padded(Math.ceil(rows / 8))

export type Shape = 'number' | 'truth' | 'text'

/** How a column lies in a page. */
export function shapeOf(type: ColumnType): Shape {
  if (type === 'integer' || type === 'timestamp') return 'number'
  return type === 'boolean' ? 'truth' : 'text'
}

export const valueBytes: Readonly<Record<Shape, number>> = { number: 8, truth: 1, text: 4 }

/** One column of a page. Of the arrays one holds a value for each row, by the column's shape; of numbers, two words. */
export interface PageColumn {
  name: string
  type: ColumnType
  shape: Shape
  validity: Uint8Array
  words: Uint32Array
  truths: Uint8Array
  lengths: Int32Array
}

const noWords = new Uint32Array(0)
const noTruths = new Uint8Array(0)
const noLengths = new Int32Array(0)
const two32 = 2 ** 32

export class RowPage {
  readonly rows: number
  readonly columns: readonly PageColumn[]
  /** Where each row's texts begin in `bytes`, and how many bytes they take. */
  readonly textStarts: Int32Array
  readonly textBytes: Int32Array
  readonly bytes: Buffer
  readonly #seqs: PageColumn

  /** `bytes` begin at a multiple of eight in their memory, and are not written to any more. */
  constructor(table: TableName, bytes: Buffer) {
    const memory = { bytes, at: pageHeadBytes }
    this.bytes = bytes
    this.rows = bytes.readUInt32LE(4)
    this.textBytes = new Int32Array(...taken(memory, 4, this.rows))
    this.columns = storedColumns(table, 'log').map(([name, { type }]) =>
      columnIn(memory, { name, type, rows: this.rows }),
    )
    this.textStarts = startsOf(this.textBytes, memory.at)
    this.#seqs = this.column('_seq')
  }

  seqAt(row: number): number {
    return numberAt(this.#seqs, row)
  }

  column(name: string): PageColumn {
    const column = this.columns.find((each) => each.name === name)
    if (!column) throw new Error(`these rows have no column ${name}`)
    return column
  }
}

export function isValue({ validity }: PageColumn, row: number): boolean {
  return (((validity[row >> 3] as number) >> (row & 7)) & 1) === 1
}

/** Rounded beyond 2^53. */
export function numberAt({ words }: PageColumn, row: number): number {
  return ((words[2 * row + 1] as number) | 0) * two32 + (words[2 * row] as number)
}

export function int64At({ words }: PageColumn, row: number): bigint {
  const [low, high] = [words[2 * row] as number, words[2 * row + 1] as number]
  return BigInt.asIntN(64, (BigInt(high) << 32n) + BigInt(low))
}

interface Memory {
  bytes: Buffer
  at: number
}

/** The next values in the memory of a page, as arrays of them are made. */
function taken(memory: Memory, bytesEach: number, count: number): [ArrayBuffer, number, number] {
  const { buffer, byteOffset } = memory.bytes
  const from = byteOffset + memory.at
  memory.at += padded(bytesEach * count)
  return [buffer as ArrayBuffer, from, count]
}

function columnIn(
  memory: Memory,
  { name, type, rows }: { name: string; type: ColumnType; rows: number },
): PageColumn {
  const shape = shapeOf(type)
  const validity = new Uint8Array(...taken(memory, 1, validityBytes(rows)))
  const column = {
    name,
    type,
    shape,
    validity,
    words: noWords,
    truths: noTruths,
    lengths: noLengths,
  }
  switch (shape) {
    case 'number':
      return { ...column, words: new Uint32Array(...taken(memory, 4, 2 * rows)) }
    case 'truth':
      return { ...column, truths: new Uint8Array(...taken(memory, 1, rows)) }
    case 'text':
      return { ...column, lengths: new Int32Array(...taken(memory, 4, rows)) }
  }
}

function startsOf(textBytes: Int32Array, first: number): Int32Array {
  let at = first
  return textBytes.map((bytes) => {
    const start = at
    at += bytes
    return start
  })
}
