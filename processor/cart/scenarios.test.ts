// The scenarios of events.md 2.8 that concern carts, by number and title, against the fold of carts alone: raw events are
// routed by scenario-router.ts. The data lies in the folder that SLIPWAY_SHARED names.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import { validateEvent } from '#stack/contract/decode.ts'
import { abandonmentId } from '#stack/contract/ids.ts'
import type { MergePolicy, ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { foldPerson } from './fold.ts'
import type { CartRow } from './rows.ts'
import { routeAll } from './scenario-router.ts'
import type { Prices } from './scenario-router.ts'
import { LocalKeys } from './local-keys.ts'

const folder = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data/scenarios')

interface Expected {
  title: string
  options?: {
    watermark?: string
    activity_scope?: 'person' | 'cart'
    merge_policy?: MergePolicy
    cooldown?: number
    min_cart_value?: number
    allowed_lateness?: number
    session_gap?: number
    collect?: boolean
    catalogue?: { productId: string; unitPriceMinor: number; currency: string }[]
  }
  expect?: { carts?: Record<string, unknown>[] }
}

interface Scenario {
  number: string
  title: string
  log: ShopEvent[]
  settings: Settings
  watermarkMs: number
  prices: Prices
  carts: Record<string, unknown>[]
}

const scenarios = readScenarios()

describe.skipIf(scenarios.length === 0)('scenarios', () => {
  test.each(scenarios)('$number: $title', (scenario) => {
    const rows = rowsOf(scenario, scenario.log)
    expect(mismatches(rows, scenario.carts)).toEqual({ missing: [], unexpected: [] })
  })

  test.each(scenarios)('$number, in the opposite order: $title', (scenario) => {
    const { log } = scenario
    // Copies of one event keep their order (T7).
    const first = new Set(log.map(({ source, eventId }) => `${source} ${eventId}`))
    if (first.size < log.length) return
    expect(rowsOf(scenario, log.toReversed())).toEqual(rowsOf(scenario, log))
  })
})

describe.skipIf(scenarios.length === 0)('what cart-abandonment carries on the way', () => {
  test('6: abandoned, then recovered, same id', () => {
    expect(streamOf('6')).toEqual(['abandoned 11:00 e1 0', 'recovered 11:00 e1 1'])
  })
  test('7: abandoned, then recovered', () => {
    expect(streamOf('7')).toEqual(['abandoned 11:00 e1 0', 'recovered 11:00 e1 1'])
  })
  test('8: abandoned, then lost', () => {
    expect(streamOf('8')).toEqual(['abandoned 11:00 e1 0', 'lost 11:00 e1 1'])
  })
  test('9: abandoned, then retracted by the late purchase', () => {
    expect(streamOf('9')).toEqual(['abandoned 11:00 e1 0', 'retracted(late_purchase) 11:00 e1 1'])
  })
  test('11: retracted by the late page view, abandoned again under the same id', () => {
    expect(streamOf('11')).toEqual([
      'abandoned 11:00 e1 0',
      'retracted(late_activity) 11:00 e1 1',
      'abandoned 11:50 e1 2',
    ])
  })
  test('11b: the old id is retracted, a new one used', () => {
    expect(streamOf('11b')).toEqual([
      'abandoned 11:00 e1 0',
      'retracted(late_start) 11:00 e1 1',
      'abandoned 11:00 e2 0',
    ])
  })
  test('12: retracted by the late remove', () => {
    expect(streamOf('12')).toEqual(['abandoned 11:00 e1 0', 'retracted(late_emptied) 11:00 e1 1'])
  })
})

function readScenarios(): Scenario[] {
  if (!existsSync(folder)) {
    process.stderr.write(`scenarios skipped: no folder ${folder} (SLIPWAY_SHARED names it)\n`)
    return []
  }
  return readdirSync(folder)
    .filter((name) => name !== 'README.md')
    .flatMap(readScenario)
    .sort((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true }))
}

