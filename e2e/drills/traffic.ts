// Seeded traffic for drills: what shoppers send, with copies and broken events among it, and the drill's own count of
// what each of them must become. No rule of the processor is used here.

import { Random } from '#stack/base/random.ts'
import { isoTime, minuteMs, secondMs } from '#stack/base/units.ts'

export type Fate = 'enriched' | 'duplicate' | 'rejected'

export interface DrillEvent {
  key: string
  /** JSON, or bytes that are none. */
  value: string
  fate: Fate
  eventId: string
}

export interface TrafficOptions {
  seed: number
  count: number
  startMs: number
  visitors?: number
  /** Shares of copies and of events that the contract refuses. */
  duplicates?: number
  broken?: number
}

/** Canonical events, in receivedAt order, one second apart per visitor at least. */
export function traffic(options: TrafficOptions): DrillEvent[] {
  const random = new Random(`traffic/${options.seed}`)
  const { count, visitors = 200, duplicates = 0.02, broken = 0.02 } = options
  const events: DrillEvent[] = []
  const sent: DrillEvent[] = []
  for (let i = 0; events.length < count; i++) {
    const atMs = options.startMs + Math.floor((i * 30 * minuteMs) / count)
    const visitor = `v${options.seed}-${random.int(visitors)}`
    if (sent.length > 0 && random.chance(duplicates)) {
      events.push({ ...random.pick(sent), fate: 'duplicate' })
    } else if (random.chance(broken)) {
      events.push({ ...brokenEvent(random, visitor, i, atMs), fate: 'rejected' })
    } else {
      const event = goodEvent(random, visitor, `e${options.seed}-${i}`, atMs)
      sent.push(event)
      events.push(event)
    }
  }
  return events
}

function goodEvent(random: Random, visitor: string, eventId: string, atMs: number): DrillEvent {
  const name = random.pick(['page_view', 'page_view', 'view_item', 'add_to_cart', 'purchase'])
  const item = {
    productId: `P${random.int(20)}`,
    quantity: 1,
    unitPriceMinor: 100 * (1 + random.int(50)),
  }
  const data: Record<string, unknown> =
    name === 'page_view'
      ? {}
      : name === 'purchase'
        ? { orderId: `o-${eventId}`, currency: 'EUR', items: [item] }
        : { currency: 'EUR', items: [item] }
  return {
    key: visitor,
    value: canonical(visitor, eventId, name, atMs, data),
    fate: 'enriched',
    eventId,
  }
}

function brokenEvent(random: Random, visitor: string, i: number, atMs: number): DrillEvent {
  const eventId = `broken-${i}`
  const item = { productId: 'P1', quantity: -1 }
  const value = random.pick([
    'no JSON at all',
    '[]',
    canonical(visitor, eventId, 'add_to_cart', atMs, { currency: 'EUR', items: [item] }),
    canonical(visitor, eventId, 'purchase', atMs, { currency: 'EUR', items: [] }),
    canonical(visitor, eventId, 'page_view', atMs, {}).replace('"1.0"', '"9.0"'),
  ])
  return { key: visitor, value, fate: 'rejected', eventId }
}

function canonical(
  visitor: string,
  eventId: string,
  name: string,
  atMs: number,
  data: Record<string, unknown>,
): string {
  return JSON.stringify({
    schemaVersion: '1.0',
    eventId,
    name,
    eventTime: isoTime(atMs - secondMs),
    receivedAt: isoTime(atMs),
    source: 'web',
    dialect: 'native',
    anonymousId: visitor,
    data,
  })
}

export function fates(events: readonly DrillEvent[]): Record<Fate, number> {
  const counts: Record<Fate, number> = { enriched: 0, duplicate: 0, rejected: 0 }
  for (const event of events) counts[event.fate]++
  return counts
}
