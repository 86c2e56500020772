// The scenarios of events.md 2.8 through both stages into a history in memory: every table, and the figures. How the
// topics are read changes nothing.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { dayMs } from '#stack/base/units.ts'
import { startOfDate } from '#stack/contract/calendar.ts'
import type { Grain } from '#stack/contract/metrics.ts'
import { collect } from '#stack/shop/start.ts'
import { readScenarios } from '../scenario-data.ts'
import type { Columns, Scenario } from '../scenario-data.ts'
import { logOf, refusedOf } from '../scenario-log.ts'
import { mismatchesOf, runScenario } from '../scenario-run.ts'
import { answerMetric } from './query/metrics.ts'
import { memoryHistory, readTopics, tableRows } from './testing.ts'
import type { TestHistory } from './testing.ts'

const shared = process.env['SLIPWAY_SHARED']
const scenarios = readScenarios(shared)
const withMoney = scenarios.filter(({ tables }) =>
  ['orders', 'order_lines', 'refunds'].some((table) => table in tables),
)
const ourTables = [
  'events',
  'sessions',
  'carts',
  'orders',
  'order_lines',
  'refunds',
  'rejected_events',
] as const

/** The topics read in one go. */
export function scenariosInHistory(): void {
  test.skipIf(scenarios.length === 0).each(scenarios)('$number: $title', async (scenario) => {
    await using history = await memoryHistory(scenario.settings)
    await readTopics(runScenario(scenario, logOf(scenario, collect)).log, history)
    expect(await mismatches(scenario, history)).toEqual([])
    expect(await figures(scenario, history)).toEqual(expectedFigures(scenario))
  })
}

/** Those with money, live, in small transactions with partitions and topics at random speeds. */
export function scenariosReadUnevenly(): void {
  test.skipIf(withMoney.length === 0).each(withMoney)(
    '$number, live and unevenly: $title',
    async (scenario) => {
      const random = new Random(7)
      const run = { isLive: true, partitions: 3, batchRecords: 1 }
      await using history = await memoryHistory(scenario.settings)
      await readTopics(runScenario(scenario, logOf(scenario, collect), run).log, history, {
        random,
      })
      expect(await mismatches(scenario, history)).toEqual([])
      expect(await figures(scenario, history)).toEqual(expectedFigures(scenario))
    },
  )
}

async function mismatches(scenario: Scenario, history: TestHistory): Promise<unknown[]> {
  const tables: Record<string, Columns[]> = {}
  for (const table of ourTables) tables[table] = await tableRows(history, table)
  const refused = refusedOf(scenario, collect)
  tables['rejected_events']?.push(...refused)
  return mismatchesOf(scenario, { ...tables, counts: [counts(history, refused.length)] })
}

/** Received are the positions that have an outcome, and what the collector refused. */
function counts({ state }: TestHistory, refused: number): Columns {
  const sum = (pick: (of: (typeof state.outcomes)[number]) => number) =>
    state.outcomes.reduce((total, of) => total + pick(of), 0)
  return {
    received: sum(({ completeTo }) => completeTo) + refused,
    valid: sum(({ enriched }) => enriched),
    rejected: sum(({ rejected }) => rejected) + refused,
    duplicate: sum(({ duplicate }) => duplicate),
  }
}

interface Expectation {
  kpi?: Record<string, number | null>
  options?: { zone?: string }
  expect?: { trend_rows?: Partial<Record<Grain, number>> }
}

function expectationOf({ number }: Scenario): Expectation {
  const path = join(shared ?? '../shared', 'data/scenarios', number, 'expected.json')
  return JSON.parse(readFileSync(path, 'utf8')) as Expectation
}

function expectedFigures(scenario: Scenario): Record<string, unknown> {
  const { kpi = {}, expect: tables = {} } = expectationOf(scenario)
  const trends = Object.entries(tables.trend_rows ?? {}).map(([grain, n]) => [
    `rows by ${grain}`,
    n,
  ])
  return { ...kpi, ...Object.fromEntries(trends) }
}

/** `window/metric:currency`; no window is everything there is. */
async function figures(scenario: Scenario, history: TestHistory): Promise<Record<string, unknown>> {
  const { kpi = {}, options = {}, expect: tables = {} } = expectationOf(scenario)
  const tz = options.zone ?? 'UTC'
  const found: Record<string, unknown> = {}
  for (const name of Object.keys(kpi)) {
    const [window, figure = ''] = name.includes('/') ? name.split('/') : [undefined, name]
    const [id = '', currency] = figure.split(':')
    const range = window === undefined ? {} : dayOf(window, tz)
    const answer = await answerMetric(history, id, { ...range, tz, currency }, null)
    found[name] = answer.value
  }
  const [day] = Object.keys(kpi)[0]?.split('/') ?? []
  for (const grain of Object.keys(tables.trend_rows ?? {})) {
    const request = { ...dayOf(day as string, tz), tz, grain }
    const { buckets, numerator } = await answerMetric(history, 'orders', request, null)
    expect(buckets.reduce((sum, bucket) => sum + bucket.numerator, 0)).toBe(numerator)
    found[`rows by ${grain}`] = buckets.length
  }
  return found
}

function dayOf(date: string, zone: string): { from: string; to: string } {
  const next = new Date(startOfDate(date, 'UTC') + dayMs).toISOString().slice(0, 10)
  return { from: new Date(startOfDate(date, zone)).toISOString(), to: next }
}
