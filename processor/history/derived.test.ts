// What history derives as it goes, against the same computed from scratch: rollups, funnel steps, persons and sessions of
// events, orders. Random shops through both stages; the topics read at random speeds in small transactions.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { hourMs, isoTime, minuteMs } from '#stack/base/units.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { rollupNames, rollups, sessionSteps } from '#stack/contract/metrics/relations.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { answerMetric } from './query/metrics.ts'
import { memoryHistory, readTopics, tableRows } from './testing.ts'
import type { TestHistory } from './testing.ts'

const startMs = Date.parse('2024-05-06T08:00:00.000Z')
const settings = { ...defaultSettings, botEventsPerMinute: 8 }
const context = { dialect: duckdb, settings }
const tables = ['events', 'sessions', 'carts', 'orders', 'order_lines', 'refunds'] as const

const seed = 1

describe('a random shop', () => {
  let history: TestHistory
  beforeAll(async () => {
    history = await memoryHistory(settings)
    await readTopics(randomShop(seed).log, history, { random: new Random(seed) })
  })
  afterAll(() => history.close())

  test('has the same tables whichever topic is read first', async () => {
    await using whole = await memoryHistory(settings)
    await readTopics(randomShop(seed).log, whole)
    for (const table of tables) {
      const [expected, found] = [await tableRows(whole, table), await tableRows(history, table)]
      expect(expected.length).toBeGreaterThan(0)
      expect(sorted(found)).toEqual(sorted(expected))
    }
  })

  test('has rollups that equal what their definition computes', async () => {
    for (const name of rollupNames) {
      const expected = await history.database.rows(rollups[name](context))
      const columns = Object.keys(expected[0] ?? { none: 1 }).join(', ')
      expect(expected.length).toBeGreaterThan(0)
      const kept = await history.database.rows(`SELECT ${columns} FROM ${name}`)
      expect(sorted(kept)).toEqual(sorted(expected))
    }
  })

  test('has funnel steps that equal a fold of its events', async () => {
    const proof = await history.database.rows(sessionSteps(context))
    const kept = await history.database.rows(
      'SELECT session_key, funnel_step FROM sessions WHERE product_views + adds + checkouts + orders > 0',
    )
    const step = (row: Record<string, unknown>) => [row['session_key'], Number(row['funnel_step'])]
    const ofProof = new Map(proof.map(step) as [unknown, number][])
    expect(kept.map(step)).toEqual(
      kept.map((row) => [row['session_key'], ofProof.get(row['session_key'])]),
    )
    expect(Math.max(...ofProof.values())).toBeGreaterThan(2)
  })

  test('tells of some of its events what it tells of all of them', async () => {
    const all = await tableRows(history, 'events')
    const random = new Random(seed)
    for (let asked = 0; asked < 20; asked++) {
      const afterSeq = random.int(history.state.lastSeq)
      const range = { afterSeq, toSeq: afterSeq + 1 + random.int(100) }
      const isIn = (seq: number) => seq > range.afterSeq && seq <= range.toSeq
      expect(await tableRows(history, 'events', range)).toEqual(
        all.filter((row) => isIn(row['_seq'] as number)),
      )
    }
  })

  test('joins its events by keys: each with each would take minutes of 30 days', async () => {
    const [plan] = await history.database.rows('EXPLAIN SELECT count(*) FROM events')
    expect(plan?.['explain_value']).toContain('HASH_JOIN')
    expect(plan?.['explain_value']).not.toMatch(/NL_JOIN|CROSS_PRODUCT|NESTED_LOOP/)
  })

  test('has every activity in its session, numbered in order', async () => {
    const rows = await history.database.rows(
      `SELECT s.session_key, s.event_count, count(e.event_id) AS n, max(e.session_event_number) AS last,
         max(e.session_elapsed_ms) AS elapsed, s.duration_ms
       FROM sessions AS s LEFT JOIN events AS e ON e.session_key = s.session_key GROUP BY ALL`,
    )
    expect(rows.length).toBeGreaterThan(10)
    for (const row of rows) {
      expect([row['n'], row['last']]).toEqual([row['event_count'], row['event_count']])
      expect(row['elapsed']).toBe(row['duration_ms'])
    }
  })

  test('has orders with the person and session of their purchase', async () => {
    const rows = await history.database.rows(
      `SELECT o.order_id FROM orders AS o JOIN events AS e ON e._kafka_partition = o._kafka_partition
         AND e._kafka_offset = o._kafka_offset
       WHERE o.person_id IS DISTINCT FROM e.person_id OR o.session_key IS DISTINCT FROM e.session_key`,
    )
    expect(rows).toEqual([])
    const [count] = await history.database.rows(
      'SELECT count(*) AS n, count(session_key) AS sessions, count(cart_key) AS carts FROM orders',
    )
    expect(Number(count?.['sessions'])).toBeGreaterThan(0)
    expect(Number(count?.['carts'])).toBeGreaterThan(0)
  })

  test('has orders with the campaign that brought their session, since no purchase names one', async () => {
    const [count] = await history.database.rows(
      `SELECT count(o.campaign_source) AS told,
         count(*) FILTER (o.campaign_source IS DISTINCT FROM s.campaign_source) AS wrong
       FROM orders AS o LEFT JOIN sessions AS s ON s.session_key = o.session_key`,
    )
    expect(Number(count?.['told'])).toBeGreaterThan(0)
    expect(Number(count?.['wrong'])).toBe(0)
  })

  test('has figures whose buckets add up to the whole, split or not', async () => {
    for (const id of metricIds) {
      const metric = metrics[id]
      const isSum = metric.numerator.every(
        ({ aggregate }) => aggregate === 'count' || 'sum' in aggregate,
      )
      if (!isSum || !metric.grains.includes('hour')) continue
      const request = { currency: 'EUR', grain: 'hour', tz: 'Asia/Kolkata' }
      const whole = await answerMetric(history, id, request, null)
      const sum = whole.buckets.reduce((total, { numerator }) => total + numerator, 0)
      expect([id, sum]).toEqual([id, whole.numerator])
      const [by] = metric.dimensions
      if (by === undefined) continue
      const split = await answerMetric(history, id, { ...request, by }, null)
      const parts = split.by.reduce((total, { numerator }) => total + numerator, 0)
      expect([id, by, parts, split.numerator]).toEqual([id, by, whole.numerator, whole.numerator])
    }
  })
})

