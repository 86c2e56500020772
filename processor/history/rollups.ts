// Rollups: small derived tables that figures read instead of events, kept up to date in the transaction of the rows.
// Their definition is SQL over the stored tables (stack/contract/metrics/relations.ts), and a test proves that what is
// kept equals what that SQL computes from scratch.

import type { DuckDBConnection } from '@duckdb/node-api'
import { minuteMs } from '#stack/base/units.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { fastVisitors, rollups } from '#stack/contract/metrics/relations.ts'
import { compareT3 } from '#stack/contract/order.ts'
import type { EventName } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { PendingEvent } from './batch.ts'
import { appendRows } from './columns.ts'
import type { PaceSketch } from './sketches.ts'
import { plainRows, textList } from './sql.ts'

interface News {
  events: readonly PendingEvent[]
  /** Rows above are this transaction's. */
  sinceSeq: number
  settings: Settings
  pace: PaceSketch
}

export async function updateRollups(connection: DuckDBConnection, news: News): Promise<void> {
  if (news.events.length === 0) return
  await updateLinks(connection, news)
  await updateBots(connection, news)
  await addDistinct(connection, 'activity', news)
  await addDistinct(connection, 'product_interest', news)
}

/** R2, retroactive: the last link of each anonymousId in T3 order, whenever it arrives. */
async function updateLinks(connection: DuckDBConnection, { events }: News): Promise<void> {
  const newest = new Map<string, PendingEvent>()
  for (const event of events) {
    const { isLink, anonymousId, ordered } = event
    if (!isLink || anonymousId === null) continue
    const before = newest.get(anonymousId)
    if (!before || compareT3(ordered, before.ordered) > 0) newest.set(anonymousId, event)
  }
  if (newest.size === 0) return
  const known = await plainRows(
    connection,
    `SELECT anonymous_id, epoch_ms(event_time), producer_seq, name, event_id, source
     FROM visitor_links WHERE anonymous_id IN (SELECT unnest($1))`,
    [textList(newest.keys())],
  )
  for (const [anonymousId, timeMs, seq, name, eventId, source] of known) {
    const before = {
      timeMs: timeMs as number,
      seq: seq === null ? undefined : (seq as number),
      name: name as EventName,
      eventId: eventId as string,
      source: source as string,
    }
    const event = newest.get(anonymousId as string)
    if (event && compareT3(event.ordered, before) < 0) newest.delete(anonymousId as string)
  }
  if (newest.size === 0) return
  await connection.run('DELETE FROM visitor_links WHERE anonymous_id IN (SELECT unnest($1))', [
    textList(newest.keys()),
  ])
  const rows = [...newest.values()].map(({ anonymousId, userId, ordered }) => [
    anonymousId,
    userId,
    ordered.timeMs,
    ordered.seq ?? null,
    ordered.name,
    ordered.eventId,
    ordered.source,
  ])
  await appendRows(connection, 'visitor_links', linkTypes, rows)
}

const linkTypes = [
  'string',
  'string',
  'timestamp',
  'integer',
  'string',
  'string',
  'string',
] as const

/** R24: whom a bot event names, and whoever was faster than a person in one minute; for ever. */
async function updateBots(
  connection: DuckDBConnection,
  { events, settings, pace }: News,
): Promise<void> {
  const bots = new Set<string>()
  const suspects = new Map<string, number>()
  for (const { visitor, isBot, isNobody, hasPace, ordered } of events) {
    if (isBot && !isNobody) bots.add(visitor)
    const minute = Math.floor(ordered.timeMs / minuteMs)
    if (hasPace && pace.count(visitor, minute) > settings.botEventsPerMinute) {
      suspects.set(visitor, minute)
    }
  }
  const named = new Set([...bots, ...suspects.keys()])
  if (named.size === 0) return
  for (const visitor of await knownBots(connection, named)) {
    bots.delete(visitor)
    suspects.delete(visitor)
  }
  for (const visitor of await provenFast(connection, suspects, settings)) bots.add(visitor)
  const rows = [...bots].map((visitor) => [visitor])
  await appendRows(connection, 'bot_visitors', ['string'], rows)
}

async function knownBots(connection: DuckDBConnection, named: Iterable<string>): Promise<string[]> {
  const rows = await plainRows(
    connection,
    'SELECT visitor FROM bot_visitors WHERE visitor IN (SELECT unnest($1))',
    [textList(named)],
  )
  return rows.map(([visitor]) => visitor as string)
}

/** The sketch only suspects, since collisions add up: the minutes in question are counted. */
async function provenFast(
  connection: DuckDBConnection,
  suspects: ReadonlyMap<string, number>,
  settings: Settings,
): Promise<string[]> {
  if (suspects.size === 0) return []
  const minutes = [...suspects.values()].sort((a, b) => a - b)
  const since = duckdb.timestamp((minutes[0] as number) * minuteMs)
  const until = duckdb.timestamp(((minutes.at(-1) as number) + 1) * minuteMs)
  const events = `(SELECT * FROM events_stored WHERE event_time >= ${since} AND event_time < ${until})`
  const rows = await plainRows(
    connection,
    `SELECT DISTINCT visitor FROM (${fastVisitors({ dialect: duckdb, settings, events })})
     WHERE visitor IN (SELECT unnest($1))`,
    [textList(suspects.keys())],
  )
  return rows.map(([visitor]) => visitor as string)
}

/** Adds the distinct rows of this transaction's events that are not there yet; those could only be of the same time. */
async function addDistinct(
  connection: DuckDBConnection,
  name: 'activity' | 'product_interest',
  { events, sinceSeq, settings }: News,
): Promise<void> {
  const firstMs = events.reduce((least, { ordered }) => Math.min(least, ordered.timeMs), Infinity)
  const source = `(SELECT * FROM events_stored WHERE _seq > ${sinceSeq})`
  const fresh = rollups[name]({ dialect: duckdb, settings, events: source })
  const since = duckdb.floor(duckdb.timestamp(firstMs), 'quarter')
  await connection.run(
    `INSERT INTO ${name} ${fresh} EXCEPT SELECT * FROM ${name} WHERE quarter >= ${since}`,
  )
}
