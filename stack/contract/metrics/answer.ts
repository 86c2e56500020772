// The answer to one question about one metric, from whatever store holds the relations: the request as it came, checked;
// the SQL; the cells made into figures. Every bucket of the range is there, also where nothing happened; a ratio without
// a denominator is null. What a question needs beside its figures is asked in the same cells, and all that does not
// depend on one another is asked at once, so that a store far away may answer it together.

import { UsageError } from '../../base/errors.ts'
import { hourMs, isoTime } from '../../base/units.ts'
import { bucketBounds, isZone, startOfDate } from '../calendar.ts'
import { dimensions, everyGrain, isMetricId, metrics } from '../metrics.ts'
import type { Settings } from '../settings.ts'
import { parseTime } from '../time.ts'
import type { Bucket, Dimension, Figure, Grain, Metric, MetricAnswer } from './definition.ts'
import type { Dialect } from './dialect.ts'
import { bigquery, duckdb } from './dialect.ts'
import { currenciesSql, metricSql, openSessionsSql, reachSql, together } from './sql.ts'
import type { Filter, Question } from './sql.ts'

/** One row of an answer. */
export interface Cell {
  part: string
  /** -1: the whole window. */
  bucket: number
  dimension: string | null
  amount: number | null
}

/** Who answers. */
export interface MetricStore {
  dialect: Dialect
  settings: Settings
  /** T2; null before the first event. */
  watermarkMs: number | null
  /** The rows of all of these texts, as of one moment. */
  cells(sql: readonly string[]): Promise<Cell[]>
  /** Newest `_seq` that answers have seen so far. */
  asOfSeq(): number
}

/** A question as it comes over HTTP. */
export interface MetricRequest {
  from?: string | undefined
  to?: string | undefined
  /** Reporting zone, default UTC. */
  tz?: string | undefined
  grain?: string | undefined
  by?: string | undefined
  /** `dimension:value,value`; `dimension:!value` leaves out. */
  filter?: readonly string[] | undefined
  currency?: string | undefined
}

/** Beyond this a chart shows nothing, and the answer only costs memory. */
const bucketsMax = 5000
const valuesMax = 1000

export async function answerMetric(
  id: string,
  request: MetricRequest,
  store: MetricStore,
): Promise<MetricAnswer> {
  if (!isMetricId(id)) throw new UsageError(`there is no metric "${id}"`)
  const metric = metrics[id]
  const { zone, grain, by, filters } = readRequest(metric, request)
  const isByMonth = metric.dimensions.includes('months_since')
  const isOpenEnded = request.from === undefined || request.to === undefined
  const reach = isByMonth || isOpenEnded ? await reachOf(store) : { oldestMs: 0, newestMs: 0 }
  const { fromMs, toMs } = readWindow(request, zone, reach)
  const bounds = grain === null ? [] : boundsOf(fromMs, toMs, grain, zone)
  const monthStarts = isByMonth
    ? boundsOf(fromMs, Math.max(toMs, reach.newestMs + 1), 'month', zone)
    : []
  const open: Question = { id, fromMs, toMs, bounds, monthStarts, by, filters, currency: null }
  const { perCurrency } = metric
  const asked = perCurrency ? currenciesOf(store, open) : Promise.resolve([])
  const isSettled = !perCurrency || by === 'currency' || request.currency !== undefined
  const currency = isSettled ? chosenCurrency(metric, by, request.currency) : onlyOne(await asked)
  // Money of several currencies has no sum: it is answered when the question names one, or splits by it.
  const isMixed = !isSettled && currency === null && (await asked).length > 1
  const hasWhole = !isMixed && !(by !== null && perCurrency && currency === null)
  const question = { ...open, currency }
  const { settings, watermarkMs } = store
  const sqlOf = (each: Question, dialect: Dialect) => metricSql(each, { dialect, settings })
  const [currencies, cells, wholeCells, provisionalFromMs] = await Promise.all([
    asked,
    isMixed ? [] : store.cells(sqlOf(question, store.dialect)),
    // Split by a dimension, the whole is a question of its own: persons in two countries are one person.
    by !== null && hasWhole
      ? store.cells(sqlOf({ ...question, by: null, bounds: [] }, store.dialect))
      : [],
    provisionalFrom(store, metric),
  ])
  const shape = { metric, bounds, provisionalFromMs }
  const series = seriesOf(cells, shape)
  const whole = by === null ? series[0] : seriesOf(wholeCells, { ...shape, bounds: [] })[0]
  return {
    id,
    title: metric.title,
    formula: metric.formula,
    unit: metric.unit,
    from: isoTime(fromMs),
    to: isoTime(toMs),
    zone,
    grain,
    currency,
    currencies,
    ...(hasWhole ? totalOf(whole, metric) : { ...figure(undefined, metric), value: null }),
    buckets: by === null && !isMixed ? (whole?.buckets ?? emptyBuckets(shape)) : [],
    by: by === null ? [] : series.slice(0, valuesMax),
    provisionalFrom: provisionalFromMs === null ? null : isoTime(provisionalFromMs),
    watermark: watermarkMs === null ? null : isoTime(watermarkMs),
    asOfSeq: store.asOfSeq(),
    sql: {
      duckdb: together(sqlOf(question, duckdb)),
      bigquery: together(sqlOf(question, bigquery)),
    },
  }
}

