// Rows into DuckDB, column by column: chunks of 2048 rows through the appender, the fastest way in that the public API
// has (a prepared INSERT per row is a hundred times slower). A row is an array of values in column order: times as
// milliseconds, counts as numbers, JSON as text, arrays as plain arrays.

import {
  DuckDBDataChunk,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import type { ColumnType } from '#stack/contract/tables.ts'
import { structFields } from './schema.ts'

export type Cell = string | number | boolean | null | readonly unknown[]
export type Cells = readonly Cell[]

const chunkRows = 2048

/** Appends within the transaction that is open on the connection. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  columns: readonly ColumnType[],
  rows: readonly Cells[],
): Promise<void> {
  if (rows.length === 0) return
  const appender = await connection.createAppender(table)
  try {
    const types = columns.map((_, i): DuckDBType => appender.columnType(i))
    const converters = columns.map((type) => converterByType[type])
    for (let from = 0; from < rows.length; from += chunkRows) {
      const count = Math.min(chunkRows, rows.length - from)
      const chunk = DuckDBDataChunk.create(types, count)
      for (let c = 0; c < columns.length; c++) {
        const convert = converters[c] as Converter
        const vector = chunk.getColumnVector(c)
        for (let r = 0; r < count; r++) {
          const cell = (rows[from + r] as Cells)[c] as Cell
          vector.setItem(r, cell === null ? null : convert(cell))
        }
        vector.flush()
      }
      appender.appendDataChunk(chunk)
    }
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
}

type Converter = (cell: NonNullable<Cell>) => DuckDBValue

const asIs: Converter = (cell) => cell as DuckDBValue

/** Most arrays are; it is only read. */
const empty = new DuckDBListValue([])

const converterByType: Record<ColumnType, Converter> = {
  string: asIs,
  json: asIs,
  boolean: asIs,
  integer: (cell) => BigInt(cell as number),
  timestamp: (cell) => new DuckDBTimestampValue(BigInt(cell as number) * 1000n),
  strings: (cell) => {
    const list = cell as readonly string[]
    return list.length === 0 ? empty : new DuckDBListValue(list)
  },
  items: structs('items'),
  lines: structs('lines'),
  amounts: structs('amounts'),
}

function structs(type: keyof typeof structFields): Converter {
  const fields = Object.entries(structFields[type])
  return (cell) => {
    const list = cell as readonly Record<string, string | number | null | undefined>[]
    if (list.length === 0) return empty
    return new DuckDBListValue(
      list.map((element) => {
        const entries: Record<string, DuckDBValue> = {}
        for (const [field, fieldType] of fields) {
          const value = element[field] ?? null
          entries[field] =
            fieldType === 'integer' && value !== null ? BigInt(value) : (value as DuckDBValue)
        }
        return new DuckDBStructValue(entries)
      }),
    )
  }
}
