// Columns into DuckDB's vectors, by the layout that its C API documents. Setting cells one by one through the Node API
// costs more than all the rest of a row: a call into native code per text, a big integer per number and per null.
//
//   BOOLEAN    a byte                          LIST      two uint64: where in the child vector, how many
//   BIGINT     int64                           STRUCT    a child vector per field
//   TIMESTAMP  int64, microseconds             validity  a bit per row, 1 is a value; absent while no row is null
//   VARCHAR    16 bytes, of which only the size is relied on: a text that comes again in a column is a copy of the
//              entry made for the first one
//
// columns.ts compares one chunk with what the Node API makes of the same cells, and does without where they differ.

import duckdb from '@duckdb/node-bindings'
import type { Vector } from '@duckdb/node-bindings'
import type { ColumnType } from '#stack/contract/tables.ts'
import { structFields } from './schema.ts'

type Column = readonly unknown[]

/** One column of a chunk: cells in row order, null where there is none. */
export function fillVector(vector: Vector, type: ColumnType, column: Column): void {
  fillers[type](vector, column)
  fillValidity(vector, column)
}

const fillers: Record<ColumnType, (vector: Vector, column: Column) => void> = {
  string: fillTexts,
  json: fillTexts,
  boolean: fillBooleans,
  integer: (vector, column) => fillIntegers(vector, column, 1),
  timestamp: (vector, column) => fillIntegers(vector, column, 1000),
  strings(vector, column) {
    const { child, elements } = fillLists(vector, column)
    fillVector(child, 'string', elements)
  },
  items: (vector, column) => fillStructs(vector, column, 'items'),
  lines: (vector, column) => fillStructs(vector, column, 'lines'),
  amounts: (vector, column) => fillStructs(vector, column, 'amounts'),
}

/** What a column is put together in before it is copied; larger when a list's elements need it. */
let scratch = new ArrayBuffer(64 * 1024)

function scratchOf(bytes: number): ArrayBuffer {
  if (scratch.byteLength < bytes) scratch = new ArrayBuffer(2 * bytes)
  return scratch
}

function fillBooleans(vector: Vector, column: Column): void {
  const bytes = new Uint8Array(scratchOf(column.length), 0, column.length)
  for (let r = 0; r < column.length; r++) bytes[r] = column[r] === true ? 1 : 0
  copy(vector, bytes)
}

const twoTo32 = 2 ** 32

/** As two halves of 32 bits: whole numbers are safe to 2^53, and a BigInt each would be garbage each. */
function fillIntegers(vector: Vector, column: Column, factor: number): void {
  const halves = new Int32Array(scratchOf(column.length * 8), 0, column.length * 2)
  for (let r = 0; r < column.length; r++) {
    const value = column[r] === null ? 0 : (column[r] as number) * factor
    const high = Math.floor(value / twoTo32)
    halves[2 * r] = value - high * twoTo32
    halves[2 * r + 1] = high
  }
  copy(vector, halves)
}

/** A column whose first texts are mostly different is taken for one of different texts. */
const probedTexts = 64

function fillTexts(vector: Vector, column: Column): void {
  const firstRow = new Map<string, number>()
  const again: number[] = []
  let doRepeat = true
  for (let r = 0; r < column.length; r++) {
    const text = column[r] as string | null
    if (text === null) continue
    const first = doRepeat ? firstRow.get(text) : undefined
    if (first !== undefined) {
      again.push(r, first)
      continue
    }
    duckdb.vector_assign_string_element(vector, r, text)
    if (!doRepeat) continue
    firstRow.set(text, r)
    if (firstRow.size === probedTexts) doRepeat = again.length > probedTexts
  }
  if (again.length > 0) repeatEntries(vector, column.length, again)
}

const entryWords = 4

function repeatEntries(vector: Vector, count: number, again: readonly number[]): void {
  const bytes = duckdb.vector_get_data(vector, count * entryWords * 4)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, count * entryWords)
  for (let i = 0; i < again.length; i += 2) {
    const to = (again[i] as number) * entryWords
    const from = (again[i + 1] as number) * entryWords
    for (let w = 0; w < entryWords; w++) words[to + w] = words[from + w] as number
  }
  // Where the bytes were a copy and not the vector's own, they take effect only now.
  copy(vector, words)
}

/** Sizes of the lists; answers the child vector with room for all elements, and those. */
function fillLists(vector: Vector, column: Column): { child: Vector; elements: unknown[] } {
  const entries = new Int32Array(scratchOf(column.length * 16), 0, column.length * 4).fill(0)
  const elements: unknown[] = []
  for (let r = 0; r < column.length; r++) {
    const list = column[r] as readonly unknown[] | null
    entries[4 * r] = elements.length
    entries[4 * r + 2] = list?.length ?? 0
    if (list !== null) for (const element of list) elements.push(element)
  }
  copy(vector, entries)
  duckdb.list_vector_reserve(vector, elements.length)
  duckdb.list_vector_set_size(vector, elements.length)
  return { child: duckdb.list_vector_get_child(vector), elements }
}

function fillStructs(vector: Vector, column: Column, type: keyof typeof structFields): void {
  const { child, elements } = fillLists(vector, column)
  if (elements.length === 0) return
  Object.entries(structFields[type]).forEach(([name, fieldType], i) => {
    const field = elements.map((element) => (element as Record<string, unknown>)[name] ?? null)
    fillVector(duckdb.struct_vector_get_child(child, i), fieldType, field)
  })
}

function fillValidity(vector: Vector, column: Column): void {
  let bits: Uint8Array<ArrayBuffer> | undefined
  for (let r = 0; r < column.length; r++) {
    if (column[r] !== null) continue
    bits ??= allValid(column.length)
    bits[r >> 3] = (bits[r >> 3] as number) & ~(1 << (r & 7))
  }
  if (bits === undefined) return
  duckdb.vector_ensure_validity_writable(vector)
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, bits.byteOffset, bits.byteLength)
}

/** In words of 64 rows. */
function allValid(count: number): Uint8Array<ArrayBuffer> {
  const bytes = Math.ceil(count / 64) * 8
  return new Uint8Array(scratchOf(bytes), 0, bytes).fill(0xff)
}

function copy(vector: Vector, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength)
}
