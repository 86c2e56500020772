// What figures are computed from: named relations over the history tables, the same in DuckDB and in BigQuery.
//
//   rollups   small derived tables. Locally history keeps them up to date in the transaction of the rows; in BigQuery,
//             and as the check of the local ones, they are the views below. Both give the same rows.
//   counted_* what counts: no test events, no visitor with any bot event or with a bot's pace (R24). A person is the
//             retroactive one (R2): the event's own user, else the last user its anonymousId was ever linked to.

import { dayMs, minuteMs } from '../../base/units.ts'
import { currentTables, eventsView, isActivity, isLink, t3Columns, visitorSql } from './derived.ts'
import type { Dialect } from './dialect.ts'
import type { Settings } from '../settings.ts'

/** Derived tables that DuckDB stores; their definition is the proof of what is stored. */
export const rollupNames = [
  'visitor_links',
  'bot_visitors',
  'activity',
  'product_interest',
] as const
export type RollupName = (typeof rollupNames)[number]

export const relationNames = [
  'counted_sessions',
  'counted_carts',
  'cart_amounts',
  'recovered_carts',
  'counted_orders',
  'counted_lines',
  'counted_refunds',
  'counted_activity',
  'first_activity',
  'counted_interest',
  'cohort_orders',
  'person_funnel',
  'events_stored',
  'rejected_events',
] as const
export type RelationName = (typeof relationNames)[number]

/** What rollups count by. */
export const quarterMs = 15 * minuteMs

export interface Context {
  dialect: Dialect
  settings: Settings
  /** What rollups read instead of all events. */
  events?: string
}

type Sql = (context: Context) => string

/** R2, retroactive; needs visitor_links joined as l. */
const stitched = (alias: string): string =>
  `coalesce('u:' || ${alias}.user_id, 'u:' || l.user_id, 'a:' || ${alias}.anonymous_id)`

const noBots = (alias: string): string =>
  `LEFT JOIN bot_visitors AS b ON b.visitor = ${visitorSql(alias)}`

const links = (alias: string): string =>
  `LEFT JOIN visitor_links AS l ON l.anonymous_id = ${alias}.anonymous_id`

export const rollups: Record<RollupName, Sql> = {
  visitor_links: ({ dialect }) => `
    SELECT anonymous_id, user_id
    FROM (
      SELECT e.anonymous_id, e.user_id, row_number() OVER (
        PARTITION BY e.anonymous_id ORDER BY ${t3Columns('e', 'DESC')}) AS newest
      FROM events_stored AS e
      WHERE ${isLink('e', dialect)}) AS ranked
    WHERE newest = 1`,

  bot_visitors: (context) => `
    SELECT ${visitorSql('e')} AS visitor
    FROM events_stored AS e
    WHERE e.is_bot AND NOT ${context.dialect.holds('e.flags', 'noConsent')}
    UNION DISTINCT ${fastVisitors(context)}`,

  activity: (context) => activityOf(context, 'quarter'),

  product_interest: (context) => interestOf(context, 'quarter'),
}

/** Who was active when; by the quarter of an hour, or each time. */
function activityOf(context: Context, by: 'quarter' | 'event'): string {
  const { dialect, settings, events = 'events_stored' } = context
  return `
    SELECT ${momentOf(by, dialect)} AS quarter, e.anonymous_id, e.user_id, e.country, e.device
    FROM ${events} AS e
    WHERE ${isActivity('e', dialect, settings)}`
}

/** Who looked at or added which product when. */
function interestOf(context: Context, by: 'quarter' | 'event'): string {
  const { dialect, settings, events = 'events_stored' } = context
  return `
    SELECT ${momentOf(by, dialect)} AS quarter, item.productId AS product_id, e.name, e.anonymous_id, e.user_id
    FROM ${events} AS e ${dialect.unnest('e.items', 'item')}
    WHERE e.name IN ('view_item', 'add_to_cart') AND ${isActivity('e', dialect, settings)}`
}

const momentOf = (by: 'quarter' | 'event', dialect: Dialect): string =>
  by === 'quarter' ? `DISTINCT ${dialect.floor('e.event_time', 'quarter')}` : 'e.event_time'

