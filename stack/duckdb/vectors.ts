// Rows gathered by column, and how the columns become DuckDB's vectors, by the layout that its C API documents. Setting
// cells one by one through the Node API costs more than all the rest of a row: a call into native code per text, a big
// integer per number and per null.
//
//   BOOLEAN    a byte                          LIST      two uint64: where in the child vector, how many
//   BIGINT     int64                           STRUCT    a child vector per field
//   TIMESTAMP  int64, microseconds             validity  a bit per row, 1 is a value; absent while no row is null
//   VARCHAR    16 bytes: uint32 length, then up to 12 bytes of text and zeros behind it; of a longer text its first 4
//              bytes and where it lies
//
// All texts of a chunk lie in one arena, which DuckDB takes over in one call; the entries point into it. A few are tried
// at first: where DuckDB makes other entries of them, each text is handed over by itself.

import { isUtf8 } from 'node:buffer'
import duckdb from '@duckdb/node-bindings'
import type { Vector } from '@duckdb/node-bindings'
import { DuckDBDataChunk, VARCHAR } from '@duckdb/node-api'
import { invariant } from '../base/invariant.ts'
import { KiB } from '../base/units.ts'

export type Cell = string | number | boolean | null | readonly unknown[]

/** The bytes of all texts of a chunk. */
export class Arena {
  bytes: Buffer = Buffer.allocUnsafeSlow(4 * KiB)
  length = 0

  /** Answers where they lie. */
  add(bytes: Uint8Array): number {
    const start = this.#room(bytes.length)
    this.bytes.set(bytes, start)
    this.length += bytes.length
    return start
  }

  /** Answers where it begins; it ends at `length`. */
  write(text: string): number {
    const start = this.#room(3 * text.length)
    this.length += this.bytes.write(text, start)
    return start
  }

  /** A text of another's bytes; what is no UTF-8 in it is replaced, as TextDecoder does. It ends at `length`. */
  addText(source: Uint8Array, from: number, bytes: number): number {
    const start = this.#room(bytes)
    let seen = 0
    for (let i = 0; i < bytes; i++) {
      const byte = source[from + i] as number
      this.bytes[start + i] = byte
      seen |= byte
    }
    if (seen >= 0x80) {
      const text = this.bytes.subarray(start, start + bytes)
      if (!isUtf8(text)) return this.write(text.toString())
    }
    this.length += bytes
    return start
  }

  #room(bytes: number): number {
    const needed = this.length + bytes
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * needed)
      larger.set(this.bytes.subarray(0, this.length))
      this.bytes = larger
    }
    return this.length
  }
}

/** Where the arena lies in DuckDB's memory. */
interface Address {
  low: number
  high: number
}

export interface Column {
  push(cell: Cell): void
  fill(vector: Vector, address: Address | undefined): void
  clear(): void
}

const firstCapacity = 16
export const inlinedBytes = 12
const twoTo32 = 2 ** 32

export class TextColumn implements Column {
  readonly #arena: Arena
  #starts = new Int32Array(firstCapacity)
  /** -1 is null. */
  #lengths = new Int32Array(firstCapacity)
  #count = 0
  #nulls = 0

  constructor(arena: Arena) {
    this.#arena = arena
  }

