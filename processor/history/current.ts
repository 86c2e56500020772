// The current tables: the newest undeleted version of each key that the log got since a `_seq`.

import type { DuckDBConnection } from '@duckdb/node-api'
import { storedColumns, tables } from '#stack/contract/tables.ts'
import type { TableName } from '#stack/contract/tables.ts'

export async function replaceCurrent(
  connection: DuckDBConnection,
  table: TableName,
  sinceSeq: number,
): Promise<void> {
  const { key } = tables[table]
  const columns = storedColumns(table, 'current').map(([name]) => name)
  const fresh = `${table}_log WHERE _seq > ${sinceSeq}`
  await connection.run(
    `DELETE FROM ${table} WHERE (${key.join(', ')}) IN (SELECT (${key.join(', ')}) FROM ${fresh})`,
  )
  await connection.run(
    `INSERT INTO ${table} SELECT ${columns.join(', ')} FROM (
       SELECT *, row_number() OVER (PARTITION BY ${key.join(', ')} ORDER BY _seq DESC) AS newest FROM ${fresh})
     WHERE newest = 1 AND NOT _deleted`,
  )
}
