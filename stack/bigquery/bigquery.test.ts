// What is promised, asked through Google's own client.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BigQuery } from '@google-cloud/bigquery'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import { startBigQuery } from './start.ts'
import type { RunningBigQuery } from './start.ts'

let server: RunningBigQuery
let client: BigQuery
let count = 0

beforeAll(async () => {
  server = await startBigQuery()
  ;({ client } = await connectBigQuery({
    mode: 'emulator',
    projectId: 'shop',
    bigquery: server.address,
  }))
  await client.createDataset('d')
})
afterAll(() => server.close())

const schema = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'name', type: 'STRING' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
]
async function newTable(fields: object[] = schema): Promise<string> {
  const id = `t${count++}`
  await client.dataset('d').createTable(id, { schema: fields })
  return id
}
const rowsOf = async (sql: string): Promise<Record<string, unknown>[]> =>
  (await client.query(sql))[0] as Record<string, unknown>[]
const failure = async (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: {
      code?: number
      message?: string
      errors?: { reason?: string; message?: string }[]
    }) => error,
  )

describe('datasets', () => {
  test('are created, listed, changed and deleted', async () => {
    await client.createDataset('gone', { labels: { a: '1' } })
    expect((await client.getDatasets())[0].map(({ id }) => id)).toContain('gone')
    await client.dataset('gone').setMetadata({ description: 'soon away' })
    const [metadata] = await client.dataset('gone').getMetadata()
    expect(metadata).toMatchObject({ description: 'soon away', labels: { a: '1' }, location: 'US' })
    await client.dataset('gone').delete()
    expect(await client.dataset('gone').exists()).toEqual([false])
  })
  test('of one name are one', async () => {
    expect(await failure(client.createDataset('d'))).toMatchObject({
      code: 409,
      errors: [{ reason: 'duplicate', message: 'Already Exists: Dataset shop:d' }],
    })
  })
  test('that hold tables go only by force', async () => {
    await client.createDataset('full')
    await client.dataset('full').createTable('t', { schema: schema })
    expect(await failure(client.dataset('full').delete())).toMatchObject({
      code: 400,
      errors: [{ reason: 'resourceInUse' }],
    })
    await client.dataset('full').delete({ force: true })
    expect(await failure(client.dataset('full').getMetadata())).toMatchObject({ code: 404 })
  })
  test('are not changed by who has not seen the newest', async () => {
    const dataset = client.dataset('d')
    const [{ etag }] = (await dataset.getMetadata()) as unknown as [{ etag: string }]
    const patch = (tag: string) =>
      fetch(`http://${server.address}/bigquery/v2/projects/shop/datasets/d`, {
        method: 'PATCH',
        headers: { 'if-match': tag },
        body: JSON.stringify({ labels: { owner: 'me' } }),
      }).then(({ status }) => status)
    expect([await patch(etag), await patch(etag)]).toEqual([200, 412])
  })
})

describe('tables', () => {
  test('take rows and give them page by page', async () => {
    const id = await newTable()
    const table = client.dataset('d').table(id)
    await table.insert(
      Array.from({ length: 5 }, (_, i) => ({
        id: i,
        name: `n${i}`,
        at: '2024-01-02T03:04:05.678901Z',
        tags: ['a', 'b'],
      })),
    )
    const [first, next] = await table.getRows({ maxResults: 3, autoPaginate: false })
    expect(first).toHaveLength(3)
    expect(first[0]).toMatchObject({
      id: 0,
      name: 'n0',
      tags: ['a', 'b'],
      at: { value: '2024-01-02T03:04:05.678901000Z' },
    })
    const [rest] = await table.getRows(next as object)
    expect(rest.map(({ id: each }) => each as number)).toEqual([3, 4])
  })
  test('refuse a bad row by name and hold back its neighbours', async () => {
    const table = client.dataset('d').table(await newTable())
    const error = await failure(
      table.insert([{ id: 'x', name: 'a' }, { id: 1 }], { partialRetries: 0 }),
    )
    expect(error?.errors?.[0]?.['errors' as never]).toMatchObject([
      { reason: 'invalid', message: 'Cannot convert value to integer (bad value): x' },
    ])
    expect((await table.getRows())[0]).toEqual([])
  })
  test('take the good rows beside bad ones when asked to', async () => {
    const table = client.dataset('d').table(await newTable())
    await failure(
      table.insert([{ id: 1, unknown: 2 }, { id: 3 }], {
        skipInvalidRows: true,
        partialRetries: 0,
      }),
    )
    expect((await table.getRows())[0].map(({ id }) => id as number)).toEqual([3])
  })
  test('take a row with the same insertId once within a minute', async () => {
    const table = client.dataset('d').table(await newTable())
    const row = { insertId: 'one', json: { id: 1 } }
    await table.insert([row], { raw: true })
    await table.insert([row], { raw: true })
    expect((await table.getRows())[0]).toHaveLength(1)
    server.domainClock.advance(61_000)
    await table.insert([row], { raw: true })
    expect((await table.getRows())[0]).toHaveLength(2)
  })
  test('gain columns and lose a requirement, nothing else', async () => {
    const table = client.dataset('d').table(await newTable())
    await table.insert([{ id: 1 }])
    await table.setMetadata({
      schema: {
        fields: [
          { name: 'id', type: 'INTEGER' },
          ...schema.slice(1),
          { name: 'more', type: 'FLOAT' },
        ],
      },
    })
    await table.insert([{ more: 1.5 }])
    expect(await rowsOf(`SELECT id, more FROM d.${table.id} ORDER BY id`)).toEqual([
      { id: null, more: 1.5 },
      { id: 1, more: null },
    ])
    expect(
      await failure(table.setMetadata({ schema: { fields: [{ name: 'id', type: 'STRING' }] } })),
    ).toMatchObject({ code: 400 })
  })
  test('that are not there are missed as the live service says it', async () => {
    expect(await failure(client.query('SELECT * FROM d.nowhere'))).toMatchObject({
      code: 404,
      message: expect.stringContaining(
        'Not found: Table shop:d.nowhere was not found in location US',
      ),
    })
  })
})

