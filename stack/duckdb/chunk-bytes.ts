// The vectors of a chunk that DuckDB answers with, in their bytes (vectors.ts says how they lie): columns at once instead of
// values one by one.

import duckdb from '@duckdb/node-bindings'
import type { Vector } from '@duckdb/node-bindings'
import type { DuckDBDataChunk } from '@duckdb/node-api'
import { inlinedBytes } from './vectors.ts'

/** Of a vector whose values all take so many bytes. */
export function copyValues(
  chunk: DuckDBDataChunk,
  column: number,
  bytesEach: number,
  to: Uint8Array,
): void {
  to.set(duckdb.vector_get_data(vectorOf(chunk, column), chunk.rowCount * bytesEach))
}

/** A bit for each row, 1 is a value, in words of 64. */
export function copyValidity(chunk: DuckDBDataChunk, column: number, to: Uint8Array): void {
  const vector = vectorOf(chunk, column)
  // There is none while no row is null.
  const validity = duckdb.vector_get_validity(vector, to.length) as Uint8Array | null
  if (validity === null) to.fill(0xff)
  else to.set(validity)
}

/** How many bytes each text takes; there is one in each row. */
export function copyTextLengths(chunk: DuckDBDataChunk, column: number, to: Int32Array): void {
  const entries = entriesOf(chunk, column)
  const words = new Int32Array(entries.buffer, entries.byteOffset, entries.length / 4)
  for (let row = 0; row < to.length; row++) to[row] = words[4 * row] as number
}

/** The texts, one behind the other. */
export function copyTexts(
  chunk: DuckDBDataChunk,
  column: number,
  lengths: Int32Array,
  to: Uint8Array,
): void {
  const entries = entriesOf(chunk, column)
  const memory = entries.buffer as ArrayBuffer
  let at = 0
  for (let row = 0; row < lengths.length; row++) {
    const bytes = lengths[row] as number
    const from = 16 * row + 4
    to.set(
      bytes <= inlinedBytes
        ? entries.subarray(from, from + bytes)
        : duckdb.get_data_from_pointer(memory, entries.byteOffset + from + 4, bytes),
      at,
    )
    at += bytes
  }
}

function entriesOf(chunk: DuckDBDataChunk, column: number): Uint8Array {
  return duckdb.vector_get_data(vectorOf(chunk, column), chunk.rowCount * 16)
}

function vectorOf(chunk: DuckDBDataChunk, column: number): Vector {
  return duckdb.data_chunk_get_vector(chunk.chunk, column)
}
