import type { BigQuery } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBigQuery } from '#stack/bigquery/start.ts'
import type { RunningBigQuery } from '#stack/bigquery/start.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { tableNames } from '#stack/contract/tables.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import { tableResource, tableResources, viewResources } from './resources.ts'

let server: RunningBigQuery
let client: BigQuery

beforeAll(async () => {
  server = await startBigQuery()
  const target = { mode: 'emulator', projectId: 'shop', bigquery: server.address } as const
  client = (await connectBigQuery(target)).client
  const [dataset] = await client.createDataset('slipway')
  for (const { tableId, source: _, name: __, ...metadata } of tableResources) {
    await dataset.createTable(tableId, metadata)
  }
  for (const { tableId, query } of viewResources(defaultSettings, 'slipway')) {
    await dataset.createTable(tableId, { view: { query, useLegacySql: false } })
  }
})
afterAll(() => server.close())

describe('what BigQuery holds of the history tables', () => {
  test('is a log per table, partitioned by its time and clustered by its key', () => {
    expect(tableResources.map(({ tableId }) => tableId)).toEqual(
      tableNames.map((name) => `${name}_log`),
    )
    const { source, timePartitioning, clustering } = tableResource('carts')
    expect({ source, timePartitioning, clustering }).toEqual({
      source: 'carts_log',
      timePartitioning: { type: 'DAY', field: 'started_at' },
      clustering: { fields: ['cart_key', 'episode'] },
    })
  })

  test('lets all of a row be null that was taken back, but its key', () => {
    const modes = (name: 'carts' | 'events') =>
      Object.fromEntries(tableResource(name).schema.fields.map((field) => [field.name, field.mode]))
    expect(modes('carts')).toMatchObject({
      cart_key: 'REQUIRED',
      state: 'NULLABLE',
      items: 'REPEATED',
      _deleted: 'REQUIRED',
      _seq: 'REQUIRED',
    })
    expect(modes('events')).toMatchObject({ name: 'REQUIRED', user_id: 'NULLABLE' })
  })

  test('has no column of a name that GoogleSQL keeps for itself', () => {
    const names = tableResources.flatMap(({ schema }) => schema.fields.map(({ name }) => name))
    expect(names.filter((name) => /^(at|by|from|to|order|group|hash|range)$/i.test(name))).toEqual(
      [],
    )
  })

  test.each(viewResources(defaultSettings, 'slipway').map(({ tableId }) => tableId))(
    'can be asked through the view %s',
    async (tableId) => {
      const [rows] = await client.query(`SELECT * FROM slipway.${tableId}`)
      expect(rows).toEqual(tableId === 'newest_epoch' ? [{ epoch: null }] : [])
    },
  )
})

describe('the plain name', () => {
  test('is the newest undeleted version of each key of the newest epoch', async () => {
    const version = (seq: number, epoch: number, orderId: string, revision: number) =>
      `('${orderId}', '${orderId}${revision}', ${revision}, ${orderId === 'gone' && revision > 0}, ${seq}, ${epoch}, 't', 0, ${seq}, 'b', CURRENT_TIMESTAMP())`
    await client.query(
      `INSERT INTO slipway.orders_log (order_id, coupon, revision, _deleted, _seq, _epoch, _kafka_topic, _kafka_partition,
         _kafka_offset, _bridge_batch, _ingested_at) VALUES ${[
           version(1, 1, 'old', 0),
           version(1, 2, 'kept', 0),
           version(2, 2, 'gone', 0),
           version(3, 2, 'kept', 1),
           version(4, 2, 'gone', 1),
         ].join(', ')}`,
    )
    const [rows] = await client.query('SELECT order_id, coupon FROM slipway.orders')
    expect(rows).toEqual([{ order_id: 'kept', coupon: 'kept1' }])
  })

  test('shows nothing of an older epoch, also of a table that the newest has no rows of', async () => {
    await client.query(
      `INSERT INTO slipway.rejected_events_log (received_at, stage, reason, message, _seq, _epoch, _kafka_topic,
         _kafka_partition, _kafka_offset, _bridge_batch, _ingested_at)
       VALUES (CURRENT_TIMESTAMP(), 'collector', 'r', 'm', 9, 1, 't', 0, 0, 'b', CURRENT_TIMESTAMP())`,
    )
    const [rows] = await client.query('SELECT COUNT(*) AS n FROM slipway.rejected_events')
    expect(rows).toEqual([{ n: 0 }])
  })
})
