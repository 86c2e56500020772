// What the explained timeline of one cart is told from: the events of everybody who ever named the cart or is tied to
// them by a login, with the prices and sessions they have, and the verdicts that were published.

import type { DuckDBConnection } from '@duckdb/node-api'
import { OperatingError } from '#stack/base/errors.ts'
import { isoTime } from '#stack/base/units.ts'
import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import type { EnrichedEvent, ShopEvent } from '#stack/contract/events.ts'
import { visitorOf } from '#stack/contract/ids.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { isActivity } from '#stack/contract/metrics/derived.ts'
import type { KnownEvent } from '../../why/gather.ts'
import { explainCart } from '../../why/story.ts'
import type { CartStory } from '../../why/story.ts'
import type { History } from '../history-file.ts'
import { plainRows, textList } from '../sql.ts'

/** Who is tied to a cart grows with every login; nobody logs in on so many devices. */
const roundsMax = 6
const eventsMax = 50_000

export async function answerWhy(
  { database, settings }: History,
  cartKey: string,
  watermarkMs: number | null,
): Promise<CartStory | null> {
  return database.read(async (connection) => {
    const events = await eventsAround(connection, cartKey, settings)
    const verdicts = await verdictsOf(connection, cartKey)
    return explainCart(events, { cartKey, watermarkMs: watermarkMs ?? 0, settings, verdicts })
  })
}

const nearMax = 5
/** By Jaro and Winkler: 1 is equal. */
const nearLeast = 0.85

/** Keys of carts like a name that no cart has: of that person, with that order, or spelled alike. */
export async function cartsNear({ database }: History, name: string): Promise<string[]> {
  const id = name.replace(/^[auc]:/, '')
  const rows = await database.read((connection) =>
    plainRows(
      connection,
      `SELECT cart_key, likeness FROM (
         SELECT cart_key, max(CASE
           WHEN $2 IN (order_id, user_id, anonymous_id, cart_id) THEN 3
           WHEN contains(cart_key, $2) THEN 2
           ELSE jaro_winkler_similarity(cart_key, $1) END) AS likeness
         FROM carts GROUP BY cart_key) AS c
       WHERE likeness >= ${nearLeast} ORDER BY likeness DESC, cart_key LIMIT ${nearMax}`,
      [name, id],
    ),
  )
  const likeness = (row: (typeof rows)[number] | undefined): number => Number(row?.[1] ?? 0)
  // Beside one that is meant, those that are spelled alike are noise.
  const least = likeness(rows[0]) > 1 ? 2 : 0
  return rows.filter((row) => likeness(row) >= least).map(([cartKey]) => cartKey as string)
}

interface Circle {
  anonymous: Set<string>
  users: Set<string>
  carts: Set<string>
}

async function eventsAround(
  connection: DuckDBConnection,
  cartKey: string,
  settings: History['settings'],
): Promise<KnownEvent[]> {
  const circle = startOf(cartKey)
  for (let round = 0; round < roundsMax; round++) {
    if (!(await widen(connection, circle))) break
  }
  const rows = await plainRows(connection, eventsSql(settings), listsOf(circle))
  if (rows.length > eventsMax) {
    throw new OperatingError(`more than ${eventsMax} events are tied to ${cartKey}`, {
      hint: 'ask /v1/sql for the part of it that matters',
    })
  }
  const sessions = await sessionsOf(connection, circle)
  return rows.map((row) => knownEvent(row, sessions))
}

function startOf(cartKey: string): Circle {
  const of = (prefix: string) =>
    new Set(cartKey.startsWith(prefix) ? [cartKey.slice(prefix.length)] : [])
  return { anonymous: of('a:'), users: of('u:'), carts: of('c:') }
}

const isInCircle = `(e.anonymous_id IN (SELECT unnest($1)) OR e.user_id IN (SELECT unnest($2))
  OR e.cart_id IN (SELECT unnest($3)))`

/** Adds whoever shares an event with somebody in the circle; true when it grew. */
async function widen(connection: DuckDBConnection, circle: Circle): Promise<boolean> {
  const sizeOf = () => circle.anonymous.size + circle.users.size + circle.carts.size
  const before = sizeOf()
  const rows = await plainRows(
    connection,
    `SELECT DISTINCT e.anonymous_id, e.user_id, e.cart_id FROM events_stored AS e
     WHERE ${isInCircle} AND NOT list_contains(e.flags, 'noConsent')`,
    listsOf(circle),
  )
  for (const [anonymousId, userId, cartId] of rows) {
    if (anonymousId !== null) circle.anonymous.add(anonymousId as string)
    if (userId !== null) circle.users.add(userId as string)
    if (cartId !== null) circle.carts.add(cartId as string)
  }
  return sizeOf() > before
}

