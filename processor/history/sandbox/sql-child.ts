// The process that answers one ad-hoc question and is killed. It reads one statement, a SELECT, against a read-only copy
// with every door to the outside locked; it gives as many rows as were asked for, and no more bytes than fit a page.

import { DuckDBInstance, StatementType } from '@duckdb/node-api'
import type { DuckDBConnection, Json } from '@duckdb/node-api'
import { messageOf } from '#stack/base/errors.ts'

export interface SqlTask {
  path: string
  sql: string
  rowsMax: number
}

export interface SqlAnswer {
  columns: { name: string; type: string }[]
  rows: Json[][]
  /** There would have been more. */
  isCut: boolean
}

export type SqlReply = SqlAnswer | { error: string }

const bytesMax = 5 * 1024 * 1024
process.once('message', (task) => {
  void answer(task as SqlTask).then((reply) => process.send?.(reply))
})

async function answer({ path, sql, rowsMax }: SqlTask): Promise<SqlReply> {
  try {
    const instance = await DuckDBInstance.create(path, {
      access_mode: 'READ_ONLY',
      enable_external_access: 'false',
      allow_community_extensions: 'false',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      memory_limit: '256MB',
      max_temp_directory_size: '0KB',
      threads: '1',
      lock_configuration: 'true',
    })
    const connection = await instance.connect()
    return await select(connection, sql, rowsMax)
  } catch (error) {
    return { error: messageOf(error) }
  }
}

async function select(
  connection: DuckDBConnection,
  sql: string,
  rowsMax: number,
): Promise<SqlReply> {
  const statements = await connection.extractStatements(sql)
  if (statements.count !== 1) return { error: 'give exactly one statement' }
  const prepared = await statements.prepare(0)
  const isReading =
    prepared.statementType === StatementType.SELECT ||
    prepared.statementType === StatementType.EXPLAIN
  if (!isReading) return { error: 'only SELECT is answered' }
  const result = await prepared.stream()
  const names = result.deduplicatedColumnNames()
  const columns = names.map((name, i) => ({ name, type: result.columnType(i).toString() }))
  const rows: Json[][] = []
  let bytes = 0
  for await (const piece of result.yieldRowsJson()) {
    for (const row of piece) {
      bytes += JSON.stringify(row).length
      if (rows.length >= rowsMax || bytes > bytesMax) return { columns, rows, isCut: true }
      rows.push(row)
    }
  }
  return { columns, rows, isCut: false }
}