function readRequest(
  metric: Metric,
  request: MetricRequest,
): { zone: string; grain: Grain | null; by: Dimension | null; filters: Filter[] } {
  const zone = request.tz ?? 'UTC'
  if (!isZone(zone)) throw new UsageError(`there is no time zone "${zone}"`)
  const grain = request.grain === undefined ? null : oneOf(everyGrain, request.grain, 'grain')
  if (grain !== null && !metric.grains.includes(grain)) {
    throw new UsageError(`this metric has no grain "${grain}"`, {
      hint: `use one of ${metric.grains.join(', ')}`,
    })
  }
  const allowed: readonly Dimension[] = metric.perCurrency
    ? [...metric.dimensions, 'currency']
    : metric.dimensions
  const dimension = (text: string): Dimension => {
    const known = oneOf(dimensions, text, 'dimension')
    if (allowed.includes(known)) return known
    throw new UsageError(`this metric has no dimension "${text}"`, {
      hint: allowed.length === 0 ? 'it has none' : `use one of ${allowed.join(', ')}`,
    })
  }
  const by = request.by === undefined ? null : dimension(request.by)
  const filters = (request.filter ?? []).map((text) => readFilter(text, dimension))
  return { zone, grain, by, filters }
}

function readFilter(text: string, dimension: (text: string) => Dimension): Filter {
  const colon = text.indexOf(':')
  if (colon < 0) {
    throw new UsageError(`filter "${text}" has no colon`, { hint: 'write dimension:value,value' })
  }
  const list = text.slice(colon + 1)
  const isExcluded = list.startsWith('!')
  const values = (isExcluded ? list.slice(1) : list).split(',')
  return { dimension: dimension(text.slice(0, colon)), values, isExcluded }
}

function oneOf<T extends string>(known: readonly T[], text: string, what: string): T {
  const found = known.find((each) => each === text)
  if (found !== undefined) return found
  throw new UsageError(`there is no ${what} "${text}"`, { hint: `use one of ${known.join(', ')}` })
}

interface Reach {
  oldestMs: number
  newestMs: number
}

/** From the first event to after the last: the window of a question that names none. */
async function reachOf(store: MetricStore): Promise<Reach> {
  const cells = await store.cells([reachSql(store)])
  const amount = (part: string) => cells.find((cell) => cell.part === part)?.amount ?? 0
  return { oldestMs: amount('oldest'), newestMs: amount('newest') }
}

/** Verdicts lie behind the last event: up to the end of recovery. */
const afterLastMs = 9 * 24 * hourMs

function readWindow(
  { from, to }: MetricRequest,
  zone: string,
  reach: Reach,
): { fromMs: number; toMs: number } {
  const fromMs =
    from === undefined ? reach.oldestMs - (reach.oldestMs % hourMs) : timeOf(from, zone)
  const toMs =
    to === undefined ? reach.newestMs - (reach.newestMs % hourMs) + afterLastMs : timeOf(to, zone)
  if (toMs <= fromMs) {
    throw new UsageError(`the window ends before it begins: ${isoTime(fromMs)} to ${isoTime(toMs)}`)
  }
  return { fromMs, toMs }
}

