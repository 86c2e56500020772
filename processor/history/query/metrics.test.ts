// Questions about metrics: what is refused, currencies, windows, splits, filters, and the two SQL texts.

import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { UsageError } from '#stack/base/errors.ts'
import { isoTime, minuteMs } from '#stack/base/units.ts'
import type { EventName, ShopEvent } from '#stack/contract/events.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import { bigquery } from '#stack/contract/metrics/dialect.ts'
import { viewsOf } from '#stack/contract/metrics/relations.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { logName, tableNames } from '#stack/contract/tables.ts'
import { LocalPipeline } from '../../local-pipeline.ts'
import { Feed, enrichedRecord, eventLine, memoryHistory, readTopics } from '../testing.ts'
import type { TestHistory } from '../testing.ts'
import { answerMetric } from './metrics.ts'
import type { MetricRequest } from '#stack/contract/metrics/answer.ts'

let history: TestHistory
const ask = (id: string, request: MetricRequest = {}, watermark: string | null = null) =>
  answerMetric(history, id, request, watermark === null ? null : Date.parse(watermark))

beforeAll(async () => {
  history = await memoryHistory()
  const feed = new Feed()
  const lines = [
    purchase('O1', 0, 'A', 'EUR', 1000),
    purchase('O2', 70, 'B', 'EUR', 500),
    purchase('O3', 75, 'B', 'USD', 300),
    purchase('O4', 80, "O'Hara", 'EUR', 50),
    eventLine({ eventId: 'v1', minute: 90, anonymousId: 'C', name: 'page_view' }),
    eventLine({ eventId: 'v2', minute: 90 + 24 * 60, anonymousId: 'A', name: 'page_view' }),
    eventLine({
      eventId: 'r1',
      minute: 200,
      anonymousId: 'A',
      name: 'refund',
      data: { orderId: 'O1', amountMinor: 400, currency: 'EUR' },
    }),
  ]
  await history.commit(feed.batch(lines.map((line, i) => enrichedRecord(line, i))))
})
afterAll(() => history.close())

describe('a question that has no answer is refused with a way out', () => {
  test.each([
    ['nothing', {}, 'there is no metric'],
    ['orders', { tz: 'Mars/Olympus' }, 'time zone'],
    ['orders', { grain: 'decade' }, 'grain'],
    ['active_users', { grain: 'minute' }, 'grain'],
    ['orders', { by: 'weather' }, 'dimension'],
    ['sessions', { by: 'product' }, 'dimension'],
    ['orders', { filter: ['country'] }, 'colon'],
    ['orders', { from: 'yesterday' }, 'no time'],
    ['orders', { from: '2024-05-07', to: '2024-05-06' }, 'before it begins'],
    ['orders', { from: '2020-01-01', to: '2024-01-01', grain: 'minute' }, 'buckets'],
  ])('%s %o', async (id, request, message) => {
    await expect(ask(id, request)).rejects.toThrow(message)
    await expect(ask(id, request)).rejects.toThrow(UsageError)
  })
})

describe('money', () => {
  test('of several currencies has no sum, and says which there are', async () => {
    const answer = await ask('gross_revenue')
    expect(answer).toMatchObject({ value: null, currency: null, currencies: ['EUR', 'USD'] })
  })

  test('is asked for by currency, or split by it', async () => {
    expect(await ask('gross_revenue', { currency: 'EUR' })).toMatchObject({ value: 1550 })
    const { by } = await ask('gross_revenue', { by: 'currency' })
    expect(by.map(({ key, value }) => [key, value])).toEqual([
      ['EUR', 1550],
      ['USD', 300],
    ])
  })

  test('needs no currency where there is only one', async () => {
    expect(await ask('refunds')).toMatchObject({ value: 400, currency: 'EUR' })
  })

  test('nets refunds at their own time', async () => {
    const request = {
      currency: 'EUR',
      grain: 'hour',
      from: '2024-05-06T10:00:00Z',
      to: '2024-05-06T14:00:00Z',
    }
    const { buckets, value } = await ask('net_revenue', request)
    expect(buckets.map((bucket) => bucket.value)).toEqual([1000, 550, 0, -400])
    expect(value).toBe(1150)
  })
})