/** R24: more events in one UTC minute than a person makes. */
export function fastVisitors(context: Context): string {
  const { dialect, settings, events = 'events_stored' } = context
  return `
    SELECT visitor
    FROM (
      SELECT ${visitorSql('e')} AS visitor, ${dialect.floor('e.event_time', 'minute')} AS minute
      FROM ${events} AS e
      WHERE ${countsForPace('e', context)}
      GROUP BY 1, 2
      HAVING count(*) > ${settings.botEventsPerMinute}) AS fast`
}

/** R24: what the pace of a visitor is judged by. */
export function countsForPace(alias: string, { dialect, settings }: Context): string {
  const servers = settings.serverSources.map((source) => dialect.text(source)).join(', ')
  return [
    `NOT ${alias}.is_too_late`,
    `NOT ${alias}.is_test`,
    ...(servers === '' ? [] : [`${alias}.source NOT IN (${servers})`]),
    `NOT ${dialect.holds(`${alias}.flags`, 'noConsent')}`,
  ].join(' AND ')
}

/**
 * The proof of `sessions.funnel_step`: the funnel of each session (2.7), folded from events again. A step counts when
 * it comes after the step before it in T3 order; `rn` is an event's place in its session, so that "after" is a
 * comparison of two numbers.
 */
export function sessionSteps({ dialect, settings }: Context): string {
  return `
    WITH steps AS (
      SELECT s.session_key, e.name, e.order_id,
        row_number() OVER (PARTITION BY s.session_key ORDER BY ${t3Columns('e')}) AS rn,
        row_number() OVER (
          PARTITION BY ${visitorSql('e')}, e.name, e.order_id ORDER BY ${t3Columns('e')}) AS nth_of_order
      FROM sessions AS s
      JOIN events_stored AS e
        ON ${visitorSql('e')} = ${visitorSql('s')} AND e.event_time BETWEEN s.started_at AND s.ended_at
      WHERE e.name IN ('view_item', 'add_to_cart', 'begin_checkout', 'purchase')
        AND ${isActivity('e', dialect, settings)}),
    viewed AS (SELECT session_key, min(rn) AS rn FROM steps WHERE name = 'view_item' GROUP BY 1),
    added AS (
      SELECT s.session_key, min(s.rn) AS rn FROM steps AS s JOIN viewed AS v ON v.session_key = s.session_key
      WHERE s.name = 'add_to_cart' AND s.rn > v.rn GROUP BY 1),
    checked_out AS (
      SELECT s.session_key, min(s.rn) AS rn FROM steps AS s JOIN added AS a ON a.session_key = s.session_key
      WHERE s.name = 'begin_checkout' AND s.rn > a.rn GROUP BY 1),
    bought AS (
      SELECT s.session_key, min(s.rn) AS rn FROM steps AS s JOIN checked_out AS c ON c.session_key = s.session_key
      WHERE s.name = 'purchase' AND s.nth_of_order = 1 AND s.rn > c.rn GROUP BY 1),
    reached AS (SELECT DISTINCT session_key FROM steps)
    SELECT reached.session_key,
      CASE WHEN bought.rn IS NOT NULL THEN 4 WHEN checked_out.rn IS NOT NULL THEN 3
        WHEN added.rn IS NOT NULL THEN 2 WHEN viewed.rn IS NOT NULL THEN 1 ELSE 0 END AS funnel_step
    FROM reached
    LEFT JOIN viewed ON viewed.session_key = reached.session_key
    LEFT JOIN added ON added.session_key = reached.session_key
    LEFT JOIN checked_out ON checked_out.session_key = reached.session_key
    LEFT JOIN bought ON bought.session_key = reached.session_key`
}

