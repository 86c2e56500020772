// Rows that were folded again against their newest versions: a new version for each that differs, a deleted one for
// each that is gone, nothing for what is as it was.

import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import type { InputPosition } from '#stack/contract/events.ts'
import { tables } from '#stack/contract/tables.ts'
import type { Column, TableName } from '#stack/contract/tables.ts'
import { appendRows } from './columns.ts'
import type { Cell } from './columns.ts'
import { replaceCurrent } from './current.ts'
import { cellOf } from './rows/version-row.ts'
import { columnTypes } from './schema.ts'
import { plainRows } from './sql.ts'
import { wireArray } from './wire.ts'
import type { Stamp } from './writer.ts'

export interface DerivedRow {
  row: object
  input: InputPosition
}

interface Difference {
  table: TableName
  /** Everything these orders have in the table is in `rows`. */
  orderIds: DuckDBValue
  rows: readonly DerivedRow[]
  stamp: Stamp
}

interface Newest {
  key: Cell[]
  text: string
  revision: number
  isDeleted: boolean
}

export async function publishDifference(
  connection: DuckDBConnection,
  { table, orderIds, rows, stamp }: Difference,
): Promise<void> {
  const columns: [string, Column][] = Object.entries(tables[table].columns)
  const newest = await newestVersions(connection, table, columns, orderIds)
  const versions: Cell[][] = []
  let lastInput: InputPosition | undefined
  for (const { row, input } of rows) {
    lastInput = input
    const values = columns.map(([name]) => (row as Record<string, unknown>)[name] ?? null)
    const key = keyText(values.slice(0, tables[table].key.length))
    const before = newest.get(key)
    newest.delete(key)
    if (before && !before.isDeleted && before.text === JSON.stringify(values)) continue
    const cells = columns.map(([, { type }], i) => cellOf(values[i], type))
    versions.push([...cells, (before?.revision ?? -1) + 1, false, ...stamp.of(input)])
  }
  for (const { key, revision, isDeleted } of newest.values()) {
    if (isDeleted || lastInput === undefined) continue
    const cells = columns.map((_, i): Cell => key[i] ?? null)
    versions.push([...cells, revision + 1, true, ...stamp.of(lastInput)])
  }
  if (versions.length === 0) return
  await appendRows(connection, `${table}_log`, columnTypes(table, 'log'), versions)
  await replaceCurrent(connection, table, versions)
}

/** By key; the key columns are the first ones of each table here. */
async function newestVersions(
  connection: DuckDBConnection,
  table: TableName,
  columns: readonly [string, Column][],
  orderIds: DuckDBValue,
): Promise<Map<string, Newest>> {
  const { key } = tables[table]
  const rows = await plainRows(
    connection,
    `SELECT ${key.join(', ')}, arg_max(${wireArray('t', columns)}, _seq), arg_max(revision, _seq), arg_max(_deleted, _seq)
     FROM ${table}_log AS t WHERE order_id IN (SELECT unnest($1)) GROUP BY ${key.join(', ')}`,
    [orderIds],
  )
  return new Map(
    rows.map((row) => {
      const [text, revision, isDeleted] = row.slice(key.length)
      // DuckDB and JSON.stringify escape some characters differently.
      const normal = JSON.stringify(JSON.parse(text as string))
      return [
        keyText(row.slice(0, key.length)),
        {
          key: row.slice(0, key.length),
          text: normal,
          revision: revision as number,
          isDeleted: isDeleted as boolean,
        },
      ]
    }),
  )
}

function keyText(key: readonly unknown[]): string {
  return JSON.stringify(key)
}
