// History held against the truth, row by row and figure by figure, for tests. What differs is told with the events
// behind it, in the order in which the rules read them (T3).

import { dayMs, hourMs, isoTime, minuteMs } from '#stack/base/units.ts'
import { bucketBounds } from '#stack/contract/calendar.ts'
import { isMetricId, metricIds, metrics } from '#stack/contract/metrics.ts'
import type { Grain, MetricAnswer, MetricId } from '#stack/contract/metrics.ts'
import { compareT3, orderedOf } from '#stack/contract/order.ts'
import type { Delivery } from '../delivery.ts'
import type { Window } from './facts.ts'
import type { Figures } from './sums.ts'
import { TruthKeeper, truthTables } from './truth.ts'
import type { Row, TruthTable } from './truth.ts'

/** History as it can be asked in one process or over HTTP. */
export interface HistoryReader {
  rows(table: TruthTable): Promise<Row[]>
  figure(id: MetricId, query: Record<string, string>): Promise<MetricAnswer>
}

export interface Comparison {
  /** How many rows of each table, and how many figures, were as they must be. */
  equal: Record<string, number>
  /** Rows that are missing, left over or different, and figures that are not equal; the first of each kind. */
  different: Record<string, unknown[]>
}

/** A window that is asked for, and in which buckets. */
export interface AskedWindow extends Window {
  grain: Grain | null
}

const keys: Record<TruthTable, readonly string[]> = {
  sessions: ['session_key'],
  carts: ['cart_key', 'episode'],
  orders: ['order_id'],
  order_lines: ['order_id', 'line'],
  refunds: ['order_id', 'refund_id'],
}
const shownDifferences = 3

/** Every row of history must be expected: it holds these records and nothing else, and all that can close has closed. */
export async function compareWithTruth(
  records: readonly Delivery[],
  history: HistoryReader,
  windows: readonly AskedWindow[] = windowsOf(records),
): Promise<Comparison> {
  const keeper = new TruthKeeper()
  for (const record of records) keeper.observe(record)
  const { expect } = keeper.truth()
  const comparison: Comparison = { equal: {}, different: {} }
  for (const table of truthTables) {
    const wrong = rowDifferences(expect[table], await history.rows(table), keys[table])
    comparison.equal[table] = expect[table].length - wrong.length
    if (wrong.length === 0) continue
    comparison.different[table] = wrong
      .slice(0, shownDifferences)
      .map((each) => ({ ...each, events: eventsBehind(each.row, records) }))
  }
  for (const window of windows) await compareFigures(keeper, history, window, comparison)
  return comparison
}

/** Everything by months, days with a daylight-saving zone, hours behind UTC, minutes, and cuts through a quarter. */
export function windowsOf(records: readonly Delivery[]): AskedWindow[] {
  const times = records.map(({ receivedMs }) => receivedMs)
  const firstMs = Math.floor(times.reduce((a, b) => Math.min(a, b)) / dayMs) * dayMs
  const lastMs = Math.ceil(times.reduce((a, b) => Math.max(a, b)) / dayMs) * dayMs
  const middleMs = Math.floor((firstMs + lastMs) / 2 / dayMs) * dayMs
  return [
    { fromMs: firstMs - 5 * dayMs, toMs: lastMs + 30 * dayMs, zone: 'UTC', grain: 'month' },
    { fromMs: firstMs, toMs: lastMs, zone: 'Europe/Berlin', grain: 'day' },
    { fromMs: middleMs, toMs: middleMs + 2 * dayMs, zone: 'America/New_York', grain: 'hour' },
    { fromMs: middleMs + 19 * hourMs, toMs: middleMs + 20 * hourMs, zone: 'UTC', grain: 'minute' },
    {
      fromMs: middleMs + 100 * minuteMs + 1,
      toMs: middleMs + 31 * hourMs + 1234,
      zone: 'Asia/Tokyo',
      grain: null,
    },
  ]
}

interface RowDifference {
  what: 'missing' | 'left over' | 'different'
  row: Row
  columns?: Row
}