/** How far each person came from the first view_item in the window, with steps less than seven days after it (2.7). */
export function personFunnel({ dialect, settings }: Context, fromMs: number, toMs: number): string {
  const next = (name: string, after: string, only = '') => `
      SELECT s.person, min(s.rn) AS rn FROM steps AS s
      JOIN viewed AS v ON v.person = s.person JOIN ${after} AS p ON p.person = s.person
      WHERE s.name = '${name}'${only} AND s.rn > p.rn AND s.event_time < ${dialect.plusMs('v.event_time', 7 * dayMs)}
      GROUP BY 1`
  return `
    WITH steps AS (
      SELECT ${stitched('e')} AS person, e.name, e.event_time,
        row_number() OVER (PARTITION BY ${stitched('e')} ORDER BY ${t3Columns('e')}) AS rn,
        row_number() OVER (
          PARTITION BY ${stitched('e')}, e.name, e.order_id ORDER BY ${t3Columns('e')}) AS nth_of_order
      FROM events_stored AS e ${links('e')} ${noBots('e')}
      WHERE e.name IN ('view_item', 'add_to_cart', 'begin_checkout', 'purchase') AND b.visitor IS NULL
        AND ${isActivity('e', dialect, settings)}),
    viewed AS (
      SELECT person, min(rn) AS rn, min(event_time) AS event_time FROM steps
      WHERE name = 'view_item' AND event_time >= ${dialect.timestamp(fromMs)} AND event_time < ${dialect.timestamp(toMs)}
      GROUP BY 1),
    added AS (${next('add_to_cart', 'viewed')}),
    checked_out AS (${next('begin_checkout', 'added')}),
    bought AS (${next('purchase', 'checked_out', ' AND s.nth_of_order = 1')})
    SELECT viewed.event_time AS moment, viewed.person,
      CASE WHEN bought.rn IS NOT NULL THEN 4 WHEN checked_out.rn IS NOT NULL THEN 3
        WHEN added.rn IS NOT NULL THEN 2 ELSE 1 END AS step
    FROM viewed
    LEFT JOIN added ON added.person = viewed.person
    LEFT JOIN checked_out ON checked_out.person = viewed.person
    LEFT JOIN bought ON bought.person = viewed.person`
}

const bands = (column: string, edges: readonly [number, string][], rest: string): string =>
  `CASE ${edges.map(([below, label]) => `WHEN ${column} < ${below} THEN '${label}'`).join(' ')} ELSE '${rest}' END`

const durationBand = bands(
  's.duration_ms',
  [
    [1, '0'],
    [10_000, '< 10 s'],
    [60_000, '10 s - 1 min'],
    [300_000, '1 - 5 min'],
    [900_000, '5 - 15 min'],
    [1_800_000, '15 - 30 min'],
    [3_600_000, '30 - 60 min'],
  ],
  '> 60 min',
)

const eventBand = bands(
  's.event_count',
  [
    [2, '1'],
    [4, '2 - 3'],
    [8, '4 - 7'],
    [16, '8 - 15'],
    [32, '16 - 31'],
    [64, '32 - 63'],
  ],
  '64 +',
)

const priceBand = bands(
  'n.unit_price_minor',
  [
    [1000, '< 10'],
    [2000, '10 - 20'],
    [3000, '20 - 30'],
    [5000, '30 - 50'],
    [10_000, '50 - 100'],
  ],
  '100 +',
)

export const countedRelations: Record<
  Exclude<RelationName, 'events_stored' | 'rejected_events' | 'person_funnel'>,
  Sql
