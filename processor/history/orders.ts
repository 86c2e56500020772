// Orders, their lines and refunds: insert, fold again, publish the difference. Whatever may change an order (a purchase
// or refund that names it, a cart that it closed, the session around it, a login before it) puts it on the list; each on
// the list is folded from all its facts, and only rows that differ from their newest version become a new version.

import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import type { EventName } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { isLink } from '#stack/contract/metrics/derived.ts'
import { tables } from '#stack/contract/tables.ts'
import { visitorOf } from '#stack/contract/ids.ts'
import type { Cells } from './columns.ts'
import { hasKeyOf, keyLists } from './current.ts'
import { publishDifference } from './difference.ts'
import type { DerivedRow } from './difference.ts'
import { campaignOf, orderedFact } from './money/facts.ts'
import type { MoneyFact, PurchaseFact } from './money/facts.ts'
import { firstPurchase, foldOrder } from './money/order.ts'
import type { OrderLinks } from './money/order.ts'
import type { News } from './news.ts'
import { numberList, plainRows, textList } from './sql.ts'
import type { Stamp } from './writer.ts'

interface Touch {
  news: News
  /** Rows of the logs that this transaction appended; their `_seq` is above. */
  sessions: readonly Cells[]
  carts: readonly Cells[]
  sinceSeq: number
}

/** Before the current tables are replaced: a cart's old version may have named another order. */
export async function ordersTouchedBy(
  connection: DuckDBConnection,
  { news, sessions, carts, sinceSeq }: Touch,
): Promise<Set<string>> {
  const touched = new Set(news.money.map(([orderId]) => orderId))
  const collect = async (sql: string, parameters?: DuckDBValue[]) => {
    for (const [orderId] of await plainRows(connection, sql, parameters)) {
      touched.add(orderId as string)
    }
  }
  if (carts.length > 0) {
    for (const row of carts) {
      const orderId = row[cartOrderId] as string | null
      if (orderId !== null) touched.add(orderId)
    }
    await collect(
      `SELECT order_id FROM carts WHERE order_id IS NOT NULL AND ${hasKeyOf('carts')}`,
      keyLists('carts', carts),
    )
  }
  if (sessions.length > 0) await collect(ordersOfChangedSessions(sinceSeq))
  for (const orderId of await ordersAfterLinks(connection, news.links)) touched.add(orderId)
  return touched
}

const cartOrderId = Object.keys(tables.carts.columns).indexOf('order_id')

function ordersOfChangedSessions(sinceSeq: number): string {
  const visitor = (alias: string) =>
    `coalesce('a:' || ${alias}.anonymous_id, 'u:' || ${alias}.user_id)`
  return `
    SELECT o.order_id FROM orders AS o JOIN sessions_log AS s ON s.session_key = o.session_key
    WHERE s._seq > ${sinceSeq} AND s._deleted
    UNION
    SELECT o.order_id FROM orders AS o JOIN sessions_log AS s ON ${visitor('s')} = ${visitor('o')}
    WHERE s._seq > ${sinceSeq} AND NOT s._deleted AND o.ordered_at BETWEEN s.started_at AND s.ended_at
      AND (o.session_key, o.campaign_source, o.campaign_medium, o.campaign_name)
        IS DISTINCT FROM (s.session_key, s.campaign_source, s.campaign_medium, s.campaign_name)`
}

/** Orders of an anonymousId at or after a new link of it; in a log that is in order there are none. */
async function ordersAfterLinks(
  connection: DuckDBConnection,
  linked: News['links'],
): Promise<string[]> {
  if (linked.size === 0) return []
  const sinceMs = [...linked.values()].reduce(
    (least, { firstMs }) => Math.min(least, firstMs),
    Infinity,
  )
  const rows = await plainRows(
    connection,
    `SELECT order_id, anonymous_id, epoch_ms(ordered_at) FROM orders
     WHERE user_id IS NULL AND ordered_at >= ${duckdb.timestamp(sinceMs)}`,
  )
  return rows
    .filter(
      ([, anonymousId, ms]) =>
        (ms as number) >= (linked.get(anonymousId as string)?.firstMs ?? Infinity),
    )
    .map(([orderId]) => orderId as string)
}