/** As they travel, without what depends on the order of arrival. */
function sorted(rows: readonly Record<string, unknown>[]): string[] {
  return rows
    .map(({ _seq, _epoch, revision, _kafka_offset, _kafka_partition, _kafka_topic, ...row }) =>
      JSON.stringify(row),
    )
    .sort()
}

const names = [
  'page_view',
  'view_item',
  'view_item',
  'add_to_cart',
  'add_to_cart',
  'begin_checkout',
  'purchase',
  'purchase',
  'refund',
  'identify',
  'custom',
] as const

/** People with two devices, browsers shared, orders told twice, bots, tests, refusals and late events. */
function randomShop(seed: number): LocalPipeline {
  const random = new Random(seed)
  const pipeline = new LocalPipeline({ partitions: 2, settings, watermark: 'byHand' })
  const events = Array.from({ length: 240 }, (_, i) => randomEvent(random, i))
  events.sort((a, b) => a.receivedAt.localeCompare(b.receivedAt))
  for (const event of events) {
    pipeline.advanceTo(Date.parse(event.receivedAt) - settings.watermarkDelayMs)
    pipeline.append(event)
    pipeline.run()
  }
  pipeline.drain()
  return pipeline
}

function randomEvent(random: Random, i: number): ShopEvent {
  const name = names[random.int(names.length)] as (typeof names)[number]
  const isRush = random.int(5) === 0
  const timeMs = startMs + (isRush ? random.int(minuteMs) : random.int(10 * hourMs))
  const lagMs = [0, 0, 1000, 20 * minuteMs, 30 * hourMs][random.int(5)] as number
  const isServer = name === 'purchase' && random.int(4) === 0
  const visitor = random.int(8)
  const userId = `U${visitor % 3}`
  const isKnown = name === 'identify' || isServer || random.int(4) === 0
  return {
    schemaVersion: '1.0',
    eventId: `e${i}`,
    name,
    ...(name === 'custom' && { customName: 'ping' }),
    eventTime: isoTime(timeMs),
    receivedAt: isoTime(timeMs + lagMs),
    source: isServer ? 'orders-service' : 'web',
    dialect: 'native',
    ...(!isServer && { anonymousId: `A${visitor}` }),
    ...(isKnown && { userId }),
    context: {
      ...(visitor === 7 && { userAgent: 'Googlebot/2.1' }),
      ...(name === 'page_view' && { campaign: { source: `mail${random.int(3)}` } }),
      ...(random.int(20) === 0 && { test: true }),
      ...(random.int(20) === 0 && { consent: { analytics: false } }),
    },
    data: dataOf(name, random),
  }
}

function dataOf(name: (typeof names)[number], random: Random): ShopEvent['data'] {
  const items = [
    { productId: `P${random.int(3)}`, quantity: 1 + random.int(3), unitPriceMinor: 500 },
  ]
  const orderId = `O${random.int(20)}`
  if (name === 'purchase') return { orderId, currency: 'EUR', items, discountMinor: random.int(90) }
  if (name === 'refund')
    return { orderId, ...(random.int(2) === 0 && { amountMinor: 200, currency: 'EUR' }) }
  if (name === 'view_item' || name === 'add_to_cart') return { items, currency: 'EUR' }
  return {}
}
