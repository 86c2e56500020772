// The answer to one question about one metric: the request as it came, checked; the SQL; the rows made into figures.
// Every bucket of the range is there, also where nothing happened; a ratio without a denominator is null.

import { bucketBounds, isZone, startOfDate } from '#stack/contract/calendar.ts'
import { UsageError } from '#stack/base/errors.ts'
import { hourMs, isoTime } from '#stack/base/units.ts'
import { dimensions, everyGrain, isMetricId, metrics } from '#stack/contract/metrics.ts'
import type {
  Bucket,
  Dimension,
  Figure,
  Grain,
  Metric,
  MetricAnswer,
} from '#stack/contract/metrics.ts'
import { bigquery, duckdb } from '#stack/contract/metrics/dialect.ts'
import { currenciesSql, metricSql } from '#stack/contract/metrics/sql.ts'
import type { Filter, Question } from '#stack/contract/metrics/sql.ts'
import { parseTime } from '#stack/contract/time.ts'
import type { History } from '../history-file.ts'
import { plainRows } from '../sql.ts'

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
  history: History,
  id: string,
  request: MetricRequest,
  watermarkMs: number | null,
): Promise<MetricAnswer> {
  if (!isMetricId(id)) throw new UsageError(`there is no metric "${id}"`)
  const metric = metrics[id]
  const { zone, grain, by, filters } = readRequest(metric, request)
  const reach = await reachOf(history)
  const { fromMs, toMs } = readWindow(request, zone, reach)
  const bounds = grain === null ? [] : boundsOf(fromMs, toMs, grain, zone)
  const monthStarts = metric.dimensions.includes('months_since')
    ? boundsOf(fromMs, Math.max(toMs, reach.newestMs + 1), 'month', zone)
    : []
  const open: Question = { id, fromMs, toMs, bounds, monthStarts, by, filters, currency: null }
  const currencies = metric.perCurrency ? await currenciesOf(history, open) : []
  const currency = chooseCurrency(metric, by, request.currency, currencies)
  const question = { ...open, currency }
  const { settings } = history
  const sql = {
    duckdb: metricSql(question, { dialect: duckdb, settings }),
    bigquery: metricSql(question, { dialect: bigquery, settings }),
  }
  // Money of several currencies has no sum: it is answered when the question names one, or splits by it.
  const isMixed =
    metric.perCurrency && currency === null && by !== 'currency' && currencies.length > 1
  const rows = isMixed ? [] : await cellsOf(history, sql.duckdb)
  const provisionalFromMs = await provisionalFrom(history, metric, watermarkMs)
  const shape = { metric, bounds, provisionalFromMs }
  const [whole] = seriesOf(by === null ? rows : [], shape)
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
    ...(by === null && !isMixed
      ? totalOf(whole, metric)
      : await wholeFigure(history, question, isMixed)),
    buckets: by === null && !isMixed ? (whole?.buckets ?? emptyBuckets(shape)) : [],
    by: by === null ? [] : seriesOf(rows, shape).slice(0, valuesMax),
    provisionalFrom: provisionalFromMs === null ? null : isoTime(provisionalFromMs),
    watermark: watermarkMs === null ? null : isoTime(watermarkMs),
    asOfSeq: history.state.lastSeq,
    sql,
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
async function reachOf({ database }: History): Promise<Reach> {
  const [row] = await database.read((connection) =>
    plainRows(
      connection,
      'SELECT epoch_ms(min(event_time)), epoch_ms(max(event_time)) FROM events_stored',
    ),
  )
  const [oldest, newest] = row ?? []
  const oldestMs = (oldest as number | null) ?? 0
  return { oldestMs, newestMs: (newest as number | null) ?? 0 }
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

async function currenciesOf(
  { database, settings }: History,
  question: Question,
): Promise<string[]> {
  const rows = await database.read((connection) =>
    plainRows(connection, currenciesSql(question, { dialect: duckdb, settings })),
  )
  return rows.map(([currency]) => currency as string)
}

/** Asked for, else the only one there is. */
function chooseCurrency(
  metric: Metric,
  by: Dimension | null,
  asked: string | undefined,
  currencies: readonly string[],
): string | null {
  if (!metric.perCurrency || by === 'currency') return null
  if (asked !== undefined) return asked
  return currencies.length === 1 ? (currencies[0] as string) : null
}

interface CellRow {
  isNumerator: boolean
  bucket: number
  key: string | null
  amount: number
}

async function cellsOf({ database }: History, sql: string): Promise<CellRow[]> {
  const rows = await database.read((connection) => plainRows(connection, sql))
  return rows.map(([part, bucket, key, amount]) => ({
    isNumerator: part === 'numerator',
    bucket: bucket as number,
    key: key as string | null,
    amount: (amount as number | null) ?? 0,
  }))
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
function seriesOf(rows: readonly CellRow[], shape: Shape): Series[] {
  const { metric } = shape
  const byKey = new Map<string | null, Map<number, { n: number; d: number }>>()
  for (const { isNumerator, bucket, key, amount } of rows) {
    const sums = byKey.get(key) ?? new Map<number, { n: number; d: number }>()
    const sum = sums.get(bucket) ?? { n: 0, d: 0 }
    if (isNumerator) sum.n += amount
    else sum.d += amount
    byKey.set(key, sums.set(bucket, sum))
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

/** Split by a dimension, the whole is a question of its own: persons in two countries are one person. */
async function wholeFigure(
  history: History,
  question: Question,
  isMixed: boolean,
): Promise<Figure> {
  const metric = metrics[question.id]
  const isMoneyOfMany = metric.perCurrency && question.currency === null
  if (isMixed || isMoneyOfMany) return { ...figure(undefined, metric), value: null }
  const alone = { ...question, by: null, bounds: [] }
  const sql = metricSql(alone, { dialect: duckdb, settings: history.settings })
  const shape = { metric, bounds: [], provisionalFromMs: null }
  return totalOf(seriesOf(await cellsOf(history, sql), shape)[0], metric)
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
async function provisionalFrom(
  { database, settings }: History,
  { settles }: Metric,
  watermarkMs: number | null,
): Promise<number | null> {
  if (watermarkMs === null) return null
  if (settles === 'at once') return watermarkMs
  if (settles === 'with its carts') {
    return watermarkMs - settings.maxCartAgeMs - settings.recoveryWindowMs
  }
  const [row] = await database.read((connection) =>
    plainRows(connection, 'SELECT epoch_ms(min(started_at)) FROM sessions WHERE NOT is_closed'),
  )
  const oldestOpenMs = row?.[0] as number | null | undefined
  return Math.min(watermarkMs, oldestOpenMs ?? watermarkMs)
}
