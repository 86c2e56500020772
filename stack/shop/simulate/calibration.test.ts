// A calm run lies in the bands of events.md section 4, as the keeper of the truth and a look at the log say, and the
// disorder of a full one too. Some days of visitors, and all that they do afterwards.

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

describe('a full shop', () => {
  let deliveries: Delivery[]
  let valid: Delivery[]

  beforeAll(async () => {
    const simulation = await createSimulation({
      seed: 6,
      profile: 'full',
      openingMs,
      days: 4,
      visitorsPerDay: 1500,
      liveEventsPerSecond: 0,
    })
    deliveries = [...simulation.records({ arrivalsUntilMs: openingMs })]
    valid = deliveries.filter(({ outcome }) => outcome === 'valid')
  }, 120_000)

  const share = (holds: (delivery: Delivery) => boolean, of: readonly Delivery[] = valid) =>
    of.filter(holds).length / of.length
  const lagMs = ({ event }: Delivery) => Date.parse(event.receivedAt) - Date.parse(event.eventTime)

  test('receives 97 % within 5 s, 2 % within 5 min, 0.9 % within a day, 0.1 % later', () => {
    const within = (fromMs: number, toMs: number) =>
      share((delivery) => lagMs(delivery) >= fromMs && lagMs(delivery) < toMs)
    expect(within(-Infinity, 5000)).toBeCloseTo(0.97, 1.5)
    expect(within(5000, 300_000)).toBeGreaterThan(0.015)
    expect(within(5000, 300_000)).toBeLessThan(0.025)
    // Clocks that run behind look like delays; they come on top.
    expect(within(300_000, 24 * hourMs)).toBeGreaterThan(0.006)
    expect(within(300_000, 24 * hourMs)).toBeLessThan(0.016)
    expect(within(24 * hourMs, Infinity)).toBeGreaterThan(0.0004)
    expect(within(24 * hourMs, Infinity)).toBeLessThan(0.003)
  })

  test('sends 0.7 % twice, some of it days later, and 0.2 % broken', () => {
    const copies = deliveries.filter(({ outcome }) => outcome === 'duplicate')
    expect(copies.length / valid.length).toBeGreaterThan(0.006)
    expect(copies.length / valid.length).toBeLessThan(0.008)
    expect(share((copy) => lagMs(copy) > 24 * hourMs, copies)).toBeGreaterThan(0.02)
    const broken = deliveries.length - valid.length - copies.length
    expect(broken / valid.length).toBeGreaterThan(0.0015)
    expect(broken / valid.length).toBeLessThan(0.0025)
  })

  test('has 12 % bots among its visits, a third of them fast ones with the agent of a person', () => {
    const visits = visitsOf(valid)
    const crawlers = visits.filter(([first]) => first?.isCrawler).length / visits.length
    const fast = visits.filter(isFast).length / visits.length
    expect(crawlers + fast).toBeGreaterThan(0.11)
    expect(crawlers + fast).toBeLessThan(0.13)
    expect(fast / (crawlers + fast)).toBeGreaterThan(0.28)
    expect(fast / (crawlers + fast)).toBeLessThan(0.38)
  })

  test('has a wrong clock on 0.5 % of its visits', () => {
    const isWrong = ({ event, receivedMs }: Delivery) =>
      event.sentAt !== undefined ||
      event.flags?.includes('timeCorrected') === true ||
      receivedMs - Date.parse(event.eventTime) > 42 * hourMs
    const wrong = visitsOf(valid).filter((visit) => visit.some(isWrong)).length
    // Of the wrong clocks those that somebody can tell from the event: about two thirds.
    expect(wrong / visitsOf(valid).length).toBeGreaterThan(0.002)
    expect(wrong / visitsOf(valid).length).toBeLessThan(0.006)
  })

  test('has people on a second device, and an order service that reports too, or alone', () => {
    const people = [...Map.groupBy(valid, ({ shopperId }) => shopperId).values()]
    const devices = people.map(
      (events) => new Set(events.flatMap(({ event }) => event.anonymousId ?? [])).size,
    )
    expect(devices.filter((count) => count > 1).length / people.length).toBeGreaterThan(0.02)
    const purchases = valid.filter(({ event }) => event.name === 'purchase')
    const orders = [...Map.groupBy(purchases, ({ event }) => event.data.orderId).values()]
    const isService = ({ event }: Delivery) => event.source === 'orders-service'
    const reported = orders.filter((reports) => reports.some(isService))
    expect(reported.length / orders.length).toBeGreaterThan(0.2)
    expect(reported.length / orders.length).toBeLessThan(0.3)
    const alone = reported.filter((reports) => reports.every(isService))
    expect(alone.length / reported.length).toBeGreaterThan(0.08)
    expect(alone.length / reported.length).toBeLessThan(0.25)
  })
})

/** By device, cut at pauses of half an hour. */
function visitsOf(events: readonly Delivery[]): Delivery[][] {
  const visits: Delivery[][] = []
  const byDevice = Map.groupBy(events, ({ event }) =>
    event.seq === undefined ? '' : event.anonymousId,
  )
  byDevice.delete('')
  for (const list of byDevice.values()) {
    let lastMs = -Infinity
    const inOrder = list.toSorted((a, b) => (a.event.seq as number) - (b.event.seq as number))
    for (const delivery of inOrder) {
      const timeMs = Date.parse(delivery.event.eventTime)
      if (timeMs - lastMs >= hourMs / 2) visits.push([])
      visits.at(-1)?.push(delivery)
      lastMs = timeMs
    }
  }
  return visits
}

/** R24: more than 120 events in one minute of the clock. */
function isFast(visit: readonly Delivery[]): boolean {
  if (visit[0]?.isCrawler) return false
  const minutes = Map.groupBy(visit, ({ event }) => event.eventTime.slice(0, 16))
  return [...minutes.values()].some((events) => events.length > 120)
}

describe('after the opening', () => {
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
