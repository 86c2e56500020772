// The words of the metric registry: what a figure is made of, what it may be split and filtered by, and the answer
// to a question about it. A figure is a numerator, or a numerator over a denominator; both are sums over relations
// (relations.ts) that exist with the same columns in DuckDB and in BigQuery, so that one definition makes both SQL
// texts (sql.ts). A ratio is one division of two integers, so that two engines agree to the last bit.

import type { RelationName } from './relations.ts'

export const metricIds = [
  'orders',
  'gross_revenue',
  'refunds',
  'net_revenue',
  'net_revenue_by_order_date',
  'charged_total',
  'aov',
  'units',
  'units_per_order',
  'refund_count',
  'sessions',
  'sessions_with_purchase',
  'session_conversion_rate',
  'session_duration_mean_ms',
  'session_duration_median_ms',
  'engaged_sessions',
  'bounce_rate',
  'active_users',
  'buyers',
  'user_conversion_rate',
  'new_users',
  'returning_users',
  'retention_cohort',
  'abandonments',
  'conversions',
  'recoveries',
  'carts_started',
  'carts_emptied',
  'carts_bought',
  'cart_abandonment_rate_live',
  'cart_abandonment_rate_cohort',
  'cart_abandonment_rate_strict',
  'recovery_rate',
  'recovery_rate_cohort',
  'checkout_abandonment_rate',
  'abandoned_value',
  'recovered_value',
  'funnel_closed_s1',
  'funnel_closed_s2',
  'funnel_closed_s3',
  'funnel_closed_s4',
  'funnel_closed_rate_s2',
  'funnel_closed_rate_s3',
  'funnel_closed_rate_s4',
  'funnel_open_s1',
  'funnel_open_s2',
  'funnel_open_s3',
  'funnel_open_s4',
  'funnel_person_s1',
  'funnel_person_s2',
  'funnel_person_s3',
  'funnel_person_s4',
  'product_revenue',
  'product_units',
  'product_viewers',
  'product_adders',
  'add_to_cart_rate',
  'events',
  'late_events',
  'too_late_events',
  'bot_events',
  'test_events',
  'rejected_events',
  'duplicate_events',
] as const
export type MetricId = (typeof metricIds)[number]

export const everyGrain = ['minute', 'hour', 'day', 'week', 'month'] as const
export type Grain = (typeof everyGrain)[number]
/** Persons are counted by the quarter of an hour, so they have no figure per minute. */
export const dayGrains: readonly Grain[] = ['hour', 'day', 'week', 'month']

/** `minor`: money in minor units of one currency. */
export type Unit = 'count' | 'minor' | 'ratio' | 'ms'

export const dimensions = [
  'currency',
  'country',
  'device',
  'campaign_source',
  'campaign_medium',
  'campaign_name',
  'payment_method',
  'coupon',
  'product',
  'brand',
  'category',
  'price_band',
  'state',
  'stage',
  'duration_band',
  'event_band',
  'name',
  'dialect',
  'source',
  'reason',
  'months_since',
] as const
export type Dimension = (typeof dimensions)[number]
export const placeDimensions: readonly Dimension[] = [
  'country',
  'device',
  'campaign_source',
  'campaign_medium',
  'campaign_name',
]

/** A sum over rows of one relation, each counted at the time in column `at`. */
export interface Measure {
  relation: RelationName
  at: string
  /** Conditions that read the same in both dialects. */
  where?: string
  /** `count` rows, `sum` or `median` a column, or count the `distinct` values of one. */
  aggregate: 'count' | { sum: string } | { distinct: string } | { median: string }
  /** -1 takes it off: net is gross minus refunds. */
  sign?: -1
}

export interface Metric {
  title: string
  /** The definition for people, as events.md 2.7 words it. */
  formula: string
  unit: Unit
  /** More than one: they are added up with their signs. */
  numerator: readonly Measure[]
  denominator?: readonly Measure[]
  /** The value is (denominator - numerator) / denominator. */
  complement?: true
  grains: readonly Grain[]
  dimensions: readonly Dimension[]
  /** Money: never added over currencies. */
  perCurrency: boolean
  /** How long after its end a bucket may still change although nothing is late. */
  settles: 'at once' | 'with its sessions' | 'with its carts'
}

/** One cell of an answer. Numerator and denominator are integers; value is null where there is nothing to divide by. */
export interface Figure {
  value: number | null
  numerator: number
  denominator: number | null
}

export interface Bucket extends Figure {
  from: string
  to: string
  /** May still change although nothing is late. */
  provisional: boolean
}

export interface MetricAnswer extends Figure {
  id: MetricId
  title: string
  formula: string
  unit: Unit
  from: string
  to: string
  zone: string
  grain: Grain | null
  /** The one currency the figures are in; null where there is no money in them, or where they are split by it. */
  currency: string | null
  /** Currencies that occur in the range; only for money. */
  currencies: string[]
  /** Empty without a grain; every bucket of the range, also those where nothing happened. */
  buckets: Bucket[]
  /** Values of the dimension asked for, the largest numerator first. */
  by: (Figure & { key: string | null; buckets: Bucket[] })[]
  /** From here on figures may still change although nothing is late; null: nothing is provisional. */
  provisionalFrom: string | null
  watermark: string | null
  /** Newest `_seq` the answer has seen. */
  asOfSeq: number
  sql: { duckdb: string; bigquery: string }
}

/** The registry as `GET /v1/metrics` lists it. */
export interface MetricListing {
  id: MetricId
  title: string
  formula: string
  unit: Unit
  isRatio: boolean
  grains: readonly Grain[]
  dimensions: readonly Dimension[]
  perCurrency: boolean
}