/** Folded at a time: an import may bring nothing but orders of hundreds of lines, and all of these in one transaction. */
const ordersAtOnce = 250

interface Refold {
  settings: Settings
  stamp: Stamp
}

export async function refoldOrders(
  connection: DuckDBConnection,
  orderIds: ReadonlySet<string>,
  refold: Refold,
): Promise<void> {
  const all = [...orderIds]
  for (let from = 0; from < all.length; from += ordersAtOnce) {
    await refoldSome(connection, textList(all.slice(from, from + ordersAtOnce)), refold)
  }
}

async function refoldSome(
  connection: DuckDBConnection,
  ids: TextList,
  { settings, stamp }: Refold,
): Promise<void> {
  const facts = await factsOf(connection, ids)
  const links = await linksOf(connection, facts, { ids, settings })
  const rows: Record<MoneyTable, DerivedRow[]> = { orders: [], order_lines: [], refunds: [] }
  for (const [orderId, list] of facts) {
    const folded = foldOrder(list, links.get(orderId) ?? noLinks)
    if (folded.order) rows.orders.push(folded.order)
    rows.order_lines.push(...folded.lines)
    rows.refunds.push(...folded.refunds)
  }
  for (const table of moneyTables) {
    await publishDifference(connection, { table, orderIds: ids, rows: rows[table], stamp })
  }
}

const moneyTables = [
  'orders',
  'order_lines',
  'refunds',
] as const satisfies readonly (keyof typeof tables)[]
type MoneyTable = (typeof moneyTables)[number]

const noLinks: OrderLinks = {
  personId: null,
  sessionKey: null,
  cartKey: null,
  episode: null,
  campaign: null,
}

type TextList = ReturnType<typeof textList>

async function factsOf(
  connection: DuckDBConnection,
  ids: TextList,
): Promise<Map<string, MoneyFact[]>> {
  const rows = await plainRows(
    connection,
    'SELECT order_id, fact FROM money_facts WHERE order_id IN (SELECT unnest($1))',
    [ids],
  )
  const facts = new Map<string, MoneyFact[]>()
  for (const [orderId, fact] of rows) {
    const list = facts.get(orderId as string) ?? []
    list.push(JSON.parse(fact as string) as MoneyFact)
    facts.set(orderId as string, list)
  }
  return facts
}

/** Person, session and cart of each order's first purchase. */
async function linksOf(
  connection: DuckDBConnection,
  facts: ReadonlyMap<string, MoneyFact[]>,
  { ids, settings }: { ids: TextList; settings: Settings },
): Promise<Map<string, OrderLinks>> {
  const purchases = [...facts.values()]
    .map((list) => firstPurchase(list))
    .filter((purchase) => purchase !== undefined)
  const persons = await personsOf(connection, purchases)
  const sessions = await sessionsOf(connection, purchases, settings)
  const carts = await cartsOf(connection, ids)
  return new Map(
    purchases.map(({ orderId }) => {
      const cart = carts.get(orderId)
      const session = sessions.get(orderId)
      const links = {
        personId: persons.get(orderId) ?? null,
        sessionKey: session?.sessionKey ?? null,
        cartKey: cart?.cartKey ?? null,
        episode: cart?.episode ?? null,
        campaign: session?.campaign ?? null,
      }
      return [orderId, links]
    }),
  )
}

/** R2: own user, else the user that the anonymousId was last linked to at that moment (T3), else the anonymousId. */
async function personsOf(
  connection: DuckDBConnection,
  purchases: readonly PurchaseFact[],
): Promise<Map<string, string>> {
  const anonymous = new Set<string>()
  for (const { isNobody, userId, anonymousId } of purchases) {
    if (!isNobody && userId === null && anonymousId !== null) anonymous.add(anonymousId)
  }
  const links = await linkEventsOf(connection, anonymous)
  const persons = new Map<string, string>()
  for (const purchase of purchases) {
    const { orderId, isNobody, userId, anonymousId } = purchase
    if (isNobody) continue
    const own = userId ?? linkedUser(links.get(anonymousId as string) ?? [], orderedFact(purchase))
    persons.set(orderId, own === undefined ? `a:${anonymousId}` : `u:${own}`)
  }
  return persons
}

