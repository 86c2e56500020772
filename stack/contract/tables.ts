// The history tables: one definition that makes the DuckDB table, the BigQuery table, the TypeScript row and the
// documentation. Money is integer minor units, times are UTC. A column may be added (nullable), never renamed,
// re-typed or dropped. How changing rows travel:
//
//   written once   events, rejected_events, bridge_errors     a row never changes
//   keyed          <table>_log  every version of every key, in _seq order, with revision and _deleted
//                  <table>      the newest undeleted version of each key
//
// BigQuery holds every epoch, and has a log of what is written once too, so that the plain name is the newest epoch alone.
//
// `events` is a view: its stored columns live in `events_stored`; person, session and cart of an event are derived,
// because a later event may change them.

import type { CartLine, CurrencyValue } from './cart.ts'
import type { Item } from './events.ts'

export type ColumnType =
  | 'string'
  | 'integer'
  | 'boolean'
  | 'timestamp'
  | 'json'
  | 'strings'
  | 'items'
  | 'lines'
  | 'amounts'

/** Elements of array columns, in the order of the contract's types. */
export const structFields = {
  items: {
    productId: 'string',
    variantId: 'string',
    name: 'string',
    brand: 'string',
    category: 'string',
    quantity: 'integer',
    unitPriceMinor: 'integer',
    discountMinor: 'integer',
    coupon: 'string',
    listId: 'string',
    position: 'integer',
  },
  lines: {
    productId: 'string',
    variantId: 'string',
    quantity: 'integer',
    unitPriceMinor: 'integer',
    discountMinor: 'integer',
    valueMinor: 'integer',
    currency: 'string',
  },
  amounts: { currency: 'string', valueMinor: 'integer' },
} as const satisfies Record<string, Record<string, 'string' | 'integer'>>

/** The value on the wire: RFC 3339 text for times, camelCase inside arrays. */
interface ValueOf {
  string: string
  integer: number
  boolean: boolean
  timestamp: string
  json: unknown
  strings: string[]
  items: Item[]
  lines: CartLine[]
  amounts: CurrencyValue[]
}

export interface Column<T extends ColumnType = ColumnType, N extends boolean = boolean> {
  type: T
  nullable: N
  doc: string
}

type Columns = Readonly<Record<string, Column>>

export interface TableDefinition<C extends Columns = Columns> {
  /** Written once, or keyed with a log of versions. */
  kind: 'once' | 'keyed'
  key: readonly string[]
  /** The time a row is about: partitions BigQuery's table, and says how far a table reaches. */
  time: string
  doc: string
  columns: C
  /** Columns of the view of the same name that are derived from other tables. */
  derived?: Columns | undefined
}

const of =
  <T extends ColumnType>(type: T) =>
  (doc: string): Column<T, false> => ({ type, nullable: false, doc })
const maybe =
  <T extends ColumnType>(type: T) =>
  (doc: string): Column<T, true> => ({ type, nullable: true, doc })

const text = of('string')
const textOrNull = maybe('string')
const count = of('integer')
const integerOrNull = maybe('integer')
const flag = of('boolean')
const flagOrNull = maybe('boolean')
const time = of('timestamp')
const timeOrNull = maybe('timestamp')
const strings = of('strings')

const table = <const C extends Columns>(definition: TableDefinition<C>): TableDefinition<C> =>
  definition

/** Of the view `events`: derived by visitor and time. */
export const derivedEventColumns = {
  person_id: textOrNull('the person by the link valid at the event (R2)'),
  stitched_person_id: textOrNull('the person by the last link ever; what figures about people use'),
  session_key: textOrNull('null for what is no activity (S2)'),
  session_event_number: integerOrNull('1 is the first event of the session'),
  session_elapsed_ms: integerOrNull('since the first event of the session'),
  cart_key: textOrNull('of cart, checkout and purchase events (R1)'),
} as const satisfies Columns