/** DuckDB cannot tell the type of an empty list; no id is empty. */
function listsOf({ anonymous, users, carts }: Circle) {
  return [anonymous, users, carts].map((ids) => textList(ids.size === 0 ? [''] : ids))
}

function eventsSql(settings: History['settings']): string {
  return `
    SELECT e.event_id, e.source, e.name, epoch_ms(e.event_time), epoch_ms(e.received_at), e.schema_version, e.dialect,
      e.anonymous_id, e.user_id, e.cart_id, e.producer_seq, e.campaign_source, e.campaign_medium, e.campaign_name,
      e.country, e.device, e.consent_marketing, to_json(e.flags), e.data, p.prices,
      ${isActivity('e', duckdb, settings)}
    FROM events_stored AS e LEFT JOIN list_prices AS p ON p._seq = e._seq
    WHERE ${isInCircle}
    ORDER BY e.received_at, e._seq LIMIT ${eventsMax + 1}`
}

interface Span {
  key: string
  visitor: string
  startMs: number
  endMs: number
}

async function sessionsOf(connection: DuckDBConnection, circle: Circle): Promise<Span[]> {
  const [anonymous, users] = listsOf(circle)
  const rows = await plainRows(
    connection,
    `SELECT session_key, coalesce('a:' || anonymous_id, 'u:' || user_id), epoch_ms(started_at), epoch_ms(ended_at)
     FROM sessions WHERE anonymous_id IN (SELECT unnest($1)) OR user_id IN (SELECT unnest($2))`,
    [anonymous as ReturnType<typeof textList>, users as ReturnType<typeof textList>],
  )
  return rows.map(([key, visitor, startMs, endMs]) => ({
    key: key as string,
    visitor: visitor as string,
    startMs: startMs as number,
    endMs: endMs as number,
  }))
}

type Row = readonly (string | number | boolean | null)[]

function knownEvent(row: Row, sessions: readonly Span[]): KnownEvent {
  const [eventId, source, name, timeMs, receivedMs, schemaVersion, dialect, ...rest] = row
  const [anonymousId, userId, cartId, seq, campaignSource, medium, campaignName, ...more] = rest
  const [country, device, marketing, flags, data, prices, isActive] = more
  const identity = {
    ...(anonymousId !== null && { anonymousId }),
    ...(userId !== null && { userId }),
  } as Pick<ShopEvent, 'anonymousId' | 'userId'>
  const campaign = {
    ...(campaignSource !== null && { source: campaignSource }),
    ...(medium !== null && { medium }),
    ...(campaignName !== null && { name: campaignName }),
  } as { source?: string; medium?: string; name?: string }
  const visitor = visitorOf(identity)
  const span = sessions.find(
    (each) =>
      each.visitor === visitor &&
      each.startMs <= (timeMs as number) &&
      (timeMs as number) <= each.endMs,
  )
  return {
    eventId: eventId as string,
    source: source as string,
    name: name as ShopEvent['name'],
    eventTime: isoTime(timeMs as number),
    receivedAt: isoTime(receivedMs as number),
    schemaVersion: schemaVersion as string,
    dialect: dialect as ShopEvent['dialect'],
    ...identity,
    ...(cartId !== null && { cartId: cartId as string }),
    ...(seq !== null && { seq: seq as number }),
    context: {
      ...(Object.keys(campaign).length > 0 && { campaign }),
      consent: { marketing: marketing as boolean | null },
    },
    data: JSON.parse(data as string) as ShopEvent['data'],
    flags: JSON.parse(flags as string) as NonNullable<ShopEvent['flags']>,
    country: country as string | null,
    device: device as EnrichedEvent['device'],
    ...(prices !== null && {
      listPrices: JSON.parse(prices as string) as NonNullable<EnrichedEvent['listPrices']>,
    }),
    sessionKey: isActive === true ? (span?.key ?? null) : null,
  }
}

async function verdictsOf(
  connection: DuckDBConnection,
  cartKey: string,
): Promise<AbandonmentRecord[]> {
  const rows = await plainRows(
    connection,
    'SELECT record FROM verdicts WHERE cart_key = $1 ORDER BY _kafka_partition, _kafka_offset',
    [cartKey],
  )
  return rows.map(([record]) => JSON.parse(record as string) as AbandonmentRecord)
}
