// A calm run lies in the bands of events.md section 4, as the keeper of the truth and a look at the log say. Seven
// days of visitors, and all that they do afterwards.

import { beforeAll, describe, expect, test } from 'vitest'
import type { Delivery } from './delivery.ts'
import { salesBetween } from './sales.ts'
import { createSimulation } from './simulation.ts'
import type { Truth } from './truth/truth.ts'
import { TruthKeeper } from './truth/truth.ts'

const openingMs = Date.parse('2026-06-10T12:00:00.000Z')
const hourMs = 3_600_000

describe('a calm week', () => {
  let deliveries: Delivery[]
  let people: Delivery[]
  let truth: Truth

  beforeAll(async () => {
    const simulation = await createSimulation({
      seed: 5,
      profile: 'calm',
      openingMs,
      days: 7,
      visitorsPerDay: 1500,
      liveEventsPerSecond: 0,
    })
    deliveries = [...simulation.records({ arrivalsUntilMs: openingMs })]
    people = deliveries.filter(({ outcome, isCrawler }) => outcome === 'valid' && !isCrawler)
    const keeper = new TruthKeeper()
    for (const delivery of deliveries) keeper.observe(delivery)
    truth = keeper.truth()
  }, 120_000)

  const count = (name: string) => people.filter(({ event }) => event.name === name).length
  const kpi = (name: string) => truth.kpi[name] as number

  test('adds 3 to 9 % of the products viewed', () => {
    const share = count('add_to_cart') / count('view_item')
    expect(share).toBeGreaterThan(0.03)
    expect(share).toBeLessThan(0.09)
  })

  test('buys 28 to 34 % of what was added, line by line', () => {
    const lines = people
      .filter(({ event }) => event.name === 'purchase')
      .reduce((sum, { event }) => sum + (event.data.items?.length ?? 0), 0)
    const share = lines / count('add_to_cart')
    expect(share).toBeGreaterThan(0.28)
    expect(share).toBeLessThan(0.34)
  })

  test('abandons 66 to 74 % of its carts, and recovers 20 to 25 % of those', () => {
    expect(kpi('cart_abandonment_rate_live')).toBeGreaterThan(0.66)
    expect(kpi('cart_abandonment_rate_live')).toBeLessThan(0.74)
    expect(kpi('recovery_rate')).toBeGreaterThan(0.2)
    expect(kpi('recovery_rate')).toBeLessThan(0.25)
  })

  test('converts 2 to 4 % of its sessions, phones about half as often', () => {
    expect(kpi('session_conversion_rate')).toBeGreaterThan(0.02)
    expect(kpi('session_conversion_rate')).toBeLessThan(0.04)
    const rate = (isMobile: boolean) => {
      const of = people.filter(
        ({ event }) => /Mobile|Android/.test(event.context?.userAgent ?? '') === isMobile,
      )
      return of.filter(({ event }) => event.name === 'purchase').length / of.length
    }
    expect(rate(true) / rate(false)).toBeGreaterThan(0.35)
    expect(rate(true) / rate(false)).toBeLessThan(0.85)
  })

  test('leaves after one page in 35 to 45 % of its sessions', () => {
    expect(kpi('bounce_rate')).toBeGreaterThan(0.35)
    expect(kpi('bounce_rate')).toBeLessThan(0.45)
  })

  test('sees 56 % phones, 8 % crawlers, 40 % of sessions by somebody who was here before', () => {
    const sessions = truth.expect.sessions
    const first = new Set<unknown>()
    const returning = sessions.filter(({ anonymous_id: id }) => first.has(id) || !first.add(id))
    expect(returning.length / sessions.length).toBeGreaterThan(0.35)
    expect(returning.length / sessions.length).toBeLessThan(0.45)
    const visitors = Map.groupBy(deliveries, ({ shopperId }) => shopperId)
    const crawlers = [...visitors.values()].filter(([visit]) => visit?.isCrawler).length
    expect(crawlers / visitors.size).toBeGreaterThan(0.07)
    expect(crawlers / visitors.size).toBeLessThan(0.09)
    const phones = [...visitors.values()].filter(([visit]) =>
      /Mobile|Android/.test(visit?.event.context?.userAgent ?? ''),
    ).length
    expect(phones / visitors.size).toBeGreaterThan(0.5)
    expect(phones / visitors.size).toBeLessThan(0.62)
  })

  test('waits half a minute between two clicks: median 20 to 45 s from page to page', () => {
    const pauses: number[] = []
    const byVisitor = new Map<string, number[]>()
    for (const { event } of people) {
      if (event.name !== 'page_view') continue
      const times = byVisitor.get(event.anonymousId as string) ?? []
      byVisitor.set(event.anonymousId as string, times)
      times.push(Date.parse(event.eventTime))
    }
    for (const times of byVisitor.values()) {
      times.sort((a, b) => a - b)
      pauses.push(...times.slice(1).map((timeMs, i) => timeMs - (times[i] as number)))
    }
    const median = pauses
      .filter((pause) => pause < hourMs / 2)
      .sort((a, b) => a - b)
      .find((_, i, all) => i === all.length >> 1) as number
    expect(median).toBeGreaterThan(20_000)
    expect(median).toBeLessThan(45_000)
  })

  test('orders 2.1 lines on average; the mean order is 1.3 to 1.9 times the median', () => {
    const orders = truth.expect.orders
    const lines = orders.reduce((sum, row) => sum + (row['line_count'] as number), 0)
    expect(lines / orders.length).toBeGreaterThan(1.8)
    expect(lines / orders.length).toBeLessThan(2.4)
    const euros = orders
      .filter((row) => row['currency'] === 'EUR')
      .map((row) => row['merchandise_minor'] as number)
      .sort((a, b) => a - b)
    const mean = euros.reduce((a, b) => a + b) / euros.length
    expect(mean / (euros[euros.length >> 1] as number)).toBeGreaterThan(1.3)
    expect(mean / (euros[euros.length >> 1] as number)).toBeLessThan(1.9)
  })

  test('sells 60 to 80 % of its lines from a fifth of its products', () => {
    const sold = new Map<unknown, number>()
    for (const { product_id: id } of truth.expect.order_lines) sold.set(id, (sold.get(id) ?? 0) + 1)
    const counts = [...sold.values()].sort((a, b) => b - a)
    const top = counts.slice(0, 25).reduce((a, b) => a + b)
    const share = top / truth.expect.order_lines.length
    expect(share).toBeGreaterThan(0.6)
    expect(share).toBeLessThan(0.8)
  })

  test('pays back about 5 % of its orders', () => {
    const share = truth.expect.refunds.length / truth.expect.orders.length
    expect(share).toBeGreaterThan(0.03)
    expect(share).toBeLessThan(0.07)
  })

  test('is quiet at night and busy in the evening, where its visitors live', () => {
    const hours = Array.from({ length: 24 }, () => 0)
    for (const { event } of people) {
      // Local time of those whose zone is an hour from UTC; a sale would drown the rhythm.
      if (event.context?.locale !== 'de-DE') continue
      const timeMs = Date.parse(event.eventTime)
      if (salesBetween(openingMs, timeMs - hourMs, timeMs + hourMs).length > 0) continue
      const hour = (new Date(timeMs).getUTCHours() + 1) % 24
      hours[hour] = (hours[hour] as number) + 1
    }
    const sum = (from: number, to: number) => hours.slice(from, to).reduce((a, b) => a + b)
    expect(sum(19, 23)).toBeGreaterThan(2 * sum(2, 6))
  })
})