const events = table({
  kind: 'once',
  key: ['source', 'event_id'],
  time: 'event_time',
  doc: 'Every valid event once, as it was accepted and enriched.',
  columns: {
    event_id: text('unique per source'),
    source: text('the producer'),
    name: text('one of the names of the contract'),
    custom_name: textOrNull('the name a custom event came with'),
    event_time: time('when it happened, clock skew corrected'),
    sent_at: timeOrNull("the producer's clock when it sent"),
    received_at: time("the collector's clock"),
    schema_version: text('as accepted'),
    dialect: text('which mapper made it'),
    anonymous_id: textOrNull('browser or device'),
    user_id: textOrNull('shop account'),
    producer_session_id: textOrNull("the producer's own session; kept, not trusted"),
    cart_id: textOrNull('cart or checkout token'),
    producer_seq: integerOrNull("the producer's counter; breaks ties"),
    order_id: textOrNull('of purchase and refund'),
    currency: textOrNull('of the money in this event'),
    value_minor: integerOrNull(
      'merchandise amount of a purchase, amount of a refund as sent, else the value of its items; null where unknown',
    ),
    items: of('items')('lines as sent, quantity 1 where none was'),
    page_url: textOrNull(''),
    page_path: textOrNull(''),
    page_title: textOrNull(''),
    page_referrer: textOrNull(''),
    page_type: textOrNull('home, category, product, cart, checkout, confirmation, search, other'),
    campaign_source: textOrNull('utm_source'),
    campaign_medium: textOrNull('utm_medium'),
    campaign_name: textOrNull('utm_campaign'),
    country: textOrNull('ISO 3166, from the truncated address'),
    region: textOrNull(''),
    device: textOrNull('desktop, mobile, tablet, other'),
    browser: textOrNull(''),
    os: textOrNull(''),
    is_bot: flag('a recognised crawler'),
    is_test: flag('marked as a test by its producer'),
    is_late: flag('later than the watermark delay; changes nothing'),
    is_too_late: flag('later than the allowed lateness; counts for money only'),
    consent_analytics: flagOrNull('null: unknown'),
    consent_marketing: flagOrNull('null: unknown'),
    flags: strings('sorted'),
    data: of('json')('the fields of its name'),
    extra: maybe('json')('producer fields with no home'),
  },
  derived: derivedEventColumns,
})

const sessions = table({
  kind: 'keyed',
  key: ['session_key'],
  time: 'started_at',
  doc: "A visitor's activity without a pause of the session gap or longer.",
  columns: {
    session_key: text('from the first event of the session (S4)'),
    person_id: text('of its last event'),
    anonymous_id: textOrNull('the visitor; null where only an account is known'),
    user_id: textOrNull('of its last event'),
    started_at: time('first event'),
    ended_at: time('last event'),
    duration_ms: count('last minus first'),
    event_count: count(''),
    page_views: count(''),
    product_views: count(''),
    adds: count('add_to_cart events'),
    checkouts: count('begin_checkout events'),
    orders: count("purchases that are the first of their order among the visitor's activity (R20)"),
    funnel_step: integerOrNull(
      'the furthest of view_item 1, add_to_cart 2, begin_checkout 3, purchase 4, each after the one before it (T3)',
    ),
    engaged: flag('longer than 10 s, two page views, or a purchase'),
    landing_url: textOrNull('first page'),
    exit_url: textOrNull('last page'),
    referrer: textOrNull('of the first event with a page'),
    campaign_source: textOrNull('of the first event with a campaign'),
    campaign_medium: textOrNull(''),
    campaign_name: textOrNull(''),
    country: textOrNull('of its first event that has one'),
    device: textOrNull('of its first event that has one'),
    is_closed: flag('the watermark has passed its end (S5)'),
  },
})

