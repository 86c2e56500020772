// The keeper of the truth against the scenarios of events.md 2.8, and against a count that knows no rules.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeEvent } from '#stack/contract/decode.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Delivery } from '../delivery.ts'
import { createSimulation } from '../simulation.ts'
import { TruthKeeper } from './truth.ts'
import type { Row, Truth } from './truth.ts'

const shared = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data/scenarios')

/** What simulated shoppers never do, so that the keeper need not know it, and why. */
const notSimulated: Record<string, string> = {
  '20': 'a cart in two currencies',
  '21': 'a line whose price only the catalogue knows',
  '31b': 'activity scope cart',
  '40': 'a minimum value',
  '50': 'raw lines',
  '51': 'raw lines',
  '52': 'a watermark behind what was received',
  '58': 'raw lines',
  '59': 'raw lines',
  '63': 'raw lines',
  '64': 'raw lines',
  '65': 'raw lines',
  '66': 'figures by hour',
  '66b': 'figures by hour',
  '67': 'another dialect',
}

interface Expected {
  title: string
  options?: Record<string, unknown>
  expect: Record<string, Row[]>
  kpi?: Record<string, unknown>
}

describe.skipIf(!existsSync(shared))('the keeper agrees with scenario', () => {
  const names = existsSync(shared) ? readdirSync(shared).filter((name) => /^\d/.test(name)) : []
  for (const name of names.filter((each) => !(each in notSimulated))) {
    const expected = JSON.parse(
      readFileSync(join(shared, name, 'expected.json'), 'utf8'),
    ) as Expected
    test(`${name}: ${expected.title}`, () => {
      const { watermark, ...options } = expected.options ?? {}
      const keeper = new TruthKeeper(settingsOf(options))
      for (const delivery of deliveriesOf(join(shared, name, 'input.ndjson')))
        keeper.observe(delivery)
      const truth = keeper.truth(
        watermark === undefined ? Infinity : Date.parse(watermark as string),
      )
      expect(differences(truth, expected)).toEqual([])
    })
  }
})

describe('the truth of a calm week', () => {
  test.each([1, 2, 3])('is what a count without rules finds, seed %i', async (seed) => {
    const keeper = new TruthKeeper()
    const deliveries = await calmDays(seed, 3)
    for (const delivery of deliveries) keeper.observe(delivery)
    const { counts, expect: rows, kpi } = keeper.truth()
    const counted = tinyCount(deliveries)
    expect(counts.received).toBe(deliveries.length)
    expect(counts.received).toBe(counts.valid + counts.duplicate + counts.rejected)
    expect(rows.sessions.length).toBe(counted.sessions)
    expect(rows.orders.length).toBe(counted.orders.size)
    expect(sum(rows.orders, 'merchandise_minor')).toBe(counted.merchandiseMinor)
    expect(sum(rows.order_lines, 'net_minor')).toBe(counted.merchandiseMinor)
    expect(sum(rows.sessions, 'adds')).toBe(counted.adds)
    expect(rows.carts.length).toBeGreaterThan(100)
    expect(kpi['orders']).toBe(rows.orders.filter((row) => row['is_test'] === false).length)
  })

  test('knows each cart once, and its bought ones by their orders', async () => {
    const keeper = new TruthKeeper()
    for (const delivery of await calmDays(4, 3)) keeper.observe(delivery)
    const { carts, orders } = keeper.truth().expect
    const keys = carts.map((row) => `${row['cart_key'] as string}#${row['episode'] as number}`)
    expect(new Set(keys).size).toBe(keys.length)
    const bought = carts.filter((row) => row['order_id'] !== null && row['order_id'] !== undefined)
    const orderIds = new Set(orders.map((row) => row['order_id']))
    expect(bought.every((row) => orderIds.has(row['order_id']))).toBe(true)
    expect(bought.length).toBeGreaterThan(50)
  })
})