function timeOf(text: string, zone: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? startOfDate(text, zone) : parseTime(text)
  if (ms === undefined || Number.isNaN(ms)) {
    throw new UsageError(`"${text}" is no time`, {
      hint: 'write 2024-05-06T10:00:00Z or 2024-05-06',
    })
  }
  return ms
}

function boundsOf(fromMs: number, toMs: number, grain: Grain, zone: string): number[] {
  const bounds = bucketBounds(fromMs, toMs, { grain, zone, max: bucketsMax })
  if (bounds) return bounds
  throw new UsageError(`the window has more than ${bucketsMax} buckets`, {
    hint: 'take a coarser grain or a shorter window',
  })
}

/** The most frequent first. */
async function currenciesOf(store: MetricStore, question: Question): Promise<string[]> {
  const cells = await store.cells([currenciesSql(question, store)])
  return cells
    .map(({ dimension, amount }) => ({ code: dimension as string, n: amount ?? 0 }))
    .sort((a, b) => b.n - a.n || (a.code < b.code ? -1 : 1))
    .map(({ code }) => code)
}

function chosenCurrency(
  metric: Metric,
  by: Dimension | null,
  asked: string | undefined,
): string | null {
  return !metric.perCurrency || by === 'currency' ? null : (asked ?? null)
}

function onlyOne(currencies: readonly string[]): string | null {
  return currencies.length === 1 ? (currencies[0] as string) : null
}

interface Shape {
  metric: Metric
  bounds: readonly number[]
  provisionalFromMs: number | null
}

interface Series extends Figure {
  key: string | null
  buckets: Bucket[]
}

/** Per value of the dimension the whole and its buckets, the largest numerator first. */
function seriesOf(cells: readonly Cell[], shape: Shape): Series[] {
  const { metric } = shape
  const byKey = new Map<string | null, Map<number, { n: number; d: number }>>()
  for (const { part, bucket, dimension, amount } of cells) {
    const sums = byKey.get(dimension) ?? new Map<number, { n: number; d: number }>()
    const sum = sums.get(bucket) ?? { n: 0, d: 0 }
    if (part === 'numerator') sum.n += amount ?? 0
    else sum.d += amount ?? 0
    byKey.set(dimension, sums.set(bucket, sum))
  }
  const series = [...byKey].map(([key, sums]) => ({
    key,
    ...figure(sums.get(-1), metric),
    buckets: emptyBuckets(shape).map((bucket, i) => ({
      ...bucket,
      ...figure(sums.get(i), metric),
    })),
  }))
  return series.sort(
    (a, b) => b.numerator - a.numerator || (String(a.key) < String(b.key) ? -1 : 1),
  )
}

function figure(sum: { n: number; d: number } | undefined, metric: Metric): Figure {
  const numerator = sum?.n ?? 0
  const isMedian = metric.numerator.some(
    ({ aggregate }) => typeof aggregate === 'object' && 'median' in aggregate,
  )
  if (metric.denominator === undefined) {
    return { value: isMedian && sum === undefined ? null : numerator, numerator, denominator: null }
  }
  const denominator = sum?.d ?? 0
  const part = metric.complement ? denominator - numerator : numerator
  return { value: denominator === 0 ? null : part / denominator, numerator, denominator }
}

function totalOf(series: Series | undefined, metric: Metric): Figure {
  if (!series) return figure(undefined, metric)
  const { value, numerator, denominator } = series
  return { value, numerator, denominator }
}

function emptyBuckets({ metric, bounds, provisionalFromMs }: Shape): Bucket[] {
  return bounds.slice(1).map((toMs, i) => ({
    from: isoTime(bounds[i] as number),
    to: isoTime(toMs),
    ...figure(undefined, metric),
    provisional: provisionalFromMs !== null && toMs > provisionalFromMs,
  }))
}

/** From when on figures may still change although nothing is late. */
async function provisionalFrom(store: MetricStore, { settles }: Metric): Promise<number | null> {
  const { settings, watermarkMs } = store
  if (watermarkMs === null) return null
  if (settles === 'at once') return watermarkMs
  if (settles === 'with its carts') {
    return watermarkMs - settings.maxCartAgeMs - settings.recoveryWindowMs
  }
  const [oldest] = await store.cells([openSessionsSql(store)])
  return Math.min(watermarkMs, oldest?.amount ?? watermarkMs)
}
