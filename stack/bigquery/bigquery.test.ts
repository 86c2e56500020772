// The contract on the server of this folder, and what only it has: faults, a clock that moves, plain refusals.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { BigQuery, JobMetadata, Table } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import { bigQueryContract } from './bigquery.contract.ts'
import { startBigQuery } from './start.ts'
import type { RunningBigQuery } from './start.ts'

bigQueryContract({ name: 'the embedded one', start: () => startBigQuery(), knownDifferences: {} })

describe('the embedded BigQuery', () => {
  let server: RunningBigQuery
  let client: BigQuery
  let count = 0

  beforeAll(async () => {
    server = await startBigQuery()
    const target = { mode: 'emulator', projectId: 'shop', bigquery: server.address } as const
    ;({ client } = await connectBigQuery(target))
    await client.createDataset('d')
  })
  afterAll(() => server.close())

  const newTable = async (): Promise<Table> => {
    const schema = [
      { name: 'id', type: 'INTEGER' },
      { name: 'name', type: 'STRING' },
    ]
    return (await client.dataset('d').createTable(`t${count++}`, { schema }))[0]
  }
  const rowsOf = async (sql: string): Promise<unknown[]> => (await client.query(sql))[0]

  test('forgets an insertId after a minute of its clock', async () => {
    const table = await newTable()
    const row = { insertId: 'one', json: { id: 1 } }
    await table.insert([row], { raw: true })
    server.domainClock.advance(59_000)
    await table.insert([row], { raw: true })
    expect((await table.getRows())[0]).toHaveLength(1)
    server.domainClock.advance(61_000)
    await table.insert([row], { raw: true })
    expect((await table.getRows())[0]).toHaveLength(2)
  })

  test('refuses what is not known to be right', async () => {
    const refused = client.query('SELECT ST_GEOGPOINT(1, 2)')
    await expect(refused).rejects.toMatchObject({
      code: 400,
      message: expect.stringContaining('not supported by the embedded BigQuery'),
    })
  })

  test('says of a load that it runs until its rows are there', async () => {
    const table = await newTable()
    const path = join(mkdtempSync(join(tmpdir(), 'slipway-load-')), 'rows.json')
    writeFileSync(path, '{"id":1,"name":"a"}\n'.repeat(50_000))
    const loading = table.createLoadJob(path, { jobId: 'long' })
    const seen: unknown[] = []
    while (seen.at(-1) !== 'DONE') {
      const answer = await client
        .job('long')
        .getMetadata()
        .catch(() => undefined)
      if (answer) seen.push((answer[0] as JobMetadata).status?.state)
    }
    expect(seen).toContain('RUNNING')
    await loading
    expect((await client.job('long').getMetadata())[0]).toMatchObject({
      statistics: { load: { outputRows: '50000' } },
    })
    expect((await client.getJobs({ stateFilter: ['pending', 'running'] }))[0]).toEqual([])
    rmSync(dirname(path), { recursive: true })
  })

  test('names the row that a load cannot take by its place in the file', async () => {
    const table = await newTable()
    const path = join(mkdtempSync(join(tmpdir(), 'slipway-load-')), 'rows.json')
    writeFileSync(path, '{"id":1,"name":"é"}\n\n{"id":"x"}\n')
    const [job] = await table.createLoadJob(path, {})
    expect((job.metadata as JobMetadata).status?.errorResult?.message).toContain(
      'JSON parsing error in row starting at position 22: ',
    )
    rmSync(dirname(path), { recursive: true })
  })

  test('changes rows that have just come', async () => {
    const table = await newTable()
    await table.insert([{ id: 1, name: 'a' }])
    await client.query(`UPDATE d.${table.id} SET name = 'b' WHERE id = 1`)
    expect(await rowsOf(`SELECT name FROM d.${table.id}`)).toEqual([{ name: 'b' }])
  })

  test('answers a query again whose answer was lost, and does not run it again', async () => {
    const table = await newTable()
    server.faults.set([{ method: '/queries', code: 503, dropResponseAfterCommit: true }])
    await client.query(`INSERT d.${table.id} (id) VALUES (1)`)
    expect(await rowsOf(`SELECT COUNT(*) AS n FROM d.${table.id}`)).toEqual([{ n: 1 }])
  })
})
