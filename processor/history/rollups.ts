// Rollups: small derived tables that figures read instead of events, kept up to date in the transaction of the rows.
// Their definition is SQL over the stored tables (stack/contract/metrics/relations.ts), and a test proves that what is
// kept equals what that SQL computes from scratch. Which rows are new is mostly known without asking DuckDB: what was
// never here is in no filter, what was here just now is remembered.

import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { minuteMs } from '#stack/base/units.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { fastVisitors } from '#stack/contract/metrics/relations.ts'
import { compareT3 } from '#stack/contract/order.ts'
import type { EventName } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { appendRows } from './columns.ts'
import type { Cell } from './columns.ts'
import { rowText } from './news.ts'
import type { News } from './news.ts'
import { KnownRows } from './sketches.ts'
import { numberList, plainRows, textList } from './sql.ts'

/** Which rows each rollup has. */
export interface RollupState {
  activity: KnownRows
  product_interest: KnownRows
  bot_visitors: KnownRows
}

interface Rollup {
  types: ('string' | 'timestamp')[]
  /** Its columns as plain values. */
  columns: string
}

const byQuarter: Record<'activity' | 'product_interest', Rollup> = {
  activity: {
    types: ['timestamp', 'string', 'string', 'string', 'string'],
    columns: 'epoch_ms(quarter), anonymous_id, user_id, country, device',
  },
  product_interest: {
    types: ['timestamp', 'string', 'string', 'string', 'string'],
    columns: 'epoch_ms(quarter), product_id, name, anonymous_id, user_id',
  },
}

/** What the file has, at start. */
export async function readRollups(connection: DuckDBConnection): Promise<RollupState> {
  const known = async (sql: string) => {
    const rows = new KnownRows()
    const result = await connection.stream(sql)
    for (;;) {
      const chunk = await result.fetchChunk()
      if (!chunk?.rowCount) return rows
      const columns = Array.from({ length: chunk.columnCount }, (_, column) =>
        chunk.getColumnValues(column),
      )
      for (let i = 0; i < chunk.rowCount; i++) rows.add(rowText(columns.map((of) => cell(of[i]))))
    }
  }
  return {
    activity: await known(`SELECT ${byQuarter.activity.columns} FROM activity`),
    product_interest: await known(
      `SELECT ${byQuarter.product_interest.columns} FROM product_interest`,
    ),
    bot_visitors: await known('SELECT visitor FROM bot_visitors'),
  }
}

function cell(value: DuckDBValue | undefined): Cell {
  return typeof value === 'bigint' ? Number(value) : (value as Cell)
}

interface Surroundings {
  settings: Settings
  state: RollupState
}

export async function updateRollups(
  connection: DuckDBConnection,
  news: News,
  { settings, state }: Surroundings,
): Promise<void> {
  await updateLinks(connection, news)
  await updateBots(connection, news, { settings, state })
  await addDistinct(connection, 'activity', news.activity, state)
  await addDistinct(connection, 'product_interest', news.productInterest, state)
}

/** R2, retroactive; the last link of each anonymousId in T3 order, whenever it arrives. */
async function updateLinks(connection: DuckDBConnection, { links }: News): Promise<void> {
  if (links.size === 0) return
  const newest = new Map([...links].map(([anonymousId, of]) => [anonymousId, of.newest]))
  const known = await plainRows(
    connection,
    `SELECT anonymous_id, epoch_ms(event_time), producer_seq, name, event_id, source
     FROM visitor_links WHERE anonymous_id IN (SELECT unnest($1))`,
    [textList(newest.keys())],
  )
  const replaced = new Set<string>()
  for (const [anonymousId, timeMs, seq, name, eventId, source] of known) {
    const before = {
      timeMs: timeMs as number,
      seq: seq === null ? undefined : (seq as number),
      name: name as EventName,
      eventId: eventId as string,
      source: source as string,
    }
    const link = newest.get(anonymousId as string)
    if (link && compareT3(link.ordered, before) < 0) newest.delete(anonymousId as string)
    else replaced.add(anonymousId as string)
  }
  if (replaced.size > 0) {
    await connection.run('DELETE FROM visitor_links WHERE anonymous_id IN (SELECT unnest($1))', [
      textList(replaced),
    ])
  }
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
  news: News,
  { settings, state: { bot_visitors: known } }: Surroundings,
): Promise<void> {
  const bots = new Set(news.bots)
  const suspects = new Map(news.suspects)
  const forget = (visitor: string) => {
    bots.delete(visitor)
    suspects.delete(visitor)
  }
  const unsure: string[] = []
  for (const visitor of new Set([...bots, ...suspects.keys()])) {
    const answer = known.has(rowText([visitor]))
    if (answer === 'yes') forget(visitor)
    if (answer === 'perhaps') unsure.push(visitor)
  }
  for (const visitor of await knownBots(connection, unsure)) {
    known.add(rowText([visitor]))
    forget(visitor)
  }
  for (const visitor of await provenFast(connection, suspects, settings)) bots.add(visitor)
  const rows = [...bots].map((visitor) => [visitor])
  await appendRows(connection, 'bot_visitors', ['string'], rows)
  for (const row of rows) known.add(rowText(row))
}

async function knownBots(
  connection: DuckDBConnection,
  visitors: readonly string[],
): Promise<string[]> {
  if (visitors.length === 0) return []
  const rows = await plainRows(
    connection,
    'SELECT visitor FROM bot_visitors WHERE visitor IN (SELECT unnest($1))',
    [textList(visitors)],
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

/** Adds the rows that are not there yet; only those of the same quarter could be equal. */
async function addDistinct(
  connection: DuckDBConnection,
  name: 'activity' | 'product_interest',
  rows: ReadonlyMap<string, Cell[]>,
  state: RollupState,
): Promise<void> {
  const { types, columns } = byQuarter[name]
  const known = state[name]
  const fresh = new Map<string, Cell[]>()
  const quarters = new Set<number>()
  for (const [text, row] of rows) {
    const answer = known.has(text)
    if (answer === 'yes') continue
    fresh.set(text, row)
    if (answer === 'perhaps') quarters.add(row[0] as number)
  }
  if (quarters.size > 0) {
    const there = await plainRows(
      connection,
      // DuckDB passes over what is outside of the range without reading it.
      `SELECT ${columns} FROM ${name} WHERE epoch_ms(quarter) IN (SELECT unnest($1))
       AND quarter BETWEEN ${duckdb.timestamp(Math.min(...quarters))} AND ${duckdb.timestamp(Math.max(...quarters))}`,
      [numberList(quarters)],
    )
    for (const row of there) {
      const text = rowText(row)
      if (fresh.delete(text)) known.add(text)
    }
  }
  await appendRows(connection, name, types, [...fresh.values()])
  for (const text of fresh.keys()) known.add(text)
}