> = {
  counted_sessions: () => `
    SELECT s.session_key, s.started_at, s.ended_at, s.duration_ms, s.orders, s.engaged, s.is_closed, s.country, s.device,
      s.campaign_source, s.campaign_medium, s.campaign_name,
      ${durationBand} AS duration_band, ${eventBand} AS event_band,
      s.product_views, s.adds, s.checkouts, coalesce(s.funnel_step, 0) AS funnel_step
    FROM sessions AS s
    ${noBots('s')}
    WHERE b.visitor IS NULL`,

  // A purchase in an episode that goes on from an abandoned one recovered that one: it is no conversion (C).
  counted_carts: () => `
    SELECT c.*, coalesce(c.recovered_at, c.closed_at) AS bought_at,
      c.state IN ('abandoned', 'recovered', 'lost') AS is_abandonment,
      c.state = 'converted' AND NOT coalesce(c.after_abandonment, FALSE) AS is_conversion
    FROM carts AS c
    LEFT JOIN bot_visitors AS b ON b.visitor = coalesce('a:' || c.anonymous_id, c.person_id)
    WHERE b.visitor IS NULL`,

  cart_amounts: ({ dialect }) => `
    SELECT c.abandoned_at, c.state, c.stage, c.country, c.device, c.campaign_source, c.campaign_medium, c.campaign_name,
      amount.currency AS currency, amount.valueMinor AS value_minor
    FROM counted_carts AS c ${dialect.unnest('c.value_by_currency', 'amount')}
    WHERE c.is_abandonment`,

  recovered_carts: () => `
    SELECT c.recovered_at, c.recovered_value_minor, c.recovered_currency AS currency, c.state, c.stage, c.country, c.device,
      c.campaign_source, c.campaign_medium, c.campaign_name
    FROM counted_carts AS c
    WHERE c.state = 'recovered'`,

  // Of no person: orders without consent, and those too late for figures about people (1.6, T1).
  counted_orders: ({ dialect, settings }) => `
    SELECT o.*,
      CASE WHEN o.anonymous_id = 'no-consent' OR ${dialect.msBetween('o.ordered_at', 'o.received_at')} > ${settings.allowedLatenessMs}
        THEN NULL ELSE ${stitched('o')} END AS person
    FROM orders AS o ${links('o')} ${noBots('o')}
    WHERE NOT o.is_bot AND NOT o.is_test AND b.visitor IS NULL`,

  counted_lines: () => `
    SELECT n.ordered_at, n.product_id AS product, n.name, n.brand, n.category, n.quantity, n.net_minor, n.currency,
      ${priceBand} AS price_band, o.country, o.device, o.campaign_source, o.campaign_medium, o.campaign_name
    FROM order_lines AS n JOIN counted_orders AS o ON o.order_id = n.order_id`,

  counted_refunds: () => `
    SELECT r.*, o.ordered_at, o.country, o.device, o.campaign_source, o.campaign_medium, o.campaign_name
    FROM refunds AS r LEFT JOIN counted_orders AS o ON o.order_id = r.order_id ${noBots('r')}
    WHERE NOT r.is_bot AND NOT r.is_test AND b.visitor IS NULL AND (r.is_orphan OR o.order_id IS NOT NULL)`,

  counted_activity: () => counted.counted_activity('activity'),

  first_activity: () =>
    `SELECT person, min(moment) AS moment FROM counted_activity GROUP BY person`,

  counted_interest: () => counted.counted_interest('product_interest'),

  cohort_orders: () => `
    SELECT f.first_at AS moment, o.person, o.ordered_at
    FROM counted_orders AS o
    JOIN (SELECT person, min(ordered_at) AS first_at FROM counted_orders WHERE person IS NOT NULL GROUP BY person) AS f
      ON f.person = o.person`,
}

/** What counts of rows as a rollup by quarters has them. */
const counted: Record<ByQuarter, (rows: string) => string> = {
  counted_activity: (rows) => `
    SELECT a.quarter AS moment, ${stitched('a')} AS person, a.country, a.device
    FROM ${rows} AS a ${links('a')} ${noBots('a')}
    WHERE b.visitor IS NULL`,

  counted_interest: (rows) => `
    SELECT a.quarter AS moment, a.product_id AS product, a.name, ${stitched('a')} AS person
    FROM ${rows} AS a ${links('a')} ${noBots('a')}
    WHERE b.visitor IS NULL`,
}

type ByQuarter = 'counted_activity' | 'counted_interest'

/**
 * A relation by quarters, but for some quarters event by event: a window cuts them. Before anything is joined or unnested it
 * is told which events those are. Neither system would find that out by itself, and both would read every event there is.
 */
export function withEventsOf(name: ByQuarter, quarters: readonly number[], context: Context) {
  const { dialect } = context
  const [rollup, eventsOf] =
    name === 'counted_activity'
      ? (['activity', activityOf] as const)
      : (['product_interest', interestOf] as const)
  const bounds = quarters.map((ms) => [dialect.timestamp(ms), dialect.timestamp(ms + quarterMs)])
  const isOutside = bounds.map(([from, to]) => `(r.quarter < ${from} OR r.quarter >= ${to})`)
  const inside = bounds.map(([from, to]) => {
    const events = `(SELECT * FROM events_stored WHERE event_time >= ${from} AND event_time < ${to})`
    return eventsOf({ ...context, events }, 'event')
  })
  const outside = `SELECT * FROM ${rollup} AS r WHERE ${isOutside.join(' AND ')}`
  return `(${counted[name](`(${[outside, ...inside].join(' UNION ALL ')})`)})`
}

export interface NamedSql {
  name: string
  sql: string
}

/** Views in the order in which they can be created. Locally the rollups are tables; BigQuery derives them too. */
export function viewsOf(dialect: Dialect, settings: Settings): NamedSql[] {
  const context = { dialect, settings }
  const named = (table: Record<string, Sql>): NamedSql[] =>
    Object.entries(table).map(([name, sql]) => ({ name, sql: sql(context).trim() }))
  const events = { name: 'events', sql: eventsView(dialect, settings) }
  const counted = [events, ...named(countedRelations)]
  return dialect.name === 'duckdb' ? counted : [...currentTables(), ...named(rollups), ...counted]
}