describe('a window', () => {
  test('is half open', async () => {
    const at = (from: string, to: string) => ask('orders', { from, to })
    expect((await at('2024-05-06T10:00:00.000Z', '2024-05-06T11:10:00.000Z')).value).toBe(1)
    expect((await at('2024-05-06T10:00:00.000Z', '2024-05-06T11:10:00.001Z')).value).toBe(2)
    expect((await at('2024-05-06T10:00:00.001Z', '2024-05-06T11:10:00.001Z')).value).toBe(1)
  })

  test('that cuts a quarter of an hour counts the persons inside it', async () => {
    const request = { from: '2024-05-06T11:12:00Z', to: '2024-05-06T11:20:00Z' }
    expect((await ask('active_users', request)).value).toBe(1)
    const wider = { from: '2024-05-06T11:12:00Z', to: '2024-05-06T11:31:00Z' }
    expect((await ask('active_users', wider)).value).toBe(3)
    expect((await ask('new_users', wider)).value).toBe(2)
  })

  test('that cuts a quarter of an hour counts those who looked at a product inside it', async () => {
    const lines = ['A', 'B', 'C'].map((anonymousId, i) =>
      eventLine({
        eventId: anonymousId,
        minute: 2 + 5 * i,
        anonymousId,
        name: 'view_item',
        data: { items: [{ productId: 'P', quantity: 1 }] },
      }),
    )
    await using views = await memoryHistory()
    await views.commit(new Feed().batch(lines.map((line, i) => enrichedRecord(line, i))))
    const request = { from: '2024-05-06T10:05:00Z', to: '2024-05-06T10:10:00Z', by: 'product' }
    const { value, by } = await answerMetric(views, 'product_viewers', request, null)
    expect([value, by.map((each) => [each.key, each.value])]).toEqual([1, [['P', 1]]])
  })

  test('has every bucket, also those where nothing happened', async () => {
    const request = { grain: 'day', from: '2024-05-04', to: '2024-05-09', tz: 'Europe/Berlin' }
    const { buckets } = await ask('aov', { ...request, currency: 'EUR' })
    expect(buckets.map(({ value }) => value)).toEqual([null, null, 1550 / 3, null, null])
    expect(buckets[0]?.from).toBe('2024-05-03T22:00:00.000Z')
  })

  test('counts a person once over all of it, and once in each bucket', async () => {
    const request = { grain: 'day', from: '2024-05-06', to: '2024-05-08' }
    const { value, buckets } = await ask('active_users', request)
    expect([value, buckets.map((bucket) => bucket.value)]).toEqual([4, [4, 1]])
    const returning = await ask('returning_users', request)
    expect(returning.buckets.map((bucket) => bucket.value)).toEqual([0, 1])
  })

  test('is provisional from the watermark on', async () => {
    const request = { grain: 'hour', from: '2024-05-06T10:00:00Z', to: '2024-05-06T13:00:00Z' }
    const answer = await ask('orders', request, '2024-05-06T12:00:00.000Z')
    expect(answer.buckets.map(({ provisional }) => provisional)).toEqual([false, false, true])
    const cohort = await ask('carts_started', request, '2024-05-16T12:00:00.000Z')
    expect(cohort.provisionalFrom).toBe('2024-05-08T12:00:00.000Z')
  })
})

describe('months since the first order', () => {
  test('are those of the zone that is asked for', async () => {
    const days = 24 * 60
    // 6 May 10:00, and 31 May 22:30 in UTC, which is 1 June in Berlin.
    const lines = [
      purchase('O1', 0, 'A', 'EUR', 1000),
      purchase('O2', 25 * days + 12.5 * 60, 'A', 'EUR', 500),
    ]
    await using orders = await memoryHistory()
    await orders.commit(new Feed().batch(lines.map((line, i) => enrichedRecord(line, i))))
    const months = async (tz: string) => {
      const request = { from: '2024-05-01', to: '2024-06-01', tz, by: 'months_since' }
      const { by } = await answerMetric(orders, 'retention_cohort', request, null)
      return by.map(({ key, value }) => [key, value])
    }
    expect(await months('UTC')).toEqual([['0', 1]])
    expect(await months('Europe/Berlin')).toEqual([
      ['0', 1],
      ['1', 1],
    ])
  })
})

