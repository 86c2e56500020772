// The SQL of one question about one metric, the same in both dialects but for the words in dialect.ts. The answer has
// a row per part (numerator or denominator), bucket and value of the dimension (what else a question needs to know has
// the same four columns); bucket -1 is the whole window, which
// for distinct counts and medians is no sum of the buckets.

import { metrics } from '../metrics.ts'
import type { Settings } from '../settings.ts'
import type { Dimension, Measure, MetricId } from './definition.ts'
import type { Dialect } from './dialect.ts'
import { personFunnel, quarterMs, withEventsOf } from './relations.ts'

export interface Filter {
  dimension: Dimension
  values: readonly string[]
  isExcluded: boolean
}

export interface Question {
  id: MetricId
  fromMs: number
  toMs: number
  /** Bounds of the buckets, one more than there are; empty for none. */
  bounds: readonly number[]
  /** From the window on to the newest event, where months begin in the zone; for months since a first order. */
  monthStarts: readonly number[]
  by: Dimension | null
  filters: readonly Filter[]
  currency: string | null
}

export interface SqlContext {
  dialect: Dialect
  settings: Settings
}

/** Texts whose rows are the answer together. */
export function metricSql(question: Question, context: SqlContext): string[] {
  const { numerator, denominator = [] } = metrics[question.id]
  const parts = [
    ...numerator.map((measure) => ({ part: 'numerator', measure })),
    ...denominator.map((measure) => ({ part: 'denominator', measure })),
  ]
  return parts.flatMap(({ part, measure }) => [
    branch(part, measure, question, context, false),
    ...(question.bounds.length > 0 ? [branch(part, measure, question, context, true)] : []),
  ])
}

/** As one text. */
export function together(sql: readonly string[]): string {
  return sql.join('\nUNION ALL\n')
}

/** Currencies that occur in the window of a metric about money. */
export function currenciesSql(question: Question, context: SqlContext): string {
  const { numerator } = metrics[question.id]
  const each = numerator.map(
    (measure) =>
      `SELECT r.currency, count(*) AS n FROM ${relation(measure, question, context)} AS r WHERE ${[
        ...window(measure, question, context.dialect),
        'r.currency IS NOT NULL',
      ].join(' AND ')} GROUP BY 1`,
  )
  return `SELECT 'currency' AS part, -1 AS bucket, currency AS dimension, sum(n) AS amount FROM (${each.join(' UNION ALL ')}) AS c GROUP BY 3`
}

/** First and last event. */
export function reachSql({ dialect }: Pick<SqlContext, 'dialect'>): string {
  const end = (part: string, which: 'min' | 'max') =>
    `SELECT '${part}' AS part, -1 AS bucket, ${dialect.nullText} AS dimension, ${dialect.ms(`${which}(event_time)`)} AS amount FROM events_stored`
  return `${end('oldest', 'min')} UNION ALL ${end('newest', 'max')}`
}

/** The start of the oldest session that may still grow. */
export function openSessionsSql({ dialect }: Pick<SqlContext, 'dialect'>): string {
  return `SELECT 'open' AS part, -1 AS bucket, ${dialect.nullText} AS dimension, ${dialect.ms('min(started_at)')} AS amount
    FROM sessions WHERE NOT is_closed`
}

function branch(
  part: string,
  measure: Measure,
  question: Question,
  context: SqlContext,
  isBucketed: boolean,
): string {
  const { dialect } = context
  const { by, bounds } = question
  const bucket = isBucketed ? dialect.bucket(`r.${measure.at}`, bounds) : { value: '-1', join: '' }
  const key = by === null ? dialect.nullText : dialect.asText(`r.${by}`)
  const conditions = [
    ...window(measure, question, dialect),
    ...(measure.where === undefined ? [] : [`(${measure.where})`]),
    ...question.filters.map((filter) => filterSql(filter, dialect)),
    ...currencyCondition(question, dialect),
  ]
  return [
    `SELECT '${part}' AS part, ${bucket.value} AS bucket, ${key} AS dimension, ${aggregate(measure, dialect)} AS amount`,
    `FROM ${relation(measure, question, context)} AS r${bucket.join}`,
    `WHERE ${conditions.join(' AND ')}`,
    'GROUP BY 1, 2, 3',
  ].join('\n')
}

function aggregate({ aggregate: how, sign }: Measure, dialect: Dialect): string {
  const minus = sign === -1 ? '-' : ''
  if (how === 'count') return `${minus}count(*)`
  if ('sum' in how) return `${minus}coalesce(sum(r.${how.sum}), 0)`
  if ('distinct' in how) return `${minus}count(DISTINCT r.${how.distinct})`
  return dialect.median(`r.${how.median}`)
}

function window({ at }: Measure, { fromMs, toMs }: Question, dialect: Dialect): string[] {
  return [`r.${at} >= ${dialect.timestamp(fromMs)}`, `r.${at} < ${dialect.timestamp(toMs)}`]
}

/** Rows of a metric that is no money itself keep every currency, unless a filter names one. */
function currencyCondition({ id, currency }: Question, dialect: Dialect): string[] {
  return currency !== null && metrics[id].perCurrency
    ? [`r.currency = ${dialect.text(currency)}`]
    : []
}

function filterSql({ dimension, values, isExcluded }: Filter, dialect: Dialect): string {
  const list = values.map((value) => dialect.text(value)).join(', ')
  const column = dialect.asText(`r.${dimension}`)
  return isExcluded ? `(${column} IS NULL OR ${column} NOT IN (${list}))` : `${column} IN (${list})`
}

function relation(
  { relation: name }: Measure,
  { fromMs, toMs, monthStarts }: Question,
  { dialect, settings }: SqlContext,
): string {
  if (name === 'person_funnel') return `(${personFunnel({ dialect, settings }, fromMs, toMs)})`
  if (name === 'cohort_orders') {
    const monthsSince = dialect.timesBetween('c.moment', 'c.ordered_at', monthStarts)
    return `(SELECT c.moment, c.person, ${monthsSince} AS months_since FROM cohort_orders AS c)`
  }
  const cut = cutQuarters(fromMs, toMs)
  if (cut.length === 0) return name
  if (name === 'counted_activity' || name === 'counted_interest')
    return withEventsOf(name, cut, { dialect, settings })
  if (name === 'first_activity') {
    const activity = withEventsOf('counted_activity', cut, { dialect, settings })
    return `(SELECT person, min(moment) AS moment FROM ${activity} AS a GROUP BY person)`
  }
  return name
}

/** People are counted by the quarter of an hour; quarters that the window cuts in two are counted from their events. */
function cutQuarters(...edges: readonly number[]): number[] {
  const cut = edges.filter((ms) => ms % quarterMs !== 0).map((ms) => ms - (ms % quarterMs))
  return [...new Set(cut)]
}
