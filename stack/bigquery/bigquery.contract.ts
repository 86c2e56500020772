// What a BigQuery promises to Google's own clients, unmodified, for whoever serves it. A target says which promises it is
// known not to keep, with the reason. Storage Write has a file of its own beside this one.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { BigQuery, Table } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, test as everyTest } from 'vitest'
import { connectBigQuery } from '#stack/google/bigquery.ts'

export interface ContractTarget {
  name: string
  /** host:port of both services, which live as long as the suite. */
  start(): Promise<{ address: string; storageAddress: string; close(): Promise<void> }>
  /** Tests that are known to fail there, by group and name, with the reason. */
  knownDifferences: Readonly<Record<string, string>>
}

/** Tests by the name of their group and their own; what is known to differ is left out, and it is said why. */
export function testsOf({ knownDifferences }: ContractTarget) {
  let subject = ''
  return {
    about(name: string, body: () => void): void {
      // oxlint-disable-next-line vitest/valid-title -- it is given
      describe(name, () => {
        subject = name
        body()
      })
    },
    test(name: string, run: () => Promise<void>): void {
      const reason = knownDifferences[`${subject} ${name}`]
      const title = reason === undefined ? name : `${name} (${reason})`
      // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- what is tested is given
      everyTest.skipIf(reason !== undefined)(title, run)
    },
  }
}

const schema = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'name', type: 'STRING' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
]

interface ApiFailure {
  code?: number
  message?: string
  errors?: { reason?: string; message?: string; location?: string }[]
}

type Row = Record<string, unknown>

const failure = (promise: Promise<unknown>): Promise<ApiFailure | undefined> =>
  promise.then(
    () => undefined,
    (error: ApiFailure) => error,
  )

