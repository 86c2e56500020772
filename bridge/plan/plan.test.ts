import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BigQuery } from '@google-cloud/bigquery'
import { startBigQuery } from '#stack/bigquery/start.ts'
import type { RunningBigQuery } from '#stack/bigquery/start.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { GoogleTarget } from '#stack/google/target.ts'
import { modelOf } from '../model.ts'
import { apply, plan } from './plan.ts'
import type { PlanOptions } from './plan.ts'

let server: RunningBigQuery
let client: BigQuery
let options: PlanOptions

beforeAll(async () => {
  server = await startBigQuery()
  const target: GoogleTarget = { mode: 'emulator', projectId: 'shop', bigquery: server.address }
  client = (await connectBigQuery(target)).client
  const route = { name: 'test', target, dataset: 'slipway', location: 'US' }
  const elsewhere = { brokers: [], partitions: 1, history: '' }
  const model = modelOf({ ...route, ...elsewhere })
  options = { model, target, lanes: ['tables'] }
  await apply(options)
})
afterAll(() => server.close())

const stateOf = async (work: typeof plan, name: string) =>
  (await work(options)).find((each) => each.name === `slipway.${name}`)?.state

async function changeView(name: string, metadata: object): Promise<void> {
  await client.dataset('slipway').table(name).setMetadata(metadata)
}

test('a view of ours that an earlier version made is renewed', async () => {
  await changeView('orders', { view: { query: 'SELECT 1 AS n', useLegacySql: false } })
  expect(await stateOf(plan, 'orders')).toBe('differs')
  expect(await stateOf(apply, 'orders')).toBe('renewed')
  expect(await stateOf(plan, 'orders')).toBe('there')
})

test('a view of somebody else is told, and left as it is', async () => {
  const view = { query: 'SELECT 1 AS n', useLegacySql: false }
  await changeView('refunds', { view, labels: { 'managed-by': 'somebody' } })
  expect(await stateOf(apply, 'refunds')).toBe('differs')
  const [rows] = await client.query('SELECT * FROM slipway.refunds')
  expect(rows).toEqual([{ n: 1 }])
})