describe('a month before the opening', () => {
  test('has about 600,000 records, grows, and shows its sales', async () => {
    const simulation = await createSimulation({
      seed: 1,
      profile: 'demo',
      openingMs,
      days: 30,
      liveEventsPerSecond: 10,
    })
    const perHour = Array.from({ length: 30 * 24 }, () => 0)
    let records = 0
    for (const { receivedMs } of simulation.records()) {
      if (receivedMs >= openingMs) break
      const hour = Math.floor((receivedMs - simulation.startMs) / hourMs)
      perHour[hour] = (perHour[hour] as number) + 1
      records++
    }
    expect(records).toBeGreaterThan(570_000)
    expect(records).toBeLessThan(630_000)
    expect(simulation.expectedRecords(openingMs) / records).toBeCloseTo(1, 1)
    const days = (from: number, to: number) =>
      perHour.slice(from * 24, to * 24).reduce((a, b) => a + b) / (to - from)
    expect(days(22, 29) / days(5, 12)).toBeGreaterThan(1.2)
    // The weekly sale began seven days and an hour before the opening.
    const sale = perHour[(30 - 7) * 24] as number
    const dayBefore = perHour[(30 - 8) * 24] as number
    expect(sale / dayBefore).toBeGreaterThan(1.8)
  })

  test('goes on with about ten records a second', async () => {
    const simulation = await createSimulation({
      seed: 1,
      profile: 'demo',
      openingMs,
      days: 1,
      liveEventsPerSecond: 10,
    })
    let records = 0
    for (const { receivedMs } of simulation.records()) {
      if (receivedMs >= openingMs + hourMs / 2) break
      if (receivedMs >= openingMs) records++
    }
    expect(records / 1800).toBeGreaterThan(8)
    expect(records / 1800).toBeLessThan(12)
  })
})