describe('a filter', () => {
  test('keeps or leaves out values', async () => {
    const orders = (filter: string[]) => ask('orders', { filter }).then(({ value }) => value)
    expect(await orders(['payment_method:card'])).toBe(1)
    expect(await orders(['payment_method:!card'])).toBe(3)
    expect(await orders(['currency:EUR,USD', 'payment_method:!card'])).toBe(3)
  })

  test('takes a quotation mark for what it is', async () => {
    const filter = ["payment_method:it's"]
    const answer = await ask('orders', { filter })
    expect(answer.value).toBe(1)
    expect(answer.sql.bigquery).toContain("'it\\'s'")
    expect((await ask('orders', { filter: ["coupon:x' OR 1=1 --"] })).value).toBe(0)
  })
})

describe('conversions (C of 2.7)', () => {
  test('leave out what was reanimated, also when a login has folded it into the cart of the user', async () => {
    const startMs = Date.parse('2024-05-06T10:00:00.000Z')
    const items = [{ productId: 'P', quantity: 1 }]
    const told = (
      visitor: string,
      minute: number,
      name: EventName,
      rest: Partial<ShopEvent> = {},
    ) =>
      ({
        schemaVersion: '1.0',
        eventId: `${visitor}${minute}`,
        name,
        eventTime: isoTime(startMs + minute * minuteMs),
        receivedAt: isoTime(startMs + minute * minuteMs),
        source: 'web',
        dialect: 'native',
        anonymousId: visitor,
        data: {},
        ...rest,
      }) as ShopEvent
    const order = { data: { orderId: 'O1', currency: 'EUR', items } }
    const pipeline = new LocalPipeline({ watermark: 'byHand' })
    pipeline.append(
      told('A', 0, 'add_to_cart', { data: { items, currency: 'EUR' } }),
      told('A', 120, 'begin_checkout'),
      told('A', 125, 'identify', { userId: 'U' }),
      told('A', 130, 'purchase', { userId: 'U', ...order }),
      told('B', 0, 'add_to_cart', { data: { items, currency: 'EUR' } }),
      told('B', 5, 'purchase', { data: { ...order.data, orderId: 'O2' } }),
    )
    pipeline.drain()
    await using carts = await memoryHistory()
    await readTopics(pipeline.log, carts)
    const figure = async (id: string) => (await answerMetric(carts, id, {}, null)).value
    expect(await figure('abandonments')).toBe(1)
    expect(await figure('recoveries')).toBe(1)
    expect(await figure('conversions')).toBe(1)
    expect(await figure('cart_abandonment_rate_live')).toBe(1 / 2)
  })
})

describe('the SQL for BigQuery', () => {
  test('has no word that only DuckDB knows', async () => {
    const own = /epoch_ms|list_contains|time_bucket|ASOF|LATERAL|VARCHAR|\/\/|EXCLUDE|date_trunc\('/
    for (const id of metricIds) {
      const grain = metrics[id].grains.includes('day') ? 'day' : undefined
      const { sql } = await ask(id, {
        grain,
        from: '2024-03-30',
        to: '2024-04-02',
        tz: 'Europe/Berlin',
      })
      expect([id, own.exec(sql.bigquery)]).toEqual([id, null])
    }
    for (const { name, sql } of viewsOf(bigquery, defaultSettings)) {
      expect([name, own.exec(sql)]).toEqual([name, null])
    }
  })

  test('defines every relation before it is used', () => {
    const known = new Set(['UNNEST', ...tableNames.map(logName)])
    for (const { name, sql } of viewsOf(bigquery, defaultSettings)) {
      const own = new Set([...sql.matchAll(/(?:WITH|,)\s+(\w+) AS \(/g)].map(([, cte]) => cte))
      const used = [...sql.matchAll(/(?:FROM|JOIN) (\w+)/g)].map(
        ([, relation]) => relation as string,
      )
      expect([name, used.filter((each) => !known.has(each) && !own.has(each))]).toEqual([name, []])
      known.add(name)
    }
  })
})

function purchase(
  orderId: string,
  minute: number,
  anonymousId: string,
  currency: string,
  unitPriceMinor: number,
): string {
  const paymentMethod = { O1: 'card', O2: "it's" }[orderId]
  return eventLine({
    eventId: orderId,
    minute,
    anonymousId,
    name: 'purchase',
    data: {
      orderId,
      currency,
      items: [{ productId: 'P', quantity: 1, unitPriceMinor }],
      ...(paymentMethod !== undefined && { paymentMethod }),
    },
  })
}
