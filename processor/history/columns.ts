// Rows into DuckDB, column by column: chunks of 1024 rows through the appender, the fastest way in that the public API
// has (a prepared INSERT per row is a hundred times slower). A row is an array of values in column order: times as
// milliseconds, counts as numbers, JSON as text, arrays as plain arrays.
//
// Chunks are filled by vectors.ts, at a third of the cost of the Node API; that stays as the way for a build of DuckDB
// whose vectors look otherwise.

import duckdb from '@duckdb/node-bindings'
import {
  BIGINT,
  BOOLEAN,
  DuckDBDataChunk,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
  JsonDuckDBValueConverter,
  LIST,
  STRUCT,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api'
import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import type { ColumnType } from '#stack/contract/tables.ts'
import { structFields } from './schema.ts'
import { fillVector } from './vectors.ts'

export type Cell = string | number | boolean | null | readonly unknown[]
export type Cells = readonly Cell[]

const chunkRows = 1024

/** Appends within the transaction that is open on the connection. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  columns: readonly ColumnType[],
  rows: readonly Cells[],
): Promise<void> {
  if (rows.length === 0) return
  const appender = await RowAppender.open(connection, table, columns)
  try {
    for (const row of rows) appender.append(row)
    appender.flush()
  } finally {
    appender.close()
  }
}

/** Rows of one table, a chunk at a time: what was appended need not be kept. */
export class RowAppender {
  readonly #appender: DuckDBAppender
  readonly #columns: readonly ColumnType[]
  readonly #types: readonly DuckDBType[]
  #rows: Cells[] = []

  private constructor(appender: DuckDBAppender, columns: readonly ColumnType[]) {
    this.#appender = appender
    this.#columns = columns
    this.#types = columns.map((_, i) => appender.columnType(i))
  }

  static async open(
    connection: DuckDBConnection,
    table: string,
    columns: readonly ColumnType[],
  ): Promise<RowAppender> {
    return new RowAppender(await connection.createAppender(table), columns)
  }

  append(row: Cells): void {
    this.#rows.push(row)
    if (this.#rows.length === chunkRows) this.#fillChunk()
  }

  /** The connection's transaction sees all rows from here on. */
  flush(): void {
    this.#fillChunk()
    this.#appender.flushSync()
  }

  close(): void {
    this.#appender.closeSync()
  }

  #fillChunk(): void {
    if (this.#rows.length === 0) return
    const chunk = DuckDBDataChunk.create(this.#types, this.#rows.length)
    fillChunk(chunk, this.#columns, this.#rows)
    this.#appender.appendDataChunk(chunk)
    this.#rows = []
  }
}

type ChunkFiller = (
  chunk: DuckDBDataChunk,
  columns: readonly ColumnType[],
  rows: readonly Cells[],
) => void

let chosen: ChunkFiller | undefined

function fillChunk(...[chunk, columns, rows]: Parameters<ChunkFiller>): void {
  chosen ??= isLayoutKnown() ? fillDirectly : fillByApi
  chosen(chunk, columns, rows)
}

export const fillDirectly: ChunkFiller = (chunk, columns, rows) => {
  columns.forEach((type, c) => {
    const column = rows.map((row) => row[c] as Cell)
    fillVector(duckdb.data_chunk_get_vector(chunk.chunk, c), type, column)
  })
}

export const fillByApi: ChunkFiller = (chunk, columns, rows) => {
  columns.forEach((type, c) => {
    const convert = converterByType[type]
    const vector = chunk.getColumnVector(c)
    rows.forEach((row, r) => {
      const cell = row[c] as Cell
      vector.setItem(r, cell === null ? null : convert(cell))
    })
    vector.flush()
  })
}

/** Whether both ways make the same of one of everything. */
export function isLayoutKnown(): boolean {
  const types = [VARCHAR, BIGINT, BOOLEAN, TIMESTAMP, LIST(VARCHAR), LIST(amountType)]
  const columns = ['string', 'integer', 'boolean', 'timestamp', 'strings', 'amounts'] as const
  const long = 'longer than the twelve bytes of an entry'
  const amounts = [
    { currency: 'EUR', valueMinor: -5 },
    { currency: null, valueMinor: 2 ** 53 - 1 },
  ]
  const rows: Cell[][] = [
    [long, -1, true, -1, [], amounts],
    [null, null, null, null, null, null],
    ['é', 2 ** 40, false, 1_764_000_000_123, ['bot', long], []],
    [long, -(2 ** 40), false, 0, ['bot'], amounts],
    ['é', 0, true, 1, [], []],
  ]
  const [found, expected] = [fillDirectly, fillByApi].map((fill) => {
    const chunk = DuckDBDataChunk.create(types, rows.length)
    fill(chunk, columns, rows)
    return JSON.stringify(new DuckDBDataChunk(chunk.chunk).convertColumns(JsonDuckDBValueConverter))
  })
  return found === expected
}

const amountType = STRUCT({ currency: VARCHAR, valueMinor: BIGINT })

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
