// The simulated log: the same every time, in order, made of what the judge of events says it is, and never changed by
// more visitors.

import { describe, expect, test } from 'vitest'
import { loadCatalogue } from '#stack/contract/catalogue.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { Delivery } from './delivery.ts'
import { TimeHeap } from '#stack/base/time-heap.ts'
import type { ProfileName } from './profile.ts'
import { createSimulation } from './simulation.ts'

const openingMs = Date.parse('2026-06-10T12:00:00.000Z')

async function log(
  profile: ProfileName,
  { seed = 1, days = 1, visitorsPerDay = 150, namespace = '' } = {},
): Promise<Delivery[]> {
  const options = { seed, profile, openingMs, days, visitorsPerDay, namespace }
  const simulation = await createSimulation({ ...options, liveEventsPerSecond: 0 })
  return [...simulation.records({ arrivalsUntilMs: openingMs })]
}

const bytes = (delivery: Delivery) => delivery.body ?? JSON.stringify(delivery.event)

describe('a simulated log', () => {
  test('is the same for the same seed, and another for another seed', async () => {
    const [first, again, other] = await Promise.all([
      log('full'),
      log('full'),
      log('full', { seed: 2 }),
    ])
    expect(first.map(bytes)).toEqual(again.map(bytes))
    expect(first.length).toBeGreaterThan(1500)
    const ids = new Set(first.map(({ event }) => event.eventId))
    expect(other.some(({ event }) => ids.has(event.eventId))).toBe(false)
  })

  test.each(['calm', 'demo', 'full'] as const)(
    '%s is in the order of receivedAt',
    async (profile) => {
      const deliveries = await log(profile)
      const times = deliveries.map(({ receivedMs }) => receivedMs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      const valid = deliveries.filter(({ outcome }) => outcome === 'valid')
      expect(valid.map(({ event }) => Date.parse(event.receivedAt))).toEqual(
        valid.map(({ receivedMs }) => receivedMs),
      )
    },
  )

  test('keeps what earlier visitors do when there are more visitors', async () => {
    const few = await log('full', { visitorsPerDay: 100 })
    const many = await log('full', { visitorsPerDay: 250 })
    const byShopper = Map.groupBy(many, ({ shopperId }) => shopperId)
    const shoppers = Map.groupBy(few, ({ shopperId }) => shopperId)
    expect(byShopper.size).toBeGreaterThan(shoppers.size * 2)
    for (const [shopper, deliveries] of shoppers) {
      expect(byShopper.get(shopper)?.map(bytes)).toEqual(deliveries.map(bytes))
    }
  })

  test.each(['calm', 'demo', 'full'] as const)(
    '%s holds events that the judge takes as they are, and broken ones with their reason',
    async (profile) => {
      const wrong = (await log(profile)).filter((delivery) => {
        const decoded = decodeEvent(bytes(delivery))
        const judged = decoded.ok ? JSON.stringify(decoded.event) : decoded.reason
        const isBroken = delivery.body !== undefined
        return judged !== (isBroken ? delivery.outcome : JSON.stringify(delivery.event))
      })
      expect(wrong).toEqual([])
    },
  )

  test('has one event of each id, and copies only of what came before', async () => {
    const ids = { valid: new Set<string>(), duplicate: new Set<string>() }
    const copiesOfNothing: string[] = []
    const deliveries = (await log('full')).filter(({ body }) => body === undefined)
    for (const { event, outcome } of deliveries) {
      const id = `${event.source} ${event.eventId}`
      if (outcome === 'duplicate' && !ids.valid.has(id)) copiesOfNothing.push(id)
      ids[outcome as 'valid' | 'duplicate'].add(id)
    }
    const valid = deliveries.filter(({ outcome }) => outcome === 'valid')
    expect(ids.valid.size).toBe(valid.length)
    expect(ids.duplicate.size).toBeGreaterThan(10)
    expect(copiesOfNothing).toEqual([])
  })

  test('calm is never later than 25 seconds; full is, now and then later than a day', async () => {
    const lagMs = ({ event }: Delivery) =>
      Date.parse(event.receivedAt) - Date.parse(event.eventTime)
    const calm = (await log('calm')).filter(({ outcome }) => outcome === 'valid')
    expect(Math.max(...calm.map(lagMs))).toBeLessThanOrEqual(25_000)
    const full = (await log('full', { days: 3, visitorsPerDay: 500 })).filter(
      ({ outcome }) => outcome === 'valid',
    )
    const late = full.filter((delivery) => lagMs(delivery) > 5_000).length / full.length
    expect(late).toBeGreaterThan(0.01)
    expect(late).toBeLessThan(0.08)
    expect(full.some((delivery) => lagMs(delivery) > 24 * 3_600_000)).toBe(true)
  })

  test('carries the namespace in every id and source', async () => {
    for (const { event } of await log('calm', { namespace: 't7' })) {
      expect(event.source).toMatch(/^(t7\.(web|app)|orders-service)$/)
      expect(event.eventId).toContain('-t7.')
    }
  })

  test('buys only products of the catalogue, at their price', async () => {
    const catalogue = loadCatalogue()
    const items = (await log('calm', { days: 3 }))
      .filter(({ event }) => event.name === 'purchase')
      .flatMap(({ event }) =>
        (event.data.items ?? []).map((item) => ({
          item,
          price: catalogue.listPriceAt(
            item.productId,
            Date.parse(event.eventTime),
            event.data.currency,
          ),
        })),
      )
    expect(items.length).toBeGreaterThan(10)
    for (const { item, price } of items) expect(item.unitPriceMinor).toBe(price?.unitPriceMinor)
  })
})

describe('a heap of times', () => {
  test('gives the earliest first, equal times in the order they came', () => {
    const heap = new TimeHeap<string>()
    for (const [timeMs, value] of [
      [5, 'c'],
      [1, 'a'],
      [5, 'd'],
      [3, 'b'],
      [5, 'e'],
    ] as const) {
      heap.push(timeMs, value)
    }
    expect(heap.nextTimeMs).toBe(1)
    expect(Array.from({ length: 6 }, () => heap.pop())).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
      undefined,
    ])
  })
})
