import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database, defaultLimits } from './database.ts'

test('a checkpoint leaves its work to the next one while an answer is put together', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-database-'))
  const database = await Database.open(join(dir, 'history.duckdb'), defaultLimits)
  await database.write((connection) => connection.run('CREATE TABLE rows AS SELECT 1'))
  const { connection, close } = await database.session()
  await connection.run('BEGIN')
  await connection.run('CREATE TEMP TABLE answer AS SELECT * FROM rows')
  await database.write((writer) => writer.run('CREATE TABLE more AS SELECT 1'))
  await database.checkpoint()
  expect(database.walBytes()).toBeGreaterThan(0)
  await connection.run('COMMIT')
  await database.checkpoint()
  expect(database.walBytes()).toBe(0)
  close()
  await database.close()
  rmSync(dir, { recursive: true })
})
