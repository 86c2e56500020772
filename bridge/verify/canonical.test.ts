import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBigQuery } from '#stack/bigquery/start.ts'
import type { RunningBigQuery } from '#stack/bigquery/start.ts'
import { storedColumns, tableNames } from '#stack/contract/tables.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import { canonicalJson } from '../tables/canonical-json.ts'
import { createTables, madeUpRow } from '../tables/testing.ts'
import { logColumns } from '../tables/resources.ts'
import { canonicalSql, canonicalText, Digest, hashOf, hashSql } from './canonical.ts'

let server: RunningBigQuery
let client: BigQueryClients['client']
beforeAll(async () => {
  server = await startBigQuery()
  const target = { mode: 'emulator', projectId: 'shop', bigquery: server.address } as const
  client = (await connectBigQuery(target)).client
  await createTables(client, 'd')
})
afterAll(() => server.close())

describe.each(tableNames)('a row of %s', (name) => {
  test('has the same text and hash here and in BigQuery, with and without nulls', async () => {
    const rows = [1, 2, 3].map((seq) => {
      const row = madeUpRow(name, seq, 1)
      if (seq === 2) {
        for (const [column, { type, nullable }] of storedColumns(name, 'log')) {
          if (type === 'string' && nullable) row[column] = 'é😀 "\\\n\t<&>\u2028'
          if (type === 'lines') {
            row[column] = [
              { productId: 'a', variantId: null, quantity: 1, unitPriceMinor: null },
              { productId: 'b', quantity: -2, currency: 'EUR' },
            ]
          }
          if (type === 'json') row[column] = { z: 1, a: { y: '"', b: [1.5, 1e3, true] } }
          if (type === 'strings') row[column] = ['', 'x']
        }
      }
      return { ...row, _bridge_batch: 'b', _ingested_at: '2026-01-01T00:00:00Z' }
    })
    const given = new Set(logColumns(name).map(([column]) => column))
    const json = rows.map((row) =>
      Object.fromEntries(
        Object.entries(row)
          .filter(([column, value]) => given.has(column) && value !== null)
          // As it is shipped.
          .map(([column, value]) => [
            column,
            column === 'data' || column === 'extra' ? canonicalJson(value) : value,
          ]),
      ),
    )
    await client.dataset('d').table(`${name}_log`).insert(json)
    const columns = storedColumns(name, 'log')
    const text = canonicalSql(columns)
    const [found] = await client.query(
      `SELECT text, CAST(${hashSql('text')} AS STRING) AS digest
       FROM (SELECT _seq, ${text} AS text FROM d.${name}_log) ORDER BY _seq`,
    )
    const expected = rows.map((row) => {
      const own = canonicalText(row, columns)
      return { text: own, digest: String(hashOf(own)) }
    })
    expect(found).toEqual(expected)
    const digest = new Digest()
    for (const { text: each } of expected) digest.add(1, each)
    const [[all]] = await client.query(
      `SELECT CAST(SUM(CAST(h AS NUMERIC)) AS STRING) AS total, CAST(BIT_XOR(h) AS STRING) AS mixed
       FROM (SELECT ${hashSql('text')} AS h FROM (SELECT ${text} AS text FROM d.${name}_log))`,
    )
    expect(all).toEqual({ total: String(digest.sum), mixed: String(digest.xor) })
  })
})
