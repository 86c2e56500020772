// A month of an orderly shop, known beforehand: the simulator writes it to the topic and says what must come of it; when
// everything that can close has closed, history's tables and figures are held against that.

import { dayMs, isoTime } from '#stack/base/units.ts'
import type { Stack } from '../fixtures/stack.ts'

type Row = Record<string, unknown>

interface Truth {
  counts: { received: number; valid: number; duplicate: number; rejected: number }
  expect: Record<string, Row[]>
  kpi: Record<string, number | null>
}

interface TruthRequest {
  seed: number
  records: number
}

export interface Comparison {
  /** How many rows of each table were as they must be. */
  equal: Record<string, number>
  /** Rows that are missing, left over or different, and figures that are not equal; the first of each table. */
  different: Record<string, unknown>
}

const keys: Record<string, readonly string[]> = {
  sessions: ['session_key'],
  carts: ['cart_key', 'episode'],
  orders: ['order_id'],
  order_lines: ['order_id', 'product_id', 'variant_id', 'net_minor'],
  refunds: ['order_id', 'refund_id'],
}

const shownDifferences = 5
/** Longer than the recovery window: nothing is left that could still change by time alone. */
const untilAllClosedMs = 10 * dayMs

/** In a stack of its own: every row of history must be expected. */
export async function compareWithTruth(stack: Stack, request: TruthRequest): Promise<Comparison> {
  const { now } = await stack.post<{ now: string }>('dashboard', '/__test/clock', { advanceMs: 0 })
  const { finalTruth } = await stack.post<{ finalTruth: Truth }>('dashboard', '/__test/seed', {
    scenario: 'calm',
    namespace: '',
    ...request,
  })
  await stack.settle(120_000)
  await stack.moveClock({ advanceMs: untilAllClosedMs })
  await stack.settle(120_000)
  const comparison: Comparison = { equal: {}, different: {} }
  for (const [table, key] of Object.entries(keys)) {
    const wrong = differences(finalTruth.expect[table] ?? [], await stack.rows<Row>(table), key)
    comparison.equal[table] = (finalTruth.expect[table]?.length ?? 0) - wrong.length
    if (wrong.length > 0) comparison.different[table] = wrong.slice(0, shownDifferences)
  }
  const range = rangeAround(Date.parse(now))
  for (const [name, value] of Object.entries(finalTruth.kpi)) {
    const found = await figure(stack, name, range)
    if (found !== value) comparison.different[name] = { expected: value, found }
  }
  await compareCounts(stack, finalTruth.counts, comparison)
  return comparison
}

function rangeAround(nowMs: number): string {
  return `from=${isoTime(nowMs - 40 * dayMs)}&to=${isoTime(nowMs + 2 * untilAllClosedMs)}`
}

/** Where the registry says it shorter. */
const idOf: Record<string, string> = { average_order_value: 'aov' }

/** `name:currency`. */
async function figure(stack: Stack, name: string, range: string): Promise<number | null> {
  const [figureName = '', currency] = name.split(':')
  const id = idOf[figureName] ?? figureName
  const path = `/v1/metrics/${id}?${range}${currency === undefined ? '' : `&currency=${currency}`}`
  return (await stack.get<{ value: number | null }>('history', path)).value
}

async function compareCounts(
  stack: Stack,
  counts: Truth['counts'],
  { different }: Comparison,
): Promise<void> {
  const { totals } = await stack.get<{ totals: Record<string, number> }>('history', '/v1/positions')
  const expected = {
    received: counts.received,
    enriched: counts.valid,
    rejected: counts.rejected,
    duplicate: counts.duplicate,
  }
  for (const [name, value] of Object.entries(expected)) {
    if (totals[name] !== value) different[name] = { expected: value, found: totals[name] }
  }
}

/** Only the columns that the truth names are compared: of the rest it knows nothing. */
function differences(
  expected: readonly Row[],
  found: readonly Row[],
  key: readonly string[],
): unknown[] {
  const keyOf = (row: Row) => JSON.stringify(key.map((column) => row[column] ?? null))
  const rest = Map.groupBy(found, keyOf)
  const wrong: unknown[] = []
  for (const row of expected) {
    const match = rest.get(keyOf(row))?.shift()
    if (match === undefined) wrong.push({ missing: row })
    else {
      const columns = Object.keys(row).filter(
        (column) => canonical(row[column]) !== canonical(match[column]),
      )
      if (columns.length > 0) wrong.push(pairs(columns, row, match))
    }
  }
  const left = [...rest.values()].flat()
  return [...wrong, ...left.map((row) => ({ leftOver: row }))]
}

function pairs(columns: readonly string[], expected: Row, found: Row): Row {
  return Object.fromEntries(
    columns.map((column) => [column, { expected: expected[column], found: found[column] }]),
  )
}

const timePattern = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

/** Times may differ in how many zeros they end with, objects in the order of their fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_, inner: unknown) => {
    if (typeof inner === 'string' && timePattern.test(inner)) return Date.parse(inner)
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
