// Rows into DuckDB: gathered by column, in chunks of 1024 rows through the appender, the fastest way in that the public
// API has (a prepared INSERT per row is a hundred times slower). A row is an array of values in column order: times as
// milliseconds, counts as numbers, JSON as text, arrays as plain arrays.

import { DuckDBDataChunk } from '@duckdb/node-api'
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'
import { structFields } from '#stack/contract/tables.ts'
import type { ColumnType } from '#stack/contract/tables.ts'
import {
  Arena,
  fillChunk,
  ListColumn,
  Int64Column,
  TextColumn,
  TruthColumn,
} from '#stack/duckdb/vectors.ts'
import type { Cell, Column } from '#stack/duckdb/vectors.ts'

export type { Cell } from '#stack/duckdb/vectors.ts'
export type Cells = readonly Cell[]

const chunkRows = 1024

export function columnOf(type: ColumnType, arena: Arena): Column {
  switch (type) {
    case 'string':
    case 'json':
      return new TextColumn(arena)
    case 'boolean':
      return new TruthColumn()
    case 'integer':
      return new Int64Column()
    case 'timestamp':
      return new Int64Column(1000)
    case 'strings':
      return new ListColumn([new TextColumn(arena)], undefined)
    case 'items':
    case 'lines':
    case 'amounts': {
      const fields = Object.entries(structFields[type])
      const columns = fields.map(([, fieldType]) => columnOf(fieldType, arena))
      return new ListColumn(
        columns,
        fields.map(([name]) => name),
      )
    }
  }
}

/** Appends within the transaction that is open on the connection. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  types: readonly ColumnType[],
  rows: readonly Cells[],
): Promise<void> {
  if (rows.length === 0) return
  const gathered = new Rows(types)
  const appender = await RowAppender.open(connection, table, gathered)
  try {
    for (const row of rows) {
      gathered.columns.forEach((column, i) => column.push(row[i] as Cell))
      appender.next()
    }
    appender.flush()
  } finally {
    appender.close()
  }
}

/** Rows of one table by column, at most a chunk of them; used again for the next chunk. */
export class Rows {
  readonly arena = new Arena()
  readonly columns: readonly Column[]
  count = 0
  #chunk: DuckDBDataChunk | undefined

  constructor(types: readonly ColumnType[]) {
    this.columns = types.map((type) => columnOf(type, this.arena))
  }

  moveTo(appender: DuckDBAppender): void {
    const chunk = (this.#chunk ??= DuckDBDataChunk.create(
      this.columns.map((_, i) => appender.columnType(i)),
    ))
    fillChunk(chunk, this.columns, { arena: this.arena, rows: this.count })
    appender.appendDataChunk(chunk)
    // Its memory would else wait for the collector.
    chunk.reset()
    for (const column of this.columns) column.clear()
    this.arena.length = 0
    this.count = 0
  }
}

/** The way of rows into their table, for one transaction. */
export class RowAppender {
  readonly #appender: DuckDBAppender
  readonly #rows: Rows

  private constructor(appender: DuckDBAppender, rows: Rows) {
    this.#appender = appender
    this.#rows = rows
  }

  static async open(connection: DuckDBConnection, table: string, rows: Rows): Promise<RowAppender> {
    return new RowAppender(await connection.createAppender(table), rows)
  }

  /** A cell was put into each column. */
  next(): void {
    if (++this.#rows.count === chunkRows) this.#rows.moveTo(this.#appender)
  }

  /** The connection's transaction sees all rows from here on. */
  flush(): void {
    if (this.#rows.count > 0) this.#rows.moveTo(this.#appender)
    this.#appender.flushSync()
  }

  close(): void {
    this.#appender.closeSync()
  }
}