/** Only the columns that the truth names are compared: of the rest it knows nothing. */
function rowDifferences(
  expected: readonly Row[],
  found: readonly Row[],
  key: readonly string[],
): RowDifference[] {
  const keyOf = (row: Row) => JSON.stringify(key.map((column) => row[column] ?? null))
  const rest = Map.groupBy(found, keyOf)
  const wrong: RowDifference[] = []
  for (const row of expected) {
    const match = rest.get(keyOf(row))?.shift()
    if (match === undefined) wrong.push({ what: 'missing', row })
    else {
      const columns = Object.keys(row).filter(
        (column) => canonical(row[column]) !== canonical(match[column]),
      )
      if (columns.length === 0) continue
      wrong.push({ what: 'different', row, columns: pairs(columns, row, match) })
    }
  }
  const left = [...rest.values()].flat()
  return [...wrong, ...left.map((row) => ({ what: 'left over' as const, row }))]
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

/** Names that a truth's figures have beyond `id` and `id:currency`: `id@value` of this dimension. */
const splitBy: Partial<Record<MetricId, string>> = {
  product_revenue: 'product',
  product_units: 'product',
  product_viewers: 'product',
  product_adders: 'product',
  add_to_cart_rate: 'product',
  retention_cohort: 'months_since',
}

async function compareFigures(
  keeper: TruthKeeper,
  history: HistoryReader,
  window: AskedWindow,
  comparison: Comparison,
): Promise<void> {
  const names = Object.keys(keeper.truth().kpi)
  const unknown = metricIds.filter((id) => !names.some((name) => name.split(/[:@]/)[0] === id))
  if (unknown.length > 0) comparison.different['figures the truth does not know'] = unknown
  const expected = expectedIn(keeper, window)
  for (const name of new Set(names.map((each) => each.split('@')[0] as string))) {
    const [id = '', currency] = name.split(':')
    if (!isMetricId(id)) {
      comparison.different[name] = ['no figure of the registry']
      continue
    }
    const check = checkOf(name, expected, comparison)
    const query = queryOf(id, currency, window)
    const answer = await history.figure(id, query)
    check(null, answer)
    const by = splitBy[id]
    if (by === undefined) continue
    const split = await history.figure(id, { ...query, by })
    const found = new Map(split.by.map((each) => [each.key, each]))
    const own = names.filter((each) => each.startsWith(`${name}@`))
    const keys = own.map((each) => each.slice(name.length + 1))
    for (const key of new Set([...keys, ...found.keys()])) check(key, found.get(key))
  }
}

/** Figures of the window and of its buckets. */
interface Expected {
  window: AskedWindow
  whole: Figures
  buckets: { from: string; figures: Figures }[]
}

function expectedIn(keeper: TruthKeeper, window: AskedWindow): Expected {
  const { fromMs, toMs, zone, grain } = window
  const bounds = grain === null ? [] : (bucketBounds(fromMs, toMs, { grain, zone, max }) ?? [])
  const buckets = bounds.slice(1).map((end, i) => {
    const startMs = bounds[i] as number
    return { from: isoTime(startMs), figures: keeper.figures({ fromMs: startMs, toMs: end, zone }) }
  })
  return { window, whole: keeper.figures(window), buckets }
}

const max = 5000

function queryOf(
  id: MetricId,
  currency: string | undefined,
  { fromMs, toMs, zone, grain }: AskedWindow,
): Record<string, string> {
  return {
    from: isoTime(fromMs),
    to: isoTime(toMs),
    tz: zone,
    ...(currency !== undefined && { currency }),
    ...(grain !== null && metrics[id].grains.includes(grain) && { grain }),
  }
}

interface Answered {
  value: number | null
  buckets: readonly { value: number | null }[]
}

/** Compares a figure, whole or of one key, and its buckets where it has any. What is nowhere named is nothing. */
function checkOf(
  name: string,
  { window, whole, buckets }: Expected,
  { equal, different }: Comparison,
): (key: string | null, answer: Answered | undefined) => void {
  const id = name.split(':')[0] as MetricId
  const { grain, zone } = window
  const nothing = metrics[id].denominator === undefined ? 0 : null
  const hasBuckets = grain !== null && metrics[id].grains.includes(grain)
  return (key, answer) => {
    const full = key === null ? name : `${name}@${key}`
    const compare = (where: string, figures: Figures, found: number | null = nothing) => {
      const expected = full in figures ? figures[full] : nothing
      if (expected === found) equal['figures'] = (equal['figures'] ?? 0) + 1
      else (different[full] ??= []).push({ where: `${where}, ${zone}`, expected, found })
    }
    compare(`${isoTime(window.fromMs)} to ${isoTime(window.toMs)}`, whole, answer?.value)
    if (!hasBuckets) return
    for (const [i, { from, figures }] of buckets.entries()) {
      compare(`${grain} from ${from}`, figures, answer?.buckets[i]?.value)
    }
  }
}

/** All that the person behind a row sent, as one line each; what the row itself names comes with a star. */
function eventsBehind(row: Row, records: readonly Delivery[]): string[] {
  const named = new Set(
    ['anonymous_id', 'user_id', 'person_id', 'cart_key', 'cart_id', 'order_id'].flatMap(
      (column) => {
        const value = row[column]
        return typeof value === 'string' ? [value, value.replace(/^[auc]:/, '')] : []
      },
    ),
  )
  const names = ({ event }: Delivery) =>
    [event.anonymousId, event.userId, event.cartId, event.data.orderId].some(
      (id) => id !== undefined && named.has(id),
    )
  const persons = new Set(records.filter(names).map(({ shopperId }) => shopperId))
  return records
    .filter(({ shopperId, outcome }) => persons.has(shopperId) && outcome === 'valid')
    .sort((a, b) => compareT3(orderedOf(a.event), orderedOf(b.event)))
    .map((record) => `${names(record) ? '*' : ' '} ${lineOf(record)}`)
}

function lineOf({ event }: Delivery): string {
  const lagMs = Date.parse(event.receivedAt) - Date.parse(event.eventTime)
  const { orderId, option, items } = event.data
  const products = items?.map(({ productId, quantity = 1 }) => `${productId} x ${quantity}`)
  return [
    event.eventTime,
    event.name,
    event.source,
    event.anonymousId ?? '-',
    event.userId ?? '-',
    ...(event.cartId === undefined ? [] : [`cart ${event.cartId}`]),
    ...(orderId === undefined ? [] : [`order ${orderId}`]),
    ...(option === undefined ? [] : [option]),
    ...(products === undefined ? [] : [`[${products.join(', ')}]`]),
    `id ${event.eventId}`,
    `received ${lagMs} ms later`,
  ].join(' ')
}