type LinkEvent = Ordered & { userId: string }

function linkedUser(links: readonly LinkEvent[], at: Ordered): string | undefined {
  let last: LinkEvent | undefined
  for (const link of links) {
    if (compareT3(link, at) <= 0 && (last === undefined || compareT3(link, last) > 0)) last = link
  }
  return last?.userId
}

async function linkEventsOf(
  connection: DuckDBConnection,
  anonymous: ReadonlySet<string>,
): Promise<Map<string, LinkEvent[]>> {
  const links = new Map<string, LinkEvent[]>()
  if (anonymous.size === 0) return links
  const rows = await plainRows(
    connection,
    `SELECT e.anonymous_id, e.user_id, epoch_ms(e.event_time), e.producer_seq, e.name, e.event_id, e.source
     FROM events_stored AS e WHERE e.anonymous_id IN (SELECT unnest($1)) AND ${isLink('e', duckdb)}`,
    [textList(anonymous)],
  )
  for (const [anonymousId, userId, timeMs, seq, name, eventId, source] of rows) {
    const list = links.get(anonymousId as string) ?? []
    list.push({
      userId: userId as string,
      timeMs: timeMs as number,
      seq: seq === null ? undefined : (seq as number),
      name: name as EventName,
      eventId: eventId as string,
      source: source as string,
    })
    links.set(anonymousId as string, list)
  }
  return links
}

/** S2: only activity has a session. */
async function sessionsOf(
  connection: DuckDBConnection,
  purchases: readonly PurchaseFact[],
  { serverSources }: Settings,
): Promise<Map<string, Pick<OrderLinks, 'sessionKey' | 'campaign'>>> {
  const active = purchases.filter(
    (fact) =>
      !fact.isBot &&
      !fact.isTest &&
      !fact.isNobody &&
      !fact.isTooLate &&
      !serverSources.includes(fact.source),
  )
  if (active.length === 0) return new Map()
  const visitors = active.map(({ anonymousId, userId }) =>
    visitorOf({
      ...(anonymousId === null ? {} : { anonymousId }),
      ...(userId === null ? {} : { userId }),
    }),
  )
  const rows = await plainRows(
    connection,
    `SELECT q.order_id, s.session_key, s.campaign_source, s.campaign_medium, s.campaign_name
     FROM (SELECT unnest($1) AS order_id, unnest($2) AS visitor, unnest($3) AS ms) AS q
     JOIN sessions AS s ON coalesce('a:' || s.anonymous_id, 'u:' || s.user_id) = q.visitor
     WHERE q.ms BETWEEN epoch_ms(s.started_at) AND epoch_ms(s.ended_at)`,
    [
      textList(active.map(({ orderId }) => orderId)),
      textList(visitors),
      numberList(active.map(({ timeMs }) => timeMs)),
    ],
  )
  return new Map(
    (rows as (string | null)[][]).map(([orderId, sessionKey = null, source, medium, name]) => [
      orderId as string,
      { sessionKey, campaign: campaignOf({ source, medium, name }) },
    ]),
  )
}

/** The converted cart of an order, then the least cart key, then the highest episode. */
async function cartsOf(
  connection: DuckDBConnection,
  ids: TextList,
): Promise<Map<string, { cartKey: string; episode: number }>> {
  const rows = await plainRows(
    connection,
    `SELECT order_id, cart_key, episode FROM carts WHERE order_id IN (SELECT unnest($1))
     ORDER BY state = 'converted', cart_key DESC, episode`,
    [ids],
  )
  // The best comes last and stays.
  return new Map(
    rows.map(([orderId, cartKey, episode]) => [
      orderId as string,
      { cartKey: cartKey as string, episode: episode as number },
    ]),
  )
}