/** Those with carts; raw lines of the collector are not for the fold of carts. */
function readScenario(number: string): Scenario[] {
  const read = (file: string) => readFileSync(join(folder, number, file), 'utf8')
  const { title, options = {}, expect: tables = {} } = JSON.parse(read('expected.json')) as Expected
  if (tables.carts === undefined || options.collect === true) return []
  const log = read('input.ndjson')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => decoded(JSON.parse(line)))
    .sort((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt))
  const prices = new Map(options.catalogue?.map((line) => [line.productId, line]))
  return [
    {
      number,
      title,
      log,
      settings: settingsOf(options),
      watermarkMs: options.watermark === undefined ? Infinity : Date.parse(options.watermark),
      prices: (productId) => prices.get(productId),
      carts: tables.carts,
    },
  ]
}

function decoded(value: unknown): ShopEvent {
  const result = validateEvent(value)
  if (!result.ok) throw new Error(`${result.reason}: ${result.message}`)
  return result.event
}

function settingsOf(options: NonNullable<Expected['options']>): Settings {
  return {
    ...defaultSettings,
    activityScope: options.activity_scope ?? defaultSettings.activityScope,
    mergePolicy: options.merge_policy ?? defaultSettings.mergePolicy,
    cooldownMs: options.cooldown ?? defaultSettings.cooldownMs,
    minCartValueMinor: options.min_cart_value ?? defaultSettings.minCartValueMinor,
    allowedLatenessMs: options.allowed_lateness ?? defaultSettings.allowedLatenessMs,
    sessionGapMs: options.session_gap ?? defaultSettings.sessionGapMs,
  }
}

function rowsOf({ settings, prices, watermarkMs }: Scenario, log: readonly ShopEvent[]): CartRow[] {
  const keys = [...routeAll(log, settings, prices)].sort(([a], [b]) => (a < b ? -1 : 1))
  return keys.flatMap(([, events]) =>
    foldPerson(events, watermarkMs, settings).episodes.map(({ row }) => row),
  )
}

/** The expected rows that were not found, and the rows that nothing expected; each row is taken once. */
function mismatches(
  rows: readonly CartRow[],
  expected: readonly Record<string, unknown>[],
): { missing: unknown[]; unexpected: CartRow[] } {
  const unexpected = [...rows]
  const missing = expected.filter((columns) => {
    const found = unexpected.findIndex((row) => holds(row, columns))
    if (found >= 0) unexpected.splice(found, 1)
    return found < 0
  })
  return { missing, unexpected }
}

function holds(row: CartRow, columns: Record<string, unknown>): boolean {
  return Object.entries(columns).every(([column, value]) => {
    const field = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const actual = (row as unknown as Record<string, unknown>)[field]
    return field in row && JSON.stringify(actual) === JSON.stringify(value)
  })
}

/** As the stream of one scenario reads: status, when it was abandoned, its starting event, revision. */
function streamOf(number: string): string[] {
  const { log, settings, watermarkMs, prices } = scenarios.find(
    (scenario) => scenario.number === number,
  ) as Scenario
  const keys = new LocalKeys({ settings, prices })
  for (const event of log) {
    // Partitions are idle until it comes, so the watermark goes with the clock (T2).
    keys.tell([], Date.parse(event.receivedAt) - settings.watermarkDelayMs)
    keys.drain()
    keys.tell([event], -Infinity)
    keys.drain()
  }
  keys.tell([], watermarkMs)
  keys.drain()
  return keys.stream.map((record) => described(record, log))
}

function described(record: AbandonmentRecord, log: readonly ShopEvent[]): string {
  const { abandonmentId: id, cartKey, status, reason, abandonedAt, revision } = record
  const start = log.find(({ source, eventId }) => abandonmentId(cartKey, source, eventId) === id)
  const told = reason === null ? status : `${status}(${reason})`
  return `${told} ${abandonedAt.slice(11, 16)} ${start?.eventId} ${revision}`
}