const carts = table({
  kind: 'keyed',
  key: ['cart_key', 'episode'],
  time: 'started_at',
  doc: 'Every episode of every cart with its verdict.',
  columns: {
    cart_key: text('c:<cartId>, else u:<userId>, else a:<anonymousId> (R1)'),
    episode: count('1 is the first'),
    abandonment_id: textOrNull('from the event that started the episode'),
    state: text('open, converted, abandoned, recovered, lost, emptied, merged, ignored_small'),
    after_abandonment: flagOrNull(
      'goes on from an abandoned episode, under this key or another (R22, R4): bought, it is no conversion',
    ),
    stage: text('the furthest of cart, checkout, payment'),
    person_id: text('the owner'),
    cart_id: textOrNull(''),
    anonymous_id: textOrNull("of the owner's latest cart or checkout event that has one"),
    user_id: textOrNull(''),
    started_at: time('the event that gave it its first lines, or reanimated it'),
    last_activity_at: time(''),
    deadline_at: time('when it is abandoned unless something happens (R13)'),
    abandoned_at: timeOrNull(''),
    closed_at: timeOrNull('closing purchase, emptying, merge, or the end of recovery'),
    items: of('lines')('sorted by productId, variantId'),
    item_count: count('lines'),
    units: count(''),
    value_minor: integerOrNull('null while a price is unknown or currencies are mixed'),
    currency: textOrNull(''),
    currency_mixed: flag(''),
    value_by_currency: of('amounts')('by currency'),
    declared_value_minor: integerOrNull('the latest total the shop itself named'),
    order_id: textOrNull('of the purchase that closed or recovered it'),
    recovered_at: timeOrNull(''),
    recovered_value_minor: integerOrNull('merchandise amount of that order'),
    recovered_currency: textOrNull(''),
    session_keys: strings('sessions of its own cart and checkout events, sorted'),
    country: textOrNull(''),
    device: textOrNull(''),
    campaign_source: textOrNull(''),
    campaign_medium: textOrNull(''),
    campaign_name: textOrNull(''),
    contactable: flag('the owner agreed to marketing'),
    suppressed: flag('within the cooldown of an earlier verdict'),
    reason: textOrNull('of the last retraction or recovery'),
    flags: strings('sorted'),
  },
})

const orders = table({
  kind: 'keyed',
  key: ['order_id'],
  time: 'ordered_at',
  doc: 'Every order once, by its first purchase event (R20).',
  columns: {
    order_id: text(''),
    person_id: textOrNull('null without consent'),
    anonymous_id: textOrNull(''),
    user_id: textOrNull(''),
    session_key: textOrNull(''),
    cart_key: textOrNull('the cart it closed'),
    episode: integerOrNull(''),
    ordered_at: time(''),
    received_at: time(''),
    currency: text(''),
    merchandise_minor: integerOrNull(
      'after discounts, without tax and shipping; null if a price is unknown',
    ),
    discount_minor: integerOrNull('of the whole order, as sent'),
    tax_minor: integerOrNull(''),
    shipping_minor: integerOrNull(''),
    total_minor: integerOrNull('charged: as sent, else merchandise + tax + shipping'),
    refunded_minor: count('taken back so far'),
    units: count(''),
    line_count: count(''),
    coupon: textOrNull(''),
    payment_method: textOrNull(''),
    country: textOrNull(''),
    device: textOrNull(''),
    campaign_source: textOrNull('of its purchase, else of its session'),
    campaign_medium: textOrNull(''),
    campaign_name: textOrNull(''),
    is_bot: flag(''),
    is_test: flag(''),
  },
})

const orderLines = table({
  kind: 'keyed',
  key: ['order_id', 'line'],
  time: 'ordered_at',
  doc: 'The lines of each order; net amounts add up to its merchandise amount exactly.',
  columns: {
    order_id: text(''),
    line: count('1 is the first, in the order they were sent'),
    ordered_at: time(''),
    product_id: text(''),
    variant_id: textOrNull(''),
    name: textOrNull('as sent, else as the catalogue has it; brand and category too'),
    brand: textOrNull(''),
    category: textOrNull(''),
    quantity: count(''),
    unit_price_minor: integerOrNull(''),
    discount_minor: integerOrNull('per unit'),
    order_discount_minor: integerOrNull("its share of what the order differs from its lines' sum"),
    net_minor: integerOrNull('what the line brought in'),
    currency: text(''),
  },
})