describe('views', () => {
  test('show the newest version of each key that is not deleted', async () => {
    await client.query(
      `CREATE TABLE d.carts_log (cart_key STRING, state STRING, revision INT64, _deleted BOOL, _seq INT64)`,
    )
    await client.query(`CREATE VIEW d.carts AS SELECT * EXCEPT (newest, _deleted) FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY cart_key ORDER BY _seq DESC) AS newest FROM d.carts_log) WHERE newest = 1 AND NOT _deleted`)
    await client.query(
      `INSERT d.carts_log VALUES ('a', 'open', 1, FALSE, 1), ('a', 'lost', 2, FALSE, 2), ('b', 'open', 1, FALSE, 3), ('b', 'open', 2, TRUE, 4)`,
    )
    expect(await rowsOf('SELECT cart_key, state FROM d.carts')).toEqual([
      { cart_key: 'a', state: 'lost' },
    ])
    const [{ type, schema: fields }] = (await client
      .dataset('d')
      .table('carts')
      .getMetadata()) as unknown as [{ type: string; schema: { fields: { name: string }[] } }]
    expect([type, fields.fields.map(({ name }) => name)]).toEqual([
      'VIEW',
      ['cart_key', 'state', 'revision', '_seq'],
    ])
  })
})

describe('queries', () => {
  test('are answered page by page', async () => {
    const [job] = await client.createQueryJob(
      'SELECT x FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x ORDER BY x',
    )
    const [rows, next] = await job.getQueryResults({ maxResults: 4, autoPaginate: false })
    expect(rows.map(({ x }) => x as number)).toEqual([1, 2, 3, 4])
    const [more] = await job.getQueryResults({ ...(next as object), autoPaginate: false })
    expect(more.map(({ x }) => x as number)).toEqual([5, 6, 7, 8])
  })
  test('take parameters by name and by place, with their types', async () => {
    const [named] = await client.query({
      query: 'SELECT @a + 1 AS a, @t AS t',
      params: { a: 1, t: "it's" },
    })
    expect(named).toEqual([{ a: 2, t: "it's" }])
    const [placed] = await client.query({
      query: 'SELECT COUNT(*) AS n FROM UNNEST(?) AS x WHERE x > ?',
      params: [[1, 2, 3], 1],
    })
    expect(placed).toEqual([{ n: 2 }])
  })
  test('that are dry tell their columns and leave no job', async () => {
    const [job] = await client.createQueryJob({ query: 'SELECT 1 AS a, "x" AS b', dryRun: true })
    const { statistics } = job.metadata as {
      statistics: { query: { schema: { fields: object[] } } }
    }
    expect(statistics.query.schema.fields).toMatchObject([
      { name: 'a', type: 'INTEGER' },
      { name: 'b', type: 'STRING' },
    ])
  })
  test('with a mistake are refused with its place', async () => {
    expect(await failure(client.query('SELECT\n  nothing'))).toMatchObject({
      code: 400,
      errors: [{ reason: 'invalidQuery', message: 'Unrecognized name: nothing at [2:3]' }],
    })
  })
  test('that are not known to be right are refused', async () => {
    expect(await failure(client.query('SELECT ST_GEOGPOINT(1, 2)'))).toMatchObject({
      code: 400,
      message: expect.stringContaining('not supported by the embedded BigQuery'),
    })
  })
  test('change rows that have just come', async () => {
    const id = await newTable()
    await client
      .dataset('d')
      .table(id)
      .insert([{ id: 1, name: 'a' }])
    const [job] = await client.createQueryJob(`UPDATE d.${id} SET name = 'b' WHERE id = 1`)
    const [{ statistics }] = (await job.getMetadata()) as unknown as [
      { statistics: { query: { numDmlAffectedRows: string } } },
    ]
    expect(statistics.query.numDmlAffectedRows).toBe('1')
    expect(await rowsOf(`SELECT name FROM d.${id}`)).toEqual([{ name: 'b' }])
  })
  test('whose answer was lost are answered again, not run again', async () => {
    const id = await newTable()
    server.faults.set([{ method: '/queries', code: 503, dropResponseAfterCommit: true }])
    await client.query(`INSERT d.${id} (id) VALUES (1)`)
    expect(await rowsOf(`SELECT COUNT(*) AS n FROM d.${id}`)).toEqual([{ n: 1 }])
  })
})
