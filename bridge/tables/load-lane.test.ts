// Lane B by load jobs.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { TablesWay } from '../options.ts'
import {
  client,
  countsOf,
  everyRowIsThereOnce,
  isThereOnce,
  server,
  until,
  world,
} from './lane.contract.ts'
import type { World } from './lane.contract.ts'
import { tableResource } from './resources.ts'

const insert = { method: 'POST /upload/', match: 'shop' }
const look = { method: 'GET /bigquery/v2/projects/shop/jobs/lb_orders' }

everyRowIsThereOnce('load', {
  'replies are lost after the commit': [
    { ...insert, code: 503, dropResponseAfterCommit: true, times: 3 },
  ],
  'replies are lost before the commit': [{ ...insert, code: 503, times: 3 }],
  'the job is not found although it is there': [
    { ...insert, code: 503, dropResponseAfterCommit: true },
    { ...look, code: 404, reason: 'notFound' },
  ],
  'the reply is lost, and what became of the job cannot be asked': [
    { ...insert, code: 503, dropResponseAfterCommit: true },
    { ...look, code: 503, times: 2 },
  ],
  'the id is said to be taken, and nothing has it': [
    { ...insert, code: 409, reason: 'duplicate', times: 2 },
  ],
  'the quota is used up for a while': [{ ...insert, code: 403, reason: 'quotaExceeded', times: 2 }],
})

const ordersOf = (lane: Awaited<ReturnType<World['start']>>) =>
  lane.status().streams.find(({ stream }) => stream === 'orders_log')
const factsOf = ({ dataDir }: World) =>
  readFileSync(join(dataDir, 'tables', 'ships.ndjson'), 'utf8')

test('a file stays until its load is confirmed', async () => {
  await using it = await world('load')
  const files = () => readdirSync(join(it.dataDir, 'tables', 'loads'))
  it.history.add('orders', 5)
  server.faults.set([{ ...insert, code: 503, times: 1000 }])
  const lane = await it.start()
  await until(() => expect(ordersOf(lane)).toMatchObject({ state: 'waiting' }))
  expect(files()).toEqual(['orders_log.ndjson'])
  expect(factsOf(it)).toMatch(
    /"fact":"load","id":"lb_orders_log_1_5_[0-9a-f]{8}","retry":0,"rows":5/,
  )
  server.faults.set([])
  await it.settled(lane)
  expect(files()).toEqual([])
  await isThereOnce(it, 'orders', 'orders_log')
})

test('a load waits for its time, in the next life too, and says so', async () => {
  await using it = await world('load')
  it.history.add('orders', 5)
  const first = await it.start({ loadEveryMs: 600_000 })
  await it.settled(first)
  await first.close()
  it.history.add('orders', 5)
  const second = await it.start({ loadEveryMs: 600_000 })
  await until(() =>
    expect(ordersOf(second)).toMatchObject({
      state: 'waiting',
      detail: expect.stringContaining('the next load is due at 20'),
      lagRecords: 5,
    }),
  )
})

test('what is behind a full file does not wait', async () => {
  await using it = await world('load')
  it.history.add('orders', 50)
  const lane = await it.start({ loadEveryMs: 600_000, loadRows: 20 })
  await until(() => expect(countsOf(lane, 'orders_log')?.sent).toBe(50))
  expect(factsOf(it).match(/"fact":"load",/g)).toHaveLength(3)
})

test('a load that failed is tried under the next id', async () => {
  await using it = await world('load')
  const lane = await it.start()
  await it.settled(lane)
  const dataset = client.dataset(it.dataset)
  await dataset.table('orders_log').delete()
  it.history.add('orders', 5)
  await until(() => expect(ordersOf(lane)).toMatchObject({ state: 'waiting' }))
  await dataset.createTable('orders_log', { schema: tableResource('orders').schema })
  await it.settled(lane)
  await isThereOnce(it, 'orders', 'orders_log')
  expect(factsOf(it)).toMatch(/"retry":1/)
})

test('rows go on where the other way has ended, there and back', async () => {
  await using it = await world('load')
  for (const by of ['load', 'write-api', 'load', 'write-api'] as const) {
    it.history.add('orders', 30)
    const lane = await it.start({ by })
    await it.settled(lane)
    expect(countsOf(lane, 'orders_log')).toMatchObject({ sent: 30 })
    await lane.close()
  }
  await isThereOnce(it, 'orders', 'orders_log')
})

const silence = [
  { ...insert, code: 503, dropResponseAfterCommit: true, times: 1000 },
  { ...look, code: 503, times: 1000 },
  { method: 'AppendRows', code: 14, dropResponseAfterCommit: true, times: 1000 },
]
const ways: [TablesWay, TablesWay, string][] = [
  ['load', 'write-api', '"fact":"load"'],
  ['write-api', 'load', '"fact":"intent"'],
]
test.each(ways)('what %s left open, %s brings to its end', async (before, after, fact) => {
  await using it = await world(before)
  it.history.add('orders', 5)
  server.faults.set(silence)
  const first = await it.start({ batchRows: 5 })
  await until(() => {
    expect(factsOf(it)).toContain(fact)
    expect(ordersOf(first)).toMatchObject({ state: 'waiting' })
  })
  await first.close()
  server.faults.set([])
  it.history.add('orders', 5)
  const second = await it.start({ by: after })
  await it.settled(second)
  await isThereOnce(it, 'orders', 'orders_log')
})
