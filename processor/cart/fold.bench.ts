// What the fold of carts costs: one person with much activity, and many small persons from their first event to the rows
// that are published. `node processor/cart/fold.bench.ts` prints the figures.

import { dayMs, minuteMs, secondMs } from '#stack/base/units.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { CartEvent } from '../model.ts'
import { emptyHoldings } from './deed.ts'
import { foldPerson } from './fold.ts'
import { judgePerson, takeIn } from './judge.ts'

export interface FoldBench {
  /** 5,000 activity events and 50 cart events of one person. */
  busyPersonMs: number
  /** One add and two page views each: taken in, judged, rows built. */
  smallPersonsPerSecond: number
  /** The same, with the verdict when the watermark passes the deadline. */
  judgedPersonsPerSecond: number
}

const originMs = Date.parse('2024-05-06T00:00:00.000Z')
const processedAt = '2024-05-06T00:00:00.000Z'

export function benchFold(): FoldBench {
  const busy = busyPerson()
  return {
    busyPersonMs: best(20, () => foldPerson(busy, Infinity, defaultSettings)),
    smallPersonsPerSecond: Math.round(
      (1000 / best(5, () => judgeMany(10_000, [minuteMs]))) * 10_000,
    ),
    judgedPersonsPerSecond: Math.round(
      (1000 / best(5, () => judgeMany(10_000, [minuteMs, dayMs]))) * 10_000,
    ),
  }
}

/** A page view every ten seconds for fourteen hours; among them 50 cart events, with orders. */
function busyPerson(): CartEvent[] {
  const names = ['add_to_cart', 'add_to_cart', 'view_cart', 'begin_checkout', 'purchase'] as const
  return Array.from({ length: 5_050 }, (_, i) => {
    const name = i % 101 === 100 ? names[((i - 100) / 101) % 5] : undefined
    return eventOf('u:busy', i, name ?? 'page_view')
  })
}

function judgeMany(persons: number, watermarks: readonly number[]): void {
  for (let i = 0; i < persons; i++) {
    const key = `a:${i}`
    const holdings = emptyHoldings(key)
    const arrived = [
      eventOf(key, 0, 'page_view'),
      eventOf(key, 1, 'add_to_cart'),
      eventOf(key, 2, 'page_view'),
    ]
    for (const event of arrived) takeIn(holdings, event)
    for (const afterMs of watermarks) {
      const watermarkMs = originMs + afterMs
      const context = {
        watermarkMs,
        settledMs: watermarkMs,
        settings: defaultSettings,
        processedAt,
        hasRetention: true,
      }
      judgePerson(holdings, { arrived, isMoved: false }, context)
    }
  }
}

function eventOf(key: string, i: number, name: CartEvent['name']): CartEvent {
  const items = [{ productId: `p${i % 7}`, quantity: 1, unitPriceMinor: 1999 }]
  return {
    eventId: `e${i}`,
    source: 'web',
    name,
    timeMs: originMs + i * 10 * secondMs,
    receivedMs: originMs + i * 10 * secondMs,
    anonymousId: 'browser',
    person: key,
    mark: key,
    route: key,
    isActivity: true,
    isServer: false,
    sessionKey: name === 'page_view' ? null : 'session',
    country: null,
    device: null,
    campaign: null,
    marketing: null,
    ...(name === 'page_view' ? {} : { data: { items, currency: 'EUR', orderId: `o${i}` } }),
  }
}

/** Milliseconds of the fastest of several runs, after one to warm up. */
function best(runs: number, run: () => void): number {
  run()
  let bestMs = Infinity
  for (let i = 0; i < runs; i++) {
    const startMs = performance.now()
    run()
    bestMs = Math.min(bestMs, performance.now() - startMs)
  }
  return bestMs
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(benchFold(), null, 2)}\n`)
