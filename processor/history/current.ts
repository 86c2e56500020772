// The current tables: the newest undeleted version of each key, of those that this transaction appended to the log.

import { DuckDBListValue } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import { tables } from '#stack/contract/tables.ts'
import type { TableDefinition, TableName } from '#stack/contract/tables.ts'
import { appendRows } from './columns.ts'
import type { Cell, Cells } from './columns.ts'
import { columnTypes } from './schema.ts'

/** `versions` are rows of the log in the order of their `_seq`; the key columns are the first ones. */
export async function replaceCurrent(
  connection: DuckDBConnection,
  table: TableName,
  versions: readonly Cells[],
): Promise<void> {
  if (versions.length === 0) return
  const { key, columns }: TableDefinition = tables[table]
  const newest = new Map(versions.map((row) => [JSON.stringify(row.slice(0, key.length)), row]))
  await connection.run(
    `DELETE FROM ${table} WHERE ${hasKeyOf(table)}`,
    keyLists(table, newest.values()),
  )
  const deletedAt = Object.keys(columns).length + 1
  const rows = [...newest.values()]
    .filter((row) => row[deletedAt] === false)
    .map((row): Cell[] => [...row.slice(0, deletedAt), ...row.slice(deletedAt + 1)])
  await appendRows(connection, table, columnTypes(table, 'current'), rows)
}

/** A condition on the rows whose key is in the parameters of `keyLists`. */
export function hasKeyOf(table: TableName): string {
  const { key } = tables[table]
  return `(${key.join(', ')}) IN (SELECT ${key.map((_, i) => `unnest($${i + 1})`).join(', ')})`
}

export function keyLists(table: TableName, rows: Iterable<Cells>): DuckDBListValue[] {
  const { key, columns }: TableDefinition = tables[table]
  const list = [...rows]
  return key.map((column, i) => {
    const isInteger = columns[column]?.type === 'integer'
    return new DuckDBListValue(
      list.map((row) => (isInteger ? BigInt(row[i] as number) : (row[i] as string))),
    )
  })
}
