// What is derived from stored columns by visitor and time: the order T3 in SQL, which events are activity (R12) or
// links (R2), the view `events` with person, session and cart, and the current tables behind the logs.

import { cartEventNames, inactiveEventNames } from '../events.ts'
import { rankByName } from '../order.ts'
import { derivedEventColumns, logName, tableNames, tables } from '../tables.ts'
import type { TableName } from '../tables.ts'
import type { Settings } from '../settings.ts'
import type { Dialect } from './dialect.ts'
import type { NamedSql } from './relations.ts'

const rankSql = (alias: string): string => {
  const cases = Object.entries(rankByName).map(([name, rank]) => `WHEN '${name}' THEN ${rank}`)
  return `CASE ${alias}.name ${cases.join(' ')} END`
}

/** T3: time, events with `seq` before those without, `seq`, rank of name, eventId, source. Text compares by bytes. */
export function t3Columns(alias: string, direction: 'ASC' | 'DESC' = 'ASC'): string {
  return [
    `${alias}.event_time`,
    `CASE WHEN ${alias}.producer_seq IS NULL THEN 1 ELSE 0 END`,
    `coalesce(${alias}.producer_seq, 0)`,
    rankSql(alias),
    `${alias}.event_id`,
    `${alias}.source`,
  ]
    .map((column) => (direction === 'ASC' ? column : `${column} DESC`))
    .join(', ')
}

/** Neither bot nor test nor without consent, and not too late: what R12 asks of activity and R2 of a link. */
function isPersons(alias: string, dialect: Dialect): string {
  return `NOT ${alias}.is_bot AND NOT ${alias}.is_test AND NOT ${alias}.is_too_late AND NOT ${dialect.holds(`${alias}.flags`, 'noConsent')}`
}

/** R12. Page pings arrive as custom. */
export function isActivity(alias: string, dialect: Dialect, settings: Settings): string {
  const servers = settings.serverSources.map((source) => dialect.text(source)).join(', ')
  const notServer = servers === '' ? '' : ` AND ${alias}.source NOT IN (${servers})`
  return `${alias}.name NOT IN ('${inactiveEventNames.join("', '")}') AND ${isPersons(alias, dialect)}${notServer}`
}

/** R2: both identities; server-only events link too. */
export function isLink(alias: string, dialect: Dialect): string {
  return `${alias}.anonymous_id IS NOT NULL AND ${alias}.user_id IS NOT NULL AND ${isPersons(alias, dialect)}`
}

/** S1: whose an event is, and whose a session. */
export const visitorSql = (alias: string): string =>
  `coalesce('a:' || ${alias}.anonymous_id, 'u:' || ${alias}.user_id)`

/** What `events` is derived from. */
export interface EventSources {
  events: string
  sessions: string
}

const everything: EventSources = { events: 'events_stored', sessions: 'sessions' }

/** The view `events`: stored columns and what is derived (interfaces.md 4). */
export function eventsView(dialect: Dialect, settings: Settings): string {
  const derived = Object.keys(derivedEventColumns).map((column) => `d.${column}`)
  return `
    SELECT ${storedNames('e')}, ${derived.join(', ')}
    FROM events_stored AS e JOIN (${derivedEvents(dialect, settings)}) AS d ON d._seq = e._seq`
}

/**
 * What is derived of events, by their `_seq`. Of a visitor's events all are needed, or none: what is derived of one goes by
 * the others. Sorted are the few columns that it takes; long texts would be sorted with them.
 */
export function derivedEvents(
  dialect: Dialect,
  settings: Settings,
  { events, sessions }: EventSources = everything,
): string {
  const byVisitor = `PARTITION BY e.anonymous_id ORDER BY ${t3Columns('e')}`
  const linkUser = `CASE WHEN ${isLink('e', dialect)} THEN e.user_id END`
  const nobody = dialect.holds('p.flags', 'noConsent')
  const person = (linked: string) =>
    `CASE WHEN ${nobody} THEN NULL ELSE coalesce('u:' || p.user_id, 'u:' || ${linked}, 'a:' || p.anonymous_id) END`
  return `
    WITH linked AS (
      SELECT e._seq, e.source, e.event_id, e.name, e.event_time, e.producer_seq, e.anonymous_id, e.user_id, e.cart_id, e.flags,
        CASE WHEN e.anonymous_id IS NOT NULL THEN last_value(${linkUser} IGNORE NULLS) OVER (${byVisitor}
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) END AS linked_user,
        l.user_id AS last_user, ${isPersons('e', dialect)} AS is_persons, ${isActivity('e', dialect, settings)} AS is_activity
      FROM ${events} AS e LEFT JOIN visitor_links AS l ON l.anonymous_id = e.anonymous_id),
    placed AS (
      SELECT p.*, s.session_key, s.started_at AS session_started_at,
        ${person('p.linked_user')} AS person_id, ${person('p.last_user')} AS stitched_person_id
      FROM linked AS p
      LEFT JOIN ${sessions} AS s
        ON CASE WHEN p.is_activity THEN ${visitorSql('p')} END = ${visitorSql('s')}
        AND p.event_time BETWEEN s.started_at AND s.ended_at)
    SELECT e._seq, e.person_id, e.stitched_person_id, e.session_key,
      CASE WHEN e.session_key IS NOT NULL THEN row_number() OVER (
        PARTITION BY e.session_key ORDER BY ${t3Columns('e')}) END AS session_event_number,
      ${dialect.msBetween('e.session_started_at', 'e.event_time')} AS session_elapsed_ms,
      CASE WHEN e.name IN ('${cartEventNames.join("', '")}') AND e.is_persons
        THEN coalesce('c:' || e.cart_id, e.person_id) END AS cart_key
    FROM placed AS e`
}

function storedNames(alias: string): string {
  const own = Object.keys(tables.events.columns)
  const meta = ['_seq', '_epoch', '_kafka_topic', '_kafka_partition', '_kafka_offset']
  return [...own, ...meta].map((column) => `${alias}.${column}`).join(', ')
}

/**
 * In BigQuery all that is shipped lies in logs, of every epoch. The plain names are views of the newest epoch: of keyed
 * tables the newest undeleted version of each key, of the others every row.
 */
export function currentTables(): NamedSql[] {
  const logs = tableNames.map((name) => `SELECT max(_epoch) AS epoch FROM ${logName(name)}`)
  const newestEpoch = {
    name: 'newest_epoch',
    sql: `SELECT max(epoch) AS epoch FROM (${logs.join(' UNION ALL ')}) AS each`,
  }
  return [newestEpoch, ...tableNames.map(currentTable)]
}

const ofNewestEpoch = '_epoch = (SELECT epoch FROM newest_epoch)'

function currentTable(name: TableName): NamedSql {
  const { kind, key } = tables[name]
  const log = logName(name)
  if (kind === 'once') {
    const sql = `SELECT * FROM ${log} WHERE ${ofNewestEpoch}`
    // `events` is the view that derives person, session and cart.
    return { name: name === 'events' ? 'events_stored' : name, sql }
  }
  const newest = `row_number() OVER (PARTITION BY ${key.join(', ')} ORDER BY _seq DESC)`
  const sql = `SELECT * EXCEPT (_newest, _deleted) FROM (
      SELECT *, ${newest} AS _newest FROM ${log} WHERE ${ofNewestEpoch}) AS versions
    WHERE _newest = 1 AND NOT _deleted`
  return { name, sql }
}