  push(cell: Cell): void {
    if (cell === null) {
      this.pushNull()
      return
    }
    const start = this.#arena.write(cell as string)
    this.pushSpan(start, this.#arena.length - start)
  }

  pushBytes(source: Uint8Array, from: number, bytes: number): void {
    const start = this.#arena.addText(source, from, bytes)
    this.pushSpan(start, this.#arena.length - start)
  }

  /** A text that lies in the arena. */
  pushSpan(start: number, length: number): void {
    if (this.#count === this.#starts.length) this.#grow()
    this.#starts[this.#count] = start
    this.#lengths[this.#count++] = length
  }

  pushNull(): void {
    this.#nulls++
    this.pushSpan(0, -1)
  }

  fill(vector: Vector, address: Address | undefined): void {
    if (address === undefined) this.#assign(vector)
    else this.#enter(vector, address)
    if (this.#nulls > 0) fillValidity(vector, this.#count, (row) => this.#lengths[row] !== -1)
  }

  clear(): void {
    this.#count = 0
    this.#nulls = 0
  }

  #enter(vector: Vector, { low, high }: Address): void {
    const { bytes: source } = this.#arena
    const entries = new Int32Array(scratchOf(this.#count * 16), 0, this.#count * 4).fill(0)
    const bytes = new Uint8Array(entries.buffer, 0, this.#count * 16)
    for (let row = 0; row < this.#count; row++) {
      const length = this.#lengths[row] as number
      if (length <= 0) continue
      const start = this.#starts[row] as number
      entries[4 * row] = length
      const isInlined = length <= inlinedBytes
      const shown = isInlined ? length : 4
      for (let i = 0, to = 16 * row + 4; i < shown; i++) bytes[to + i] = source[start + i] as number
      if (isInlined) continue
      const lies = low + start
      entries[4 * row + 2] = lies
      entries[4 * row + 3] = lies >= twoTo32 ? high + 1 : high
    }
    copy(vector, entries)
  }

  #assign(vector: Vector): void {
    for (let row = 0; row < this.#count; row++) {
      const length = this.#lengths[row] as number
      const start = this.#starts[row] as number
      if (length < 0) continue
      const text = this.#arena.bytes.subarray(start, start + length)
      duckdb.vector_assign_string_element_len(vector, row, text)
    }
  }

  #grow(): void {
    this.#starts = grown(this.#starts)
    this.#lengths = grown(this.#lengths)
  }
}

/** Whole numbers of 64 bits, as two halves of 32: a BigInt each would be garbage each. */
export class Int64Column implements Column {
  readonly #factor: number
  /** Low and high words, and whether there is a value. */
  #words = new Int32Array(2 * firstCapacity)
  #isValue = new Int8Array(firstCapacity)
  #count = 0
  #nulls = 0

  /** `factor`: of numbers that are pushed, to DuckDB's unit. */
  constructor(factor = 1) {
    this.#factor = factor
  }

  push(cell: Cell): void {
    if (cell === null) this.pushNull()
    else this.pushNumber(cell as number)
  }

  /** Exact to 2^53. NaN, as of a time that is none, is null. */
  pushNumber(value: number): void {
    if (Number.isNaN(value)) return this.pushNull()
    const scaled = value * this.#factor
    const high = Math.floor(scaled / twoTo32)
    this.pushWords(scaled - high * twoTo32, high)
  }

  pushWords(low: number, high: number): void {
    this.#add(low, high, 1)
  }

  pushNull(): void {
    this.#nulls++
    this.#add(0, 0, 0)
  }

  #add(low: number, high: number, isValue: 0 | 1): void {
    if (this.#count === this.#isValue.length) {
      this.#isValue = grown(this.#isValue)
      this.#words = grown(this.#words)
    }
    this.#words[2 * this.#count] = low
    this.#words[2 * this.#count + 1] = high
    this.#isValue[this.#count++] = isValue
  }

  fill(vector: Vector): void {
    copy(vector, this.#words.subarray(0, 2 * this.#count))
    if (this.#nulls > 0) fillValidity(vector, this.#count, (row) => this.#isValue[row] === 1)
  }

  clear(): void {
    this.#count = 0
    this.#nulls = 0
  }
}

export class TruthColumn implements Column {
  /** -1 is null. */
  #values = new Int8Array(firstCapacity)
  #count = 0
  #nulls = 0

  push(cell: Cell): void {
    if (this.#count === this.#values.length) this.#values = grown(this.#values)
    if (cell === null) this.#nulls++
    this.#values[this.#count++] = cell === null ? -1 : Number(cell)
  }

  fill(vector: Vector): void {
    const bytes = new Uint8Array(scratchOf(this.#count), 0, this.#count)
    for (let row = 0; row < this.#count; row++) bytes[row] = this.#values[row] === 1 ? 1 : 0
    copy(vector, bytes)
    if (this.#nulls > 0) fillValidity(vector, this.#count, (row) => this.#values[row] !== -1)
  }

  clear(): void {
    this.#count = 0
    this.#nulls = 0
  }
}

/** Lists of texts, or of structs with a column per field. */
export class ListColumn implements Column {
  readonly fields: readonly Column[]
  readonly #names: readonly string[] | undefined
  /** -1 is null. */
  #sizes = new Int32Array(firstCapacity)
  #count = 0
  #nulls = 0
  #elements = 0

  constructor(fields: readonly Column[], names: readonly string[] | undefined) {
    this.fields = fields
    this.#names = names
  }

  push(cell: Cell): void {
    const list = cell as readonly unknown[] | null
    this.pushSize(list?.length ?? -1)
    for (const element of list ?? []) {
      this.fields.forEach((field, i) => {
        const name = this.#names?.[i]
        const value = name === undefined ? element : (element as Record<string, unknown>)[name]
        field.push((value ?? null) as Cell)
      })
    }
  }

  /** The elements follow, field by field. */
  pushSize(size: number): void {
    if (this.#count === this.#sizes.length) this.#sizes = grown(this.#sizes)
    this.#sizes[this.#count++] = size
    if (size === -1) this.#nulls++
    else this.#elements += size
  }

  fill(vector: Vector, address: Address | undefined): void {
    const entries = new Int32Array(scratchOf(this.#count * 16), 0, this.#count * 4).fill(0)
    for (let row = 0, from = 0; row < this.#count; row++) {
      const size = Math.max(this.#sizes[row] as number, 0)
      entries[4 * row] = from
      entries[4 * row + 2] = size
      from += size
    }
    copy(vector, entries)
    if (this.#nulls > 0) fillValidity(vector, this.#count, (row) => this.#sizes[row] !== -1)
    duckdb.list_vector_reserve(vector, this.#elements)
    duckdb.list_vector_set_size(vector, this.#elements)
    if (this.#elements === 0) return
    const child = duckdb.list_vector_get_child(vector)
    this.fields.forEach((field, i) => {
      field.fill(
        this.#names === undefined ? child : duckdb.struct_vector_get_child(child, i),
        address,
      )
    })
  }

  clear(): void {
    this.#count = 0
    this.#nulls = 0
    this.#elements = 0
    for (const field of this.fields) field.clear()
  }
}

/**
 * What the columns hold becomes the rows of the chunk; each has a cell of each row. Where there is none, somebody else
 * fills the vector.
 */
export function fillChunk(
  chunk: DuckDBDataChunk,
  columns: readonly (Column | undefined)[],
  { arena, rows, doEnter = areEntriesKnown() }: { arena: Arena; rows: number; doEnter?: boolean },
): void {
  chunk.rowCount = rows
  const vectors = columns.map((_, i) => duckdb.data_chunk_get_vector(chunk.chunk, i))
  const address = doEnter ? takeOver(vectors, columns, arena) : undefined
  columns.forEach((column, i) => column?.fill(vectors[i] as Vector, address))
}

/**
 * As the first text of the first column of texts, whose memory keeps it until the chunk is reset. DuckDB takes UTF-8 only,
 * and is silent where it does not: entries would point to nowhere.
 */
function takeOver(
  vectors: readonly Vector[],
  columns: readonly (Column | undefined)[],
  arena: Arena,
): Address | undefined {
  if (arena.length <= inlinedBytes) return { low: 0, high: 0 }
  const vector = vectors[columns.findIndex((column) => column instanceof TextColumn)]
  if (vector === undefined) return undefined
  const texts = arena.bytes.subarray(0, arena.length)
  invariant(isUtf8(texts), 'texts of a chunk are UTF-8')
  duckdb.vector_assign_string_element_len(vector, 0, texts)
  const { buffer, byteOffset } = duckdb.vector_get_data(vector, 16)
  const [, , low = 0, high = 0] = new Uint32Array(buffer, byteOffset, 4)
  return { low, high }
}

let areKnown: boolean | undefined

/** Whether entries are what DuckDB itself makes of the same texts, and these come back from them. */
export function areEntriesKnown(): boolean {
  areKnown ??= seen(true) === seen(false)
  return areKnown
}

const tried = ['', null, 'é', 'twelve bytes', 'thirteen bytes', 'a longer text, é😀']

/** Texts and entries, without where longer texts lie. */
function seen(doEnter: boolean): string {
  const arena = new Arena()
  const column = new TextColumn(arena)
  for (const text of tried) column.push(text)
  const chunk = DuckDBDataChunk.create([VARCHAR])
  fillChunk(chunk, [column], { arena, rows: tried.length, doEnter })
  const entries = duckdb.vector_get_data(
    duckdb.data_chunk_get_vector(chunk.chunk, 0),
    tried.length * 16,
  )
  const shown = tried.map((text, row) => {
    if (text === null) return []
    const isInlined = Buffer.byteLength(text) <= inlinedBytes
    return [...entries.subarray(row * 16, row * 16 + (isInlined ? 16 : 8))]
  })
  return JSON.stringify([new DuckDBDataChunk(chunk.chunk).getColumnValues(0), shown])
}

/** What a column is put together in before it is copied; larger when a list's elements need it. */
let scratch = new ArrayBuffer(64 * KiB)

function scratchOf(bytes: number): ArrayBuffer {
  if (scratch.byteLength < bytes) scratch = new ArrayBuffer(2 * bytes)
  return scratch
}

function fillValidity(vector: Vector, count: number, isValue: (row: number) => boolean): void {
  // In words of 64 rows.
  const bits = new Uint8Array(scratchOf(count), 0, Math.ceil(count / 64) * 8).fill(0xff)
  for (let row = 0; row < count; row++) {
    if (!isValue(row)) bits[row >> 3] = (bits[row >> 3] as number) & ~(1 << (row & 7))
  }
  duckdb.vector_ensure_validity_writable(vector)
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, bits.byteOffset, bits.byteLength)
}

function copy(vector: Vector, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength)
}

function grown<T extends Int32Array | Float64Array | Int8Array>(values: T): T {
  const larger = new (values.constructor as new (length: number) => T)(values.length * 2)
  larger.set(values)
  return larger
}