function settingsOf(options: Record<string, unknown>): Settings {
  const camel = Object.entries(options).map(([key, value]) => {
    const name = key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    return [
      name in defaultSettings || !(`${name}Ms` in defaultSettings) ? name : `${name}Ms`,
      value,
    ]
  })
  return { ...defaultSettings, ...(Object.fromEntries(camel) as Partial<Settings>) }
}

function deliveriesOf(path: string): Delivery[] {
  const seen = new Set<string>()
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => {
      const decoded = decodeEvent(line)
      if (!decoded.ok) return []
      const { event } = decoded
      const id = `${event.source}\n${event.eventId}`
      const outcome = seen.has(id) ? ('duplicate' as const) : ('valid' as const)
      seen.add(id)
      const isCrawler = /bot/i.test(event.context?.userAgent ?? '')
      const receivedMs = Date.parse(event.receivedAt)
      return [{ receivedMs, key: '', outcome, event, shopperId: 'all', isCrawler }]
    })
}

/** What is missing, left over or another figure; columns and figures that the truth does not have are passed over. */
function differences(truth: Truth, expected: Expected): string[] {
  const tables = Object.entries(expected.expect).flatMap(([table, rows]) => {
    if (!(table in truth.expect)) return []
    return tableDifferences(table, rows, [...truth.expect[table as keyof Truth['expect']]])
  })
  const figures = Object.entries(expected.kpi ?? {})
    .filter(([name, value]) => name in truth.kpi && !equal(truth.kpi[name], value))
    .map(([name, value]) => `${name} is ${truth.kpi[name]}, not ${String(value)}`)
  return [...tables, ...figures]
}

function tableDifferences(table: string, expected: Row[], left: Row[]): string[] {
  const missing = expected.filter((row) => {
    const index = left.findIndex((each) =>
      Object.entries(row).every(
        ([column, value]) => !(column in each) || equal(each[column], value),
      ),
    )
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
  return [
    ...missing.map((row) => `${table} lacks ${JSON.stringify(row)}`),
    ...left.map((row) => `${table} has ${JSON.stringify(row)}`),
  ]
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

async function calmDays(seed: number, days: number): Promise<Delivery[]> {
  const openingMs = Date.parse('2026-06-10T12:00:00.000Z')
  const simulation = await createSimulation({
    seed,
    profile: 'calm',
    openingMs,
    days,
    visitorsPerDay: 900,
    liveEventsPerSecond: 0,
  })
  return [...simulation.records({ arrivalsUntilMs: openingMs })]
}

/** Pauses, order ids and sums; no carts, no links, no watermark. */
function tinyCount(deliveries: readonly Delivery[]) {
  const orders = new Map<string, number>()
  const times = new Map<string, number[]>()
  let adds = 0
  for (const { event, outcome, isCrawler } of deliveries) {
    if (outcome !== 'valid' || isCrawler) continue
    if (event.name === 'purchase') {
      const lines = event.data.items ?? []
      const worth = lines.map(
        (item) => (item.quantity ?? 1) * ((item.unitPriceMinor ?? 0) - (item.discountMinor ?? 0)),
      )
      const gross = worth.reduce((a, b) => a + b, 0)
      orders.set(event.data.orderId as string, gross - (event.data.discountMinor ?? 0))
    }
    if (event.context?.test || event.flags?.includes('noConsent')) continue
    if (event.name === 'refund') continue
    if (event.name === 'add_to_cart') adds++
    const visitor = event.anonymousId as string
    times.set(visitor, [...(times.get(visitor) ?? []), Date.parse(event.eventTime)])
  }
  let sessions = 0
  for (const list of times.values()) {
    list.sort((a, b) => a - b)
    sessions += list.filter(
      (time, i) => i === 0 || time - (list[i - 1] as number) >= 1_800_000,
    ).length
  }
  const merchandiseMinor = [...orders.values()].reduce((a, b) => a + b, 0)
  return { orders, sessions, adds, merchandiseMinor }
}

function sum(rows: readonly Row[], column: string): number {
  return rows.reduce((total, row) => total + (row[column] as number), 0)
}