const refunds = table({
  kind: 'keyed',
  key: ['order_id', 'refund_id'],
  time: 'refunded_at',
  doc: 'Money given back, at the time it was given back.',
  columns: {
    order_id: text(''),
    refund_id: text('as sent, else the id of the event'),
    refunded_at: time(''),
    amount_minor: count('what counts: never more than was left of the order'),
    excess_minor: count('what was asked for beyond that'),
    currency: textOrNull('null only for an orphan that names none'),
    is_full: flag('neither items nor amount were named'),
    is_orphan: flag('its order is not known (yet)'),
    reason: textOrNull(''),
    flags: strings('currencyMismatch, excess; sorted'),
    anonymous_id: textOrNull('who the refund event names'),
    user_id: textOrNull(''),
    is_bot: flag(''),
    is_test: flag(''),
  },
})

const rejectedEvents = table({
  kind: 'once',
  key: ['_kafka_topic', '_kafka_partition', '_kafka_offset'],
  time: 'received_at',
  doc: 'What was refused and why, and copies of events that had been there already.',
  columns: {
    received_at: time(''),
    stage: text('collector, processor'),
    dialect: textOrNull(''),
    source: textOrNull(''),
    reason: text('a reason code, or duplicate'),
    field: textOrNull('path of the field that failed'),
    message: text(''),
    body: textOrNull('the original text; base64 where it is no text; null for a duplicate'),
  },
})

const bridgeErrors = table({
  kind: 'once',
  key: ['_kafka_topic', '_kafka_partition', '_kafka_offset'],
  time: 'last_at',
  doc: 'What the bridge could not deliver.',
  columns: {
    lane: text('topics, tables'),
    position: text('where it lies at its source: topic-partition@offset, or table@_seq'),
    target: text('full name of the topic or table that does not have it'),
    code: text('DELIVERED takes back what the same position was told of before'),
    reason: text(''),
    attempts: count(''),
    first_at: time(''),
    last_at: time(''),
    payload: textOrNull('the beginning of its content'),
  },
})

export const tables = {
  events,
  sessions,
  carts,
  orders,
  order_lines: orderLines,
  refunds,
  rejected_events: rejectedEvents,
  bridge_errors: bridgeErrors,
}

export type TableName = keyof typeof tables
export const tableNames = Object.keys(tables) as readonly TableName[]

/** Where BigQuery keeps every version, or every row, of every epoch. */
export const logName = (name: TableName): string => `${name}_log`

/** Every row has these: the order of commits, the epoch of this history, and the record that wrote the row. */
export const metaColumns = {
  _seq: count('strictly increasing in commit order'),
  _epoch: count('grows with every rebuild'),
  _kafka_topic: text('of `events` and `rejected_events` the input'),
  _kafka_partition: count(''),
  _kafka_offset: count(''),
} as const satisfies Columns

/** Of the versions in `<table>_log`, and of the current row. */
export const versionColumns = {
  revision: count('0 is the first version of the key'),
} as const satisfies Columns

/** Of the versions in `<table>_log` only; where it is true, all but the key is null. */
export const logColumns = {
  _deleted: flag('a later event took the row back'),
} as const satisfies Columns

type RowOf<C extends Columns> = {
  [K in keyof C]: C[K] extends Column<infer T, infer N>
    ? N extends true
      ? ValueOf[T] | null
      : ValueOf[T]
    : never
}

/** A row's own columns, as it travels in JSON. */
export type Row<T extends TableName> = RowOf<(typeof tables)[T]['columns']>
export type OrderRow = Row<'orders'>
export type OrderLineRow = Row<'order_lines'>
export type RefundRow = Row<'refunds'>

/** Of the logs in BigQuery only: which batch of the bridge brought the row, and when. */
export const shippedColumns = {
  _bridge_batch: text('epoch, first and last _seq of the batch'),
  _ingested_at: time('when the bridge made the batch'),
} as const satisfies Columns

/** Names of stored columns with their types, those every table has last. */
export function storedColumns(name: TableName, of: 'current' | 'log'): [string, Column][] {
  const definition: TableDefinition = tables[name]
  const own = Object.entries(definition.columns)
  const versions = definition.kind === 'keyed' ? Object.entries(versionColumns) : []
  const log = definition.kind === 'keyed' && of === 'log' ? Object.entries(logColumns) : []
  return [...own, ...versions, ...log, ...Object.entries(metaColumns)]
}