export function bigQueryContract(target: ContractTarget): void {
  const { about, test } = testsOf(target)

  describe(`BigQuery as ${target.name}`, () => {
    let server: Awaited<ReturnType<ContractTarget['start']>>
    let client: BigQuery
    let folder = ''
    let count = 0

    beforeAll(async () => {
      server = await target.start()
      ;({ client } = await connectBigQuery({
        mode: 'emulator',
        projectId: 'shop',
        bigquery: server.address,
      }))
      await client.createDataset('d')
      folder = mkdtempSync(join(tmpdir(), 'slipway-contract-'))
    })
    afterAll(async () => {
      await server?.close()
      rmSync(folder, { recursive: true, force: true })
    })

    const newTable = async (fields: object[] = schema, more: object = {}): Promise<Table> => {
      const [table] = await client.dataset('d').createTable(`t${count++}`, {
        schema: fields,
        ...more,
      })
      return table
    }
    const rowsOf = async (sql: string): Promise<Row[]> => (await client.query(sql))[0] as Row[]
    const stored = (table: Table, columns = '*'): Promise<Row[]> =>
      rowsOf(`SELECT ${columns} FROM d.${table.id} ORDER BY id`)
    const metadataOf = async (of: { getMetadata(): Promise<unknown> }): Promise<Row> =>
      ((await of.getMetadata()) as [Row])[0]
    const changed = async (sql: string): Promise<string> => {
      const [job] = await client.createQueryJob(sql)
      await job.getQueryResults()
      const { statistics } = await metadataOf(job)
      return (statistics as { query: { numDmlAffectedRows: string } }).query.numDmlAffectedRows
    }
    const load = async (table: Table, text: string | Buffer, more: object): Promise<Row> => {
      const path = join(folder, `file${count++}`)
      writeFileSync(path, text)
      const [job] = (await table.load(path, more)) as unknown as [Row]
      return job['statistics'] as Row
    }

    about('datasets', () => {
      test('are created, listed, changed and deleted', async () => {
        await client.createDataset('gone', { labels: { a: '1' } })
        expect((await client.getDatasets())[0].map(({ id }) => id)).toContain('gone')
        await client.dataset('gone').setMetadata({ description: 'soon away' })
        expect(await metadataOf(client.dataset('gone'))).toMatchObject({
          description: 'soon away',
          labels: { a: '1' },
          location: 'US',
        })
        await client.dataset('gone').delete()
        expect(await client.dataset('gone').exists()).toEqual([false])
      })
      test('of one name are one', async () => {
        expect(await failure(client.createDataset('d'))).toMatchObject({
          code: 409,
          errors: [{ reason: 'duplicate', message: 'Already Exists: Dataset shop:d' }],
        })
      })
      test('have names of letters, digits and underscores', async () => {
        expect(await failure(client.createDataset('no-name'))).toMatchObject({ code: 400 })
      })
      test('that are not there are missed by name', async () => {
        expect(await failure(client.dataset('nowhere').getMetadata())).toMatchObject({
          code: 404,
          errors: [{ reason: 'notFound' }],
        })
        expect(await failure(client.dataset('nowhere').createTable('t', { schema }))).toMatchObject(
          { code: 404 },
        )
      })
      test('that hold tables go only by force', async () => {
        await client.createDataset('full')
        await client.dataset('full').createTable('t', { schema })
        expect(await failure(client.dataset('full').delete())).toMatchObject({
          code: 400,
          errors: [{ reason: 'resourceInUse' }],
        })
        await client.dataset('full').delete({ force: true })
        expect(await failure(client.dataset('full').getMetadata())).toMatchObject({ code: 404 })
      })
      test('are listed page by page', async () => {
        await Promise.all(['p1', 'p2', 'p3'].map((id) => client.createDataset(id)))
        const [first, next] = await client.getDatasets({ maxResults: 2, autoPaginate: false })
        const [rest] = await client.getDatasets({ ...(next as object) })
        const ids = [...first, ...rest].map(({ id }) => id)
        expect(first).toHaveLength(2)
        expect(ids).toEqual(expect.arrayContaining(['p1', 'p2', 'p3']))
        expect(new Set(ids).size).toBe(ids.length)
      })
      test('are not changed by who has not seen the newest', async () => {
        const { etag } = await metadataOf(client.dataset('d'))
        const patch = (tag: unknown) =>
          fetch(`http://${server.address}/bigquery/v2/projects/shop/datasets/d`, {
            method: 'PATCH',
            headers: { 'if-match': String(tag), 'content-type': 'application/json' },
            body: JSON.stringify({ labels: { owner: 'me' } }),
          }).then(({ status }) => status)
        expect([await patch(etag), await patch(etag)]).toEqual([200, 412])
      })
    })

    about('tables', () => {
      test('are told with their schema, their type and their rows', async () => {
        const table = await newTable()
        await table.insert([{ id: 1 }, { id: 2 }])
        const metadata = await metadataOf(table)
        expect(metadata).toMatchObject({
          kind: 'bigquery#table',
          id: `shop:d.${table.id}`,
          type: 'TABLE',
          tableReference: { projectId: 'shop', datasetId: 'd', tableId: table.id },
          numRows: '2',
        })
        expect((metadata['schema'] as { fields: object[] }).fields).toMatchObject([
          { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
          { name: 'name', type: 'STRING' },
          { name: 'at', type: 'TIMESTAMP' },
          { name: 'tags', type: 'STRING', mode: 'REPEATED' },
        ])
      })
      test('of one name are one', async () => {
        const table = await newTable()
        expect(
          await failure(client.dataset('d').createTable(table.id ?? '', { schema })),
        ).toMatchObject({ code: 409, errors: [{ reason: 'duplicate' }] })
      })
      test('are listed page by page, and deleted', async () => {
        await client.createDataset('listed')
        const dataset = client.dataset('listed')
        for (const id of ['a', 'b', 'c']) await dataset.createTable(id, { schema })
        const [first, next] = await dataset.getTables({ maxResults: 2, autoPaginate: false })
        const [rest] = await dataset.getTables({ ...(next as object) })
        expect([...first, ...rest].map(({ id }) => id)).toEqual(['a', 'b', 'c'])
        await dataset.table('b').delete()
        expect((await dataset.getTables())[0].map(({ id }) => id)).toEqual(['a', 'c'])
        expect(await failure(dataset.table('b').delete())).toMatchObject({ code: 404 })
      })
      test('keep partitioning, clustering, labels and words', async () => {
        const table = await newTable(schema, {
          timePartitioning: { type: 'DAY', field: 'at' },
          clustering: { fields: ['name'] },
          labels: { team: 'shop' },
          description: 'of carts',
        })
        expect(await metadataOf(table)).toMatchObject({
          timePartitioning: { type: 'DAY', field: 'at' },
          clustering: { fields: ['name'] },
          labels: { team: 'shop' },
          description: 'of carts',
        })
      })
      test('are not partitioned by a column that is not there', async () => {
        const error = failure(
          newTable(schema, { timePartitioning: { type: 'DAY', field: 'nothing' } }),
        )
        expect(await error).toMatchObject({ code: 400 })
      })
      test('change their etag with their metadata', async () => {
        const table = await newTable()
        const { etag } = await metadataOf(table)
        await table.setMetadata({ description: 'new' })
        expect((await metadataOf(table))['etag']).not.toBe(etag)
      })
      test('gain columns and lose a requirement', async () => {
        const table = await newTable()
        await table.insert([{ id: 1 }])
        const more = { name: 'more', type: 'FLOAT' }
        const fields = [{ name: 'id', type: 'INTEGER' }, ...schema.slice(1), more]
        await table.setMetadata({ schema: { fields } })
        await table.insert([{ more: 1.5 }])
        expect(await stored(table, 'id, more')).toEqual([
          { id: null, more: 1.5 },
          { id: 1, more: null },
        ])
      })
      test('lose no column and change no type', async () => {
        const table = await newTable()
        for (const fields of [schema.slice(1), [{ ...schema[0], type: 'STRING' }]]) {
          expect(await failure(table.setMetadata({ schema: { fields } }))).toMatchObject({
            code: 400,
          })
        }
      })
      test('gain no column that is required', async () => {
        const table = await newTable()
        const fields = [...schema, { name: 'must', type: 'STRING', mode: 'REQUIRED' }]
        expect(await failure(table.setMetadata({ schema: { fields } }))).toMatchObject({
          code: 400,
        })
      })
      test('that are not there are missed as the live service says it', async () => {
        const error = await failure(client.query('SELECT * FROM d.nowhere'))
        expect(error).toMatchObject({ code: 404 })
        expect(error?.message).toContain(
          'Not found: Table shop:d.nowhere was not found in location US',
        )
      })
    })

    about('streamed rows', () => {
      test('are given page by page', async () => {
        const table = await newTable()
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
        expect(rest.map(({ id }) => id as number)).toEqual([3, 4])
      })
      test('hold back their neighbours where one is bad, and say which', async () => {
        const table = await newTable()
        const error = await failure(
          table.insert([{ id: 'x', name: 'a' }, { id: 1 }], { partialRetries: 0 }),
        )
        expect(error?.errors?.[0]?.['errors' as never]).toMatchObject([
          { reason: 'invalid', message: 'Cannot convert value to integer (bad value): x' },
        ])
        expect(await stored(table)).toEqual([])
      })
      test('are taken beside bad ones where that is asked for', async () => {
        const table = await newTable()
        await failure(
          table.insert([{ id: 1, unknown: 2 }, { id: 3 }], {
            skipInvalidRows: true,
            partialRetries: 0,
          }),
        )
        expect(await stored(table, 'id')).toEqual([{ id: 3 }])
      })
      test('lose what no column takes where that is asked for', async () => {
        const table = await newTable()
        await table.insert([{ id: 1, unknown: 2 }], { ignoreUnknownValues: true })
        expect(await stored(table, 'id')).toEqual([{ id: 1 }])
      })
      test('without a required value are refused', async () => {
        const table = await newTable()
        const error = await failure(table.insert([{ name: 'a' }], { partialRetries: 0 }))
        expect(error?.errors?.[0]?.['errors' as never]).toMatchObject([{ reason: 'invalid' }])
      })
      test('with one insertId are one', async () => {
        const table = await newTable()
        const row = { insertId: 'one', json: { id: 1 } }
        await table.insert([row], { raw: true })
        await table.insert([row], { raw: true })
        expect(await stored(table, 'id')).toEqual([{ id: 1 }])
      })
      test('of a table that is not there are refused', async () => {
        expect(
          await failure(
            client
              .dataset('d')
              .table('nowhere')
              .insert([{ id: 1 }]),
          ),
        ).toMatchObject({ code: 404 })
      })
      test('are nested as deep as the schema', async () => {
        const line = [
          { name: 'sku', type: 'STRING' },
          { name: 'sizes', type: 'INTEGER', mode: 'REPEATED' },
        ]
        const table = await newTable([
          { name: 'id', type: 'INTEGER' },
          { name: 'lines', type: 'RECORD', mode: 'REPEATED', fields: line },
          { name: 'place', type: 'RECORD', fields: [{ name: 'country', type: 'STRING' }] },
        ])
        const row = {
          id: 1,
          lines: [
            { sku: 'a', sizes: [1, 2] },
            { sku: 'b', sizes: [] },
          ],
          place: { country: 'NL' },
        }
        await table.insert([row])
        expect(await stored(table)).toEqual([row])
      })
    })

    about('a value', () => {
      const values: readonly (readonly [what: string, sql: string, value: unknown])[] = [
        ['that is the largest integer', '9007199254740991', 9007199254740991],
        ['of both signs of zero and a fraction', '[0.0, -1.5]', [0, -1.5]],
        ['that is a truth', 'NOT FALSE', true],
        ['in any script', "'žluťoučký 小猫 🐈'", 'žluťoučký 小猫 🐈'],
        ['of bytes', "b'\\x00\\xff'", Buffer.from([0, 255])],
        ['of a day', "DATE '2024-02-29'", { value: '2024-02-29' }],
        ['of a time', "TIME '23:59:59.5'", { value: '23:59:59.500000' }],
        ['of a day and a time', "DATETIME '2024-02-29 12:00:00'", { value: '2024-02-29T12:00:00' }],
        [
          'of a moment',
          "TIMESTAMP '2024-02-29 12:00:00.123456+02'",
          { value: '2024-02-29T10:00:00.123456000Z' },
        ],
        ['that is an array', '[1, 2]', [1, 2]],
        ['that is a structure', "STRUCT(1 AS a, 'x' AS b)", { a: 1, b: 'x' }],
        ['that is not there', 'CAST(NULL AS STRING)', null],
        ['that is an array that is not there', 'CAST(NULL AS ARRAY<INT64>)', []],
      ]
      for (const [what, sql, value] of values) {
        test(`${what} comes as it is`, async () => {
          const [row] = await rowsOf(`SELECT ${sql} AS v`)
          expect(JSON.parse(JSON.stringify(row?.['v']))).toEqual(JSON.parse(JSON.stringify(value)))
        })
      }
      test('of exact decimals keeps every digit', async () => {
        const [row] = await rowsOf(
          "SELECT NUMERIC '12345678901234567890.123456789' AS v, NUMERIC '1.50' AS w",
        )
        expect([String(row?.['v']), String(row?.['w'])]).toEqual([
          '12345678901234567890.123456789',
          '1.5',
        ])
      })
      test('has the type that the live service names', async () => {
        const [job] = await client.createQueryJob({
          query: "SELECT 1 AS i, 1.5 AS f, 'x' AS s, TRUE AS b, DATE '2024-01-01' AS d",
        })
        const [, , answer] = (await job.getQueryResults({ autoPaginate: false })) as unknown as [
          Row[],
          unknown,
          { schema: { fields: { type: string }[] } },
        ]
        expect(answer.schema.fields.map(({ type }) => type)).toEqual([
          'INTEGER',
          'FLOAT',
          'STRING',
          'BOOLEAN',
          'DATE',
        ])
      })
    })

    about('queries', () => {
      test('are answered page by page', async () => {
        const [job] = await client.createQueryJob(
          'SELECT x FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x ORDER BY x',
        )
        const [rows, next] = await job.getQueryResults({ maxResults: 4, autoPaginate: false })
        expect(rows.map(({ x }) => x as number)).toEqual([1, 2, 3, 4])
        const [more] = await job.getQueryResults({ ...(next as object), autoPaginate: false })
        expect(more.map(({ x }) => x as number)).toEqual([5, 6, 7, 8])
      })
      test('take parameters by name', async () => {
        const [rows] = await client.query({
          query: 'SELECT @a + 1 AS a, @t AS t',
          params: { a: 1, t: "it's" },
        })
        expect(rows).toEqual([{ a: 2, t: "it's" }])
      })
      test('take parameters by place, lists among them', async () => {
        const [rows] = await client.query({
          query: 'SELECT COUNT(*) AS n FROM UNNEST(?) AS x WHERE x > ?',
          params: [[1, 2, 3], 1],
        })
        expect(rows).toEqual([{ n: 2 }])
      })
      test('take moments and days as parameters', async () => {
        const [rows] = await client.query({
          query: 'SELECT UNIX_MILLIS(@at) AS ms, EXTRACT(YEAR FROM @day) AS year',
          params: { at: new Date(1_700_000_000_123), day: client.date('2024-05-06') },
        })
        expect(rows).toEqual([{ ms: 1_700_000_000_123, year: 2024 }])
      })
      test('without a parameter that they name are refused', async () => {
        expect(
          await failure(client.query({ query: 'SELECT @there, @gone', params: { there: 1 } })),
        ).toMatchObject({ code: 400 })
      })
      test('know a default dataset', async () => {
        const table = await newTable()
        await table.insert([{ id: 7 }])
        const [rows] = await client.query({
          query: `SELECT id FROM ${table.id}`,
          defaultDataset: { datasetId: 'd', projectId: 'shop' },
        })
        expect(rows).toEqual([{ id: 7 }])
      })
      test('that are dry tell their columns and leave no job', async () => {
        const [job] = await client.createQueryJob({
          query: 'SELECT 1 AS a, "x" AS b',
          dryRun: true,
        })
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
      test('that are no SQL are refused with the place', async () => {
        const error = await failure(client.query('SELECT 1 FROM WHERE'))
        expect(error).toMatchObject({ code: 400, errors: [{ reason: 'invalidQuery' }] })
        expect(error?.message).toMatch(/Syntax error: .*\[1:15\]/)
      })
      test('that divide by zero fail, safely divided they do not', async () => {
        const error = await failure(client.query('SELECT 1 / x FROM UNNEST([0]) AS x'))
        expect(error?.code).toBe(400)
        expect(error?.message).toMatch(/division by zero/i)
        expect(await rowsOf('SELECT SAFE_DIVIDE(1, 0) AS v')).toEqual([{ v: null }])
      })
      test('count from windows and keep what qualifies', async () => {
        expect(
          await rowsOf(
            `SELECT k, v FROM UNNEST([STRUCT('a' AS k, 1 AS v), ('a', 2), ('b', 3)])
             WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) = 1 ORDER BY k`,
          ),
        ).toEqual([
          { k: 'a', v: 2 },
          { k: 'b', v: 3 },
        ])
      })
      test('join, group and keep groups', async () => {
        expect(
          await rowsOf(
            `WITH l AS (SELECT * FROM UNNEST([1, 2, 2, 3]) AS x), r AS (SELECT 2 AS x, 'two' AS n)
             SELECT l.x, ANY_VALUE(n) AS n, COUNT(*) AS c FROM l LEFT JOIN r USING (x)
             GROUP BY 1 HAVING COUNT(*) > 0 ORDER BY 1`,
          ),
        ).toEqual([
          { x: 1, n: null, c: 1 },
          { x: 2, n: 'two', c: 2 },
          { x: 3, n: null, c: 1 },
        ])
      })
      test('leave out and replace columns', async () => {
        expect(
          await rowsOf(
            'SELECT * EXCEPT (b) REPLACE (a + 1 AS a) FROM (SELECT 1 AS a, 2 AS b, 3 AS c)',
          ),
        ).toEqual([{ a: 2, c: 3 }])
      })
      test('unnest what is nested, with its place', async () => {
        expect(
          await rowsOf("SELECT x, i FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS i ORDER BY i DESC"),
        ).toEqual([
          { x: 'b', i: 1 },
          { x: 'a', i: 0 },
        ])
      })
      test('gather arrays in order and texts with a mark', async () => {
        expect(
          await rowsOf(
            "SELECT ARRAY_AGG(x ORDER BY x DESC) AS a, STRING_AGG(CAST(x AS STRING), '+' ORDER BY x) AS s FROM UNNEST([2, 1, 3]) AS x",
          ),
        ).toEqual([{ a: [3, 2, 1], s: '1+2+3' }])
      })
      test('cut time to units and count between moments', async () => {
        expect(
          await rowsOf(
            `SELECT CAST(DATE_TRUNC(DATE '2024-05-15', MONTH) AS STRING) AS m,
              TIMESTAMP_DIFF(TIMESTAMP '2024-01-02', TIMESTAMP '2024-01-01', HOUR) AS h,
              FORMAT_TIMESTAMP('%Y-%m-%d %H', TIMESTAMP '2024-01-01 12:34:56', 'Europe/Amsterdam') AS f`,
          ),
        ).toEqual([{ m: '2024-05-01', h: 24, f: '2024-01-01 13' }])
      })
      test('write their answer into a table that is named', async () => {
        const destination = client.dataset('d').table(`answer${count++}`)
        const [job] = await client.createQueryJob({ query: 'SELECT 1 AS id', destination })
        await job.getQueryResults()
        expect(await stored(destination)).toEqual([{ id: 1 }])
      })
      test('overwrite that table only where they say so', async () => {
        const destination = client.dataset('d').table(`answer${count++}`)
        const run = async (id: number, writeDisposition: string) => {
          const query = `SELECT ${id} AS id`
          const [job] = await client.createQueryJob({ query, destination, writeDisposition })
          await job.getQueryResults()
        }
        await run(1, 'WRITE_EMPTY')
        expect(await failure(run(2, 'WRITE_EMPTY'))).toMatchObject({
          errors: [{ reason: 'duplicate' }],
        })
        await run(3, 'WRITE_APPEND')
        expect(await stored(destination)).toEqual([{ id: 1 }, { id: 3 }])
        await run(4, 'WRITE_TRUNCATE')
        expect(await stored(destination)).toEqual([{ id: 4 }])
      })
    })

    about('jobs', () => {
      test('are found by their id, done, with their times', async () => {
        const [job] = await client.createQueryJob({ query: 'SELECT 1', jobId: `job${count++}` })
        await job.getQueryResults()
        const metadata = await metadataOf(client.job(job.id ?? ''))
        expect(metadata).toMatchObject({
          status: { state: 'DONE' },
          configuration: { jobType: 'QUERY' },
          jobReference: { projectId: 'shop', jobId: job.id },
        })
      })
      test('of one id are one', async () => {
        const ask = { query: 'SELECT 1', jobId: `job${count++}` }
        await client.createQueryJob(ask)
        expect(await failure(client.createQueryJob(ask))).toMatchObject({ code: 409 })
      })
      test('are listed', async () => {
        const [job] = await client.createQueryJob({ query: 'SELECT 2', jobId: `job${count++}` })
        const [jobs] = await client.getJobs({ maxResults: 1000 })
        expect(jobs.map(({ id }) => id?.split('.').at(-1))).toContain(job.id)
      })
      test('that are not there are missed', async () => {
        expect(await failure(client.job('nowhere').getMetadata())).toMatchObject({ code: 404 })
      })
      test('that are cancelled answer so', async () => {
        const [job] = await client.createQueryJob({ query: 'SELECT 3' })
        const [answer] = (await job.cancel()) as unknown as [{ kind: string }]
        expect(answer.kind).toBe('bigquery#jobCancelResponse')
      })
    })

    about('changes', () => {
      test('insert, update and delete, and say how many', async () => {
        const table = await newTable()
        const name = `d.${table.id}`
        expect(await changed(`INSERT ${name} (id, name) VALUES (1, 'a'), (2, 'b')`)).toBe('2')
        expect(await changed(`UPDATE ${name} SET name = 'c' WHERE id = 2`)).toBe('1')
        expect(await changed(`DELETE ${name} WHERE id = 1`)).toBe('1')
        expect(await stored(table, 'id, name')).toEqual([{ id: 2, name: 'c' }])
      })
      test('insert what a query finds', async () => {
        const table = await newTable()
        await changed(`INSERT INTO d.${table.id} (id) SELECT x FROM UNNEST([3, 4]) AS x`)
        expect(await stored(table, 'id')).toEqual([{ id: 3 }, { id: 4 }])
      })
      test('touch all rows only where they say so', async () => {
        const table = await newTable()
        expect(await failure(client.query(`DELETE d.${table.id}`))).toMatchObject({ code: 400 })
        expect(await failure(client.query(`UPDATE d.${table.id} SET name = 'x'`))).toMatchObject({
          code: 400,
        })
      })
      const merge = (table: Table, source: string) => `MERGE d.${table.id} AS t
        USING (${source}) AS s ON t.id = s.id
        WHEN MATCHED AND s.name IS NULL THEN DELETE
        WHEN MATCHED THEN UPDATE SET name = s.name
        WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)`
      test('merge', async () => {
        const table = await newTable()
        await changed(`INSERT d.${table.id} (id, name) VALUES (1, 'a'), (2, 'b')`)
        const source =
          "SELECT 1 AS id, 'A' AS name UNION ALL SELECT 2, NULL UNION ALL SELECT 3, 'c'"
        expect(await changed(merge(table, source))).toBe('3')
        expect(await stored(table, 'id, name')).toEqual([
          { id: 1, name: 'A' },
          { id: 3, name: 'c' },
        ])
      })
      test('merge no two rows into one', async () => {
        const table = await newTable()
        await changed(`INSERT d.${table.id} (id, name) VALUES (1, 'a')`)
        const twice = "SELECT 1 AS id, 'A' AS name UNION ALL SELECT 1, 'B'"
        const error = await failure(client.query(merge(table, twice)))
        expect(error?.message).toContain(
          'UPDATE/MERGE must match at most one source row for each target row',
        )
        expect(await stored(table, 'name')).toEqual([{ name: 'a' }])
      })
      test('refuse NULL where a value is required, and change nothing', async () => {
        const table = await newTable()
        const error = failure(client.query(`INSERT d.${table.id} (id) VALUES (1), (NULL)`))
        expect(await error).toMatchObject({ code: 400 })
        expect(await stored(table)).toEqual([])
      })
    })

    about('definitions', () => {
      test('create a table once', async () => {
        const name = `made${count++}`
        await client.query(`CREATE TABLE d.${name} (id INT64 NOT NULL, seen TIMESTAMP)`)
        expect(await failure(client.query(`CREATE TABLE d.${name} (id INT64)`))).toMatchObject({
          code: 409,
        })
        await client.query(`CREATE TABLE IF NOT EXISTS d.${name} (other INT64)`)
        const { schema: fields } = await metadataOf(client.dataset('d').table(name))
        expect((fields as { fields: object[] }).fields).toMatchObject([
          { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
          { name: 'seen', type: 'TIMESTAMP' },
        ])
      })
      test('create a table from a query, and put another in its place', async () => {
        const table = client.dataset('d').table(`made${count++}`)
        await client.query(`CREATE TABLE d.${table.id} AS SELECT 1 AS id`)
        await client.query(`CREATE OR REPLACE TABLE d.${table.id} AS SELECT 2 AS id, 'x' AS name`)
        expect(await stored(table)).toEqual([{ id: 2, name: 'x' }])
      })
      test('drop a table once, or where it is there', async () => {
        const name = `made${count++}`
        await client.query(`CREATE TABLE d.${name} (id INT64)`)
        await client.query(`DROP TABLE d.${name}`)
        expect(await failure(client.query(`DROP TABLE d.${name}`))).toMatchObject({ code: 404 })
        await client.query(`DROP TABLE IF EXISTS d.${name}`)
        expect(await client.dataset('d').table(name).exists()).toEqual([false])
      })
      test('add a column', async () => {
        const table = await newTable()
        await table.insert([{ id: 1 }])
        await client.query(`ALTER TABLE d.${table.id} ADD COLUMN more STRING`)
        expect(await stored(table, 'id, more')).toEqual([{ id: 1, more: null }])
      })
      test('empty a table', async () => {
        const table = await newTable()
        await table.insert([{ id: 1 }])
        await client.query(`TRUNCATE TABLE d.${table.id}`)
        expect(await stored(table)).toEqual([])
      })
      test('make views that show the newest version of each key', async () => {
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
        const { type, schema: fields } = await metadataOf(client.dataset('d').table('carts'))
        expect([
          type,
          (fields as { fields: { name: string }[] }).fields.map(({ name }) => name),
        ]).toEqual(['VIEW', ['cart_key', 'state', 'revision', '_seq']])
      })
      test('make no view of what is not there', async () => {
        const view = { view: { query: 'SELECT * FROM d.nowhere', useLegacySql: false } }
        expect(await failure(client.dataset('d').createTable(`v${count++}`, view))).toMatchObject({
          code: 404,
        })
      })
      test('are seen in INFORMATION_SCHEMA', async () => {
        const table = await newTable()
        expect(
          await rowsOf(
            `SELECT table_name, table_type FROM d.INFORMATION_SCHEMA.TABLES WHERE table_name = '${table.id}'`,
          ),
        ).toEqual([{ table_name: table.id, table_type: 'BASE TABLE' }])
        expect(
          await rowsOf(
            `SELECT column_name, data_type, is_nullable FROM d.INFORMATION_SCHEMA.COLUMNS WHERE table_name = '${table.id}' ORDER BY ordinal_position`,
          ),
        ).toMatchObject([
          { column_name: 'id', data_type: 'INT64', is_nullable: 'NO' },
          { column_name: 'name', data_type: 'STRING', is_nullable: 'YES' },
          { column_name: 'at', data_type: 'TIMESTAMP', is_nullable: 'YES' },
          { column_name: 'tags', data_type: 'ARRAY<STRING>' },
        ])
      })
    })

    about('loads', () => {
      const json = { sourceFormat: 'NEWLINE_DELIMITED_JSON' }
      const csv = { sourceFormat: 'CSV', skipLeadingRows: 1 }
      const flat = [
        { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
        { name: 'name', type: 'STRING' },
      ]
      const two = [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ]
      const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join('\n')

      test('take lines of JSON and say how many', async () => {
        const table = await newTable(flat)
        const statistics = await load(table, lines(two), json)
        expect(statistics['load']).toMatchObject({ outputRows: '2', badRecords: '0' })
        expect(await stored(table)).toEqual(two)
      })
      test('take CSV with a heading, quotes and empty cells', async () => {
        const table = await newTable(flat)
        await load(table, 'id,name\n1,"a, ""b"""\n2,\n3,""\n', csv)
        expect(await stored(table)).toEqual([
          { id: 1, name: 'a, "b"' },
          { id: 2, name: null },
          { id: 3, name: '' },
        ])
      })
      test('take what is gzipped', async () => {
        const table = await newTable(flat)
        await load(table, gzipSync(lines(two)), json)
        expect(await stored(table)).toEqual(two)
      })
      test('add to what is there, replace it, or want nothing there', async () => {
        const table = await newTable(flat)
        await load(table, lines([{ id: 1 }]), json)
        await load(table, lines([{ id: 2 }]), json)
        expect(await stored(table, 'id')).toEqual([{ id: 1 }, { id: 2 }])
        await load(table, lines([{ id: 3 }]), { ...json, writeDisposition: 'WRITE_TRUNCATE' })
        expect(await stored(table, 'id')).toEqual([{ id: 3 }])
        const error = failure(
          load(table, lines([{ id: 4 }]), { ...json, writeDisposition: 'WRITE_EMPTY' }),
        )
        expect(await error).toBeDefined()
        expect(await stored(table, 'id')).toEqual([{ id: 3 }])
      })
      test('with a bad row leave nothing', async () => {
        const table = await newTable(flat)
        const error = await failure(load(table, `${lines(two)}\n{"id":"x"}`, json))
        expect(error?.errors?.[0]?.reason).toBe('invalid')
        expect(await stored(table)).toEqual([])
      })
      test('take as many bad rows as they say', async () => {
        const table = await newTable(flat)
        const statistics = await load(table, `${lines(two)}\n{"id":"x"}`, {
          ...json,
          maxBadRecords: 1,
        })
        expect(statistics['load']).toMatchObject({ outputRows: '2', badRecords: '1' })
        expect(await stored(table)).toEqual(two)
      })
      test('lose what no column takes where that is asked for', async () => {
        const table = await newTable(flat)
        expect(await failure(load(table, lines([{ id: 1, more: 2 }]), json))).toBeDefined()
        await load(table, lines([{ id: 1, more: 2 }]), { ...json, ignoreUnknownValues: true })
        expect(await stored(table)).toEqual([{ id: 1, name: null }])
      })
      test('add columns where they may', async () => {
        const table = await newTable(flat)
        await load(table, lines([{ id: 1, name: 'a', more: 2.5 }]), {
          ...json,
          schema: { fields: [...flat, { name: 'more', type: 'FLOAT' }] },
          schemaUpdateOptions: ['ALLOW_FIELD_ADDITION'],
        })
        expect(await stored(table)).toEqual([{ id: 1, name: 'a', more: 2.5 }])
      })
      test('make a table by a schema that comes with them', async () => {
        const table = client.dataset('d').table(`loaded${count++}`)
        await load(table, lines(two), { ...json, schema: { fields: flat } })
        expect(await stored(table)).toEqual(two)
      })
      test('of one job id are one', async () => {
        const table = await newTable(flat)
        const jobId = `load${count++}`
        await load(table, lines(two), { ...json, jobId })
        expect(await failure(load(table, lines(two), { ...json, jobId }))).toMatchObject({
          code: 409,
        })
        expect(await stored(table)).toEqual(two)
      })
      test('of a table that is not there, without a schema, fail', async () => {
        const table = client.dataset('d').table(`loaded${count++}`)
        const never = { ...json, createDisposition: 'CREATE_NEVER' }
        expect(await failure(load(table, lines(two), never))).toMatchObject({
          errors: [{ reason: 'notFound' }],
        })
      })
    })
  })
}
