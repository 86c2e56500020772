// One transaction at a time, without a broker.

import { expect, test } from 'vitest'
import { topics } from '#stack/contract/topics.ts'
import { Batch } from './batch.ts'
import type { History } from './history-file.ts'
import { KnownRows } from './sketches.ts'
import { enrichedRecord, eventLine, Feed, memoryHistory, tableRows } from './testing.ts'

test('a record that is no JSON, or no event, is left out and told of; its neighbours are written', async () => {
  await using history = await memoryHistory()
  const batch = new Batch()
  const good = JSON.stringify(enrichedRecord(eventLine({ eventId: 'e0', minute: 0 }), 0).value)
  for (const [offset, text] of ['{"eventId":', '{}', good].entries()) {
    const record = { key: null, value: Buffer.from(text), headers: {}, timestampMs: 0, offset }
    batch.add(topics.enriched.name, 0, record)
    batch.advance({ topic: topics.enriched.name, partition: 0 }, offset + 1)
  }
  const broken = await history.commit(batch)
  expect(broken.map(({ at }) => at)).toEqual([
    { topic: topics.enriched.name, partition: 0, offset: 0 },
    { topic: topics.enriched.name, partition: 0, offset: 1 },
  ])
  expect((await tableRows(history, 'events')).map((row) => row['event_id'])).toEqual(['e0'])
  expect(history.state.positions.get(`${topics.enriched.name}-0`)?.offset).toBe(3)
})

test('copies within one transaction are found, however far they are apart', async () => {
  await using history = await memoryHistory()
  const ids = Array.from({ length: 2500 }, (_, i) => (i === 2400 ? 'e7' : `e${i}`))
  ids[8] = 'e7'
  const records = ids.map((eventId, i) => enrichedRecord(eventLine({ eventId, minute: i }), i))
  await history.commit(new Feed().batch(records))
  const [rows] = await history.database.rows('SELECT count(*) AS n FROM events_stored')
  expect(Number(rows?.['n'])).toBe(2498)
  const copies = await tableRows(history, 'rejected_events')
  expect(copies.map((row) => [row['reason'], row['_kafka_offset']])).toEqual([
    ['duplicate', 8],
    ['duplicate', 2400],
  ])
  expect(history.state.outcomes[0]).toMatchObject({ enriched: 2498, duplicate: 2 })
})

test('a row of a rollup that is known by its filter only is looked up, not written again', async () => {
  await using history = await memoryHistory()
  const { rollups } = await history.memories
  for (const name of ['activity', 'product_interest', 'bot_visitors'] as const) {
    rollups[name] = new KnownRows(0)
  }
  const feed = new Feed()
  const data = { items: [{ productId: 'P', quantity: 1, unitPriceMinor: 5 }], currency: 'EUR' }
  for (let i = 0; i < 3; i++) {
    const viewed = eventLine({ eventId: `v${i}`, minute: i, name: 'view_item', data })
    const crawled = eventLine({
      eventId: `b${i}`,
      minute: i,
      anonymousId: 'B',
      context: { userAgent: 'a crawler' },
    })
    await history.commit(
      feed.batch([enrichedRecord(viewed, 2 * i), enrichedRecord(crawled, 2 * i + 1)]),
    )
  }
  expect(await counts(history)).toEqual({ activity: 1, product_interest: 1, bot_visitors: 1 })
})

test('an order follows the campaign of its session, which a page after it may bring', async () => {
  await using history = await memoryHistory()
  const feed = new Feed()
  const time = '2024-05-06T10:00:00.000Z'
  const session = (campaignSource: string | null, revision: number) => ({
    topic: topics.sessions.name,
    partition: 0,
    key: 'S',
    value: {
      sessionKey: 'S',
      anonymousId: 'A',
      startedAt: time,
      endedAt: time,
      campaignSource,
      revision,
    },
  })
  const data = {
    orderId: 'O',
    currency: 'EUR',
    items: [{ productId: 'P', quantity: 1, unitPriceMinor: 5 }],
  }
  const bought = eventLine({ eventId: 'p', minute: 0, name: 'purchase', anonymousId: 'A', data })
  await history.commit(feed.batch([enrichedRecord(bought, 0), session(null, 0)]))
  const campaigns = async () =>
    (await tableRows(history, 'orders')).map((row) => row['campaign_source'])
  expect(await campaigns()).toEqual([null])
  await history.commit(feed.batch([session('mail', 1)]))
  expect(await campaigns()).toEqual(['mail'])
})

async function counts({ database }: History): Promise<Record<string, number>> {
  const [row] = await database.rows(
    `SELECT (SELECT count(*) FROM activity) AS activity, (SELECT count(*) FROM product_interest) AS product_interest,
       (SELECT count(*) FROM bot_visitors) AS bot_visitors`,
  )
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, n]) => [name, Number(n)]))
}

test('what the bridge could not deliver is a row, with where it lies and why', async () => {
  await using history = await memoryHistory()
  const told = {
    lane: 'topics',
    position: 'user-sessions-2@5512',
    target: 'projects/shop/topics/user-sessions',
    code: 'INVALID_ARGUMENT',
    reason: 'no',
    attempts: 1,
    firstAt: '2026-03-01T10:00:00.000Z',
    lastAt: '2026-03-01T10:00:01.000Z',
    payload: null,
  }
  const record = { topic: topics.bridgeErrors.name, partition: 1, key: 'k', value: told }
  await history.commit(new Feed().batch([record]))
  expect(await tableRows(history, 'bridge_errors')).toMatchObject([
    {
      lane: 'topics',
      position: 'user-sessions-2@5512',
      first_at: '2026-03-01T10:00:00.000Z',
      attempts: 1,
      payload: null,
      _kafka_topic: 'bridge-errors',
      _kafka_partition: 1,
      _kafka_offset: 0,
    },
  ])
})
