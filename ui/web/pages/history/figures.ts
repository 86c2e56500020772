// How each metric is printed, and small arithmetic on answers. Pure.

import type {
  Bucket,
  Dimension,
  Grain,
  MetricAnswer,
  Unit,
} from '../../../../stack/contract/metrics/definition.ts'
import {
  axisMoney,
  count,
  duration,
  exact,
  exactMoney,
  money,
  percent,
} from '../../parts/format.ts'
import {
  clockTime,
  dateOnly,
  dayMonth,
  fullTime,
  hourMinute,
  monthYear,
  parts,
} from '../../parts/zone.ts'

export function printer(
  unit: Unit,
  currency: string,
): (value: number | null | undefined) => string {
  if (unit === 'minor') return (value) => money(value, currency)
  if (unit === 'ratio') return percent
  if (unit === 'ms') return duration
  return count
}

/** On an axis. */
export function axisPrinter(unit: Unit, currency: string): (value: number) => string {
  return unit === 'minor' ? (value) => axisMoney(value, currency) : printer(unit, currency)
}

export function exactPrinter(
  unit: Unit,
  currency: string,
): (value: number | null | undefined) => string {
  if (unit === 'minor') return (value) => exactMoney(value, currency)
  if (unit === 'ratio') {
    return (value) =>
      value === null || value === undefined || Number.isNaN(value) ? '—' : `${exact(value * 100)} %`
  }
  if (unit === 'ms')
    return (value) => (value === null || value === undefined ? '—' : `${exact(value)} ms`)
  return exact
}

/** Missing is NaN, which charts draw as a gap. */
export function valuesOf(buckets: readonly Bucket[]): Float64Array {
  return Float64Array.from(buckets, (bucket) => bucket.value ?? NaN)
}

/** Column of another answer, place by place; what it does not have is missing. */
export function alignedValues(
  buckets: readonly Bucket[] | undefined,
  length: number,
): Float64Array {
  const values = new Float64Array(length).fill(NaN)
  for (const [i, bucket] of (buckets ?? []).entries()) {
    if (i < length) values[i] = bucket.value ?? NaN
  }
  return values
}

/** What a bucket is called on the axis. */
export function shortLabel(fromMs: number, grain: Grain, zone: string): string {
  if (grain === 'minute') return hourMinute(fromMs, zone)
  if (grain === 'hour') {
    return parts(fromMs, zone).hour === 0 ? dayMonth(fromMs, zone) : hourMinute(fromMs, zone)
  }
  return grain === 'month' ? monthYear(fromMs, zone) : dayMonth(fromMs, zone)
}

/** And in full. */
export function longLabel(bucket: Bucket, grain: Grain, zone: string): string {
  const fromMs = Date.parse(bucket.from)
  const label = {
    minute: clockTime,
    hour: fullTime,
    day: dateOnly,
    week: (ms: number) => `week of ${dateOnly(ms, zone)}`,
    month: monthYear,
  }[grain](fromMs, zone)
  return bucket.provisional ? `${label} (provisional)` : label
}

export interface Ranked {
  /** Null where nothing was said. */
  key: string | null
  /** How many keys the last row holds together; 0 in the others. */
  restOf: number
  value: number
  share: number | null
  before: number | null
}

/** The largest values of a split, with their share of the whole and what they were before; the rest in one row. */
export function ranking(
  now: MetricAnswer,
  before: MetricAnswer | undefined,
  rowsMax: number,
): Ranked[] {
  const earlier = new Map(before?.by.map((each) => [each.key, each.value]))
  const share = (value: number) => (now.numerator > 0 ? value / now.numerator : null)
  const rows = now.by.slice(0, rowsMax).map((each) => ({
    key: each.key,
    restOf: 0,
    value: each.value ?? 0,
    share: share(each.value ?? 0),
    before: before ? (earlier.get(each.key) ?? 0) : null,
  }))
  const rest = now.by.slice(rowsMax)
  if (rest.length === 0) return rows
  const value = rest.reduce((sum, each) => sum + (each.value ?? 0), 0)
  return [...rows, { key: null, restOf: rest.length, value, share: share(value), before: null }]
}

/** What a key of a split is called: countries by their names, what is missing in words. */
export function keyLabel(by: Dimension, key: string | null): string {
  if (key === null) return by === 'campaign_source' ? 'no campaign' : 'not known'
  return by === 'country' && /^[A-Z]{2}$/.test(key) ? (countryNames.of(key) ?? key) : key
}

const countryNames = new Intl.DisplayNames('en', { type: 'region' })

/** Where nothing says its key there is no split to show. */
export const isSplit = (rows: readonly Ranked[]): boolean => rows.some(({ key }) => key !== null)

/** Keys in the order in which bands follow one another; unknown ones behind. */
export function inOrder<T extends { key: string | null }>(
  rows: readonly T[],
  order: readonly string[],
): T[] {
  const place = (key: string | null) => {
    const found = order.indexOf(key ?? '')
    return found < 0 ? order.length : found
  }
  return [...rows].sort((a, b) => place(a.key) - place(b.key))
}

export const durationBands = [
  '0',
  '< 10 s',
  '10 s - 1 min',
  '1 - 5 min',
  '5 - 15 min',
  '15 - 30 min',
  '30 - 60 min',
  '> 60 min',
] as const
export const eventBands = ['1', '2 - 3', '4 - 7', '8 - 15', '16 - 31', '32 - 63', '64 +'] as const
export const priceBands = ['< 10', '10 - 20', '20 - 30', '30 - 50', '50 - 100', '100 +'] as const

export interface HeatCell {
  sum: number
  /** How many times this hour of the week lies in the range. */
  hours: number
}

/** What a band of a histogram is called where there is little room. */
const bandLabels: Readonly<Record<string, string>> = {
  '0': '0 s',
  '10 s - 1 min': '10–60 s',
  '> 60 min': '> 1 h',
  '64 +': '64+',
  '100 +': '100+',
}
export const bandLabel = (band: string): string => bandLabels[band] ?? band.replace(' - ', '–')

/** A cell as dark as this share of all is the darkest: one busy hour must not make all others pale. */
const darkestShare = 0.95

/** The value from which on cells are the darkest. */
export function darkestFrom(values: readonly number[]): number {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * darkestShare)] ?? 0
}

/** Hourly buckets by weekday (Monday first) and hour of the zone. */
export function heatCells(buckets: readonly Bucket[], zone: string, untilMs: number): HeatCell[][] {
  const cells = Array.from({ length: 7 }, () =>
    Array.from({ length: 24 }, (): HeatCell => ({ sum: 0, hours: 0 })),
  )
  for (const bucket of buckets) {
    const fromMs = Date.parse(bucket.from)
    if (fromMs >= untilMs) continue
    const { weekday, hour } = parts(fromMs, zone)
    const cell = cells[weekday]?.[hour]
    if (!cell) continue
    cell.sum += bucket.value ?? 0
    cell.hours += (Math.min(Date.parse(bucket.to), untilMs) - fromMs) / 3_600_000
  }
  return cells
}

/** Lines of CSV with what the figures stand on above them; cells that a spreadsheet would run are quoted as text. */
export function csvText(
  facts: readonly (readonly [string, string])[],
  header: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const lines = [
    ...facts.map(([name, text]) => `# ${name}: ${text}`),
    header.map(csvCell).join(','),
    ...rows.map((row) => row.map(csvCell).join(',')),
  ]
  return lines.join('\r\n') + '\r\n'
}

function csvCell(value: string | number | null): string {
  if (value === null || (typeof value === 'number' && Number.isNaN(value))) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
