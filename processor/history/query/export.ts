// Rows as Parquet, written by DuckDB into a file beside the database that is deleted when it has been read.

import { createReadStream, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { randomUUID } from 'node:crypto'
import { storedColumns, tables } from '#stack/contract/tables.ts'
import type { Database } from '../database.ts'
import { physicalName } from '../schema.ts'
import { isInKeyOrder } from './rows.ts'
import type { TableRef } from './rows.ts'

/** A group of rows is put together in memory; DuckDB's own size is 122,880. */
const rowsPerGroup = 8192

/** Stored columns only: what is derived is derived on the other side too. */
export async function exportParquet(
  database: Database,
  { name, of }: TableRef,
  { afterSeq, toSeq }: { afterSeq: number; toSeq: number },
): Promise<ReadableStream<Uint8Array>> {
  const dir = join(dirname(database.path), 'export')
  mkdirSync(dir, { recursive: true })
  const path = join(dir, `${randomUUID()}.parquet`)
  const columns = storedColumns(name, of).map(([column]) => column)
  // What is only ever appended lies in the order of `_seq`, which DuckDB keeps: to sort it would take memory.
  const order = isInKeyOrder({ name, of }) ? `ORDER BY ${tables[name].key.join(', ')}` : ''
  await database.read(async (connection) => {
    await connection.run(
      `COPY (SELECT ${columns.join(', ')} FROM ${physicalName(name, of)}
        WHERE _seq > ${afterSeq} AND _seq <= ${toSeq} ${order})
       TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowsPerGroup})`,
    )
  })
  const file = createReadStream(path)
  file.once('close', () => rmSync(path, { force: true }))
  return Readable.toWeb(file) as ReadableStream<Uint8Array>
}
