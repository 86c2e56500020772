// The event of version 1 as one table: every field, its kind, and what each name needs in `data`. The validator
// (decode.ts) and the published JSON Schema (event-schema.ts) are both made from it, so they cannot disagree.

import { KiB, minuteMs } from '../base/units.ts'
import type { EventName } from './events.ts'

/** What a field may hold. Lengths are in UTF-16 units. */
export type FieldKind =
  | 'version'
  | 'eventId'
  | 'text'
  | 'key'
  | 'identity'
  | 'orderId'
  | 'url'
  | 'time'
  | 'dialect'
  | 'currency'
  | 'policy'
  | 'count'
  | 'step'
  | 'quantity'
  | 'money'
  | 'boolean'
  | 'consent'
  | 'flags'
  | 'number'
  | 'items'
  | 'object'
  | 'free'
  | 'extra'

export interface Field {
  kind: FieldKind
  says: string
  /** Of an object. */
  fields?: FieldTable
}

export type FieldTable = Readonly<Record<string, Field>>

export const limits = {
  eventBytes: 256 * KiB,
  textUnits: 1024,
  urlUnits: 8192,
  identityUnits: 128,
  eventIdUnits: 128,
  items: 1000,
  flags: 32,
  extraBytes: 16 * KiB,
  /** Of what the table does not name: nesting, and keys of one object. */
  depth: 20,
  keys: 200,
  /** An event further ahead of `receivedAt` is put back to it (1.4). */
  aheadMs: 5 * minuteMs,
} as const

const field = (kind: FieldKind, says: string): Field => ({ kind, says })
const object = (says: string, fields: FieldTable): Field => ({ kind: 'object', says, fields })

export const contextFields: FieldTable = {
  ip: field('text', 'in flight only: truncated by the collector, dropped by stage one'),
  userAgent: field('text', 'of the browser or app'),
  locale: field('text', 'BCP 47'),
  timezone: field('text', 'IANA name'),
  page: object('where it happened', {
    url: field('url', 'full address'),
    path: field('url', 'path of the address'),
    title: field('text', 'title of the page'),
    referrer: field('url', 'the page before'),
    type: field('text', 'kind of page'),
  }),
  campaign: object('from utm_*', {
    source: field('text', 'utm_source'),
    medium: field('text', 'utm_medium'),
    name: field('text', 'utm_campaign'),
    term: field('text', 'utm_term'),
    content: field('text', 'utm_content'),
    id: field('text', 'utm_id'),
  }),
  clickIds: object('of advertising networks', {
    gclid: field('text', 'Google'),
    fbclid: field('text', 'Facebook'),
    msclkid: field('text', 'Microsoft'),
  }),
  screen: object('in pixels', {
    width: field('number', 'of the screen'),
    height: field('number', 'of the screen'),
  }),
  library: object('that made the event', {
    name: field('text', 'of the library'),
    version: field('text', 'of the library'),
  }),
  consent: object('null is unknown: true for analytics, false for marketing', {
    analytics: field('consent', 'to being counted as a person'),
    marketing: field('consent', 'to being contacted'),
  }),
  test: field('boolean', 'a test event: kept, counted nowhere'),
}

export const itemFields: FieldTable = {
  productId: field('key', 'of the catalogue'),
  variantId: field('text', 'of the product'),
  name: field('text', 'of the product'),
  brand: field('text', 'of the product'),
  category: field('text', 'a path with /'),
  quantity: field('quantity', 'default 1; absent on remove_from_cart: the whole line'),
  unitPriceMinor: field('money', 'in the event’s data.currency'),
  discountMinor: field('money', 'per unit, at most the unit price'),
  coupon: field('text', 'of this line'),
  listId: field('text', 'the list it was shown in'),
  position: field('number', 'in that list'),
}

export const dataFields: FieldTable = {
  items: field('items', 'a delta or a snapshot, by name'),
  currency: field('currency', 'of every amount of the event'),
  pageType: field('text', 'home, category, product, cart, checkout, confirmation, search, other'),
  listId: field('text', 'of the list shown'),
  listName: field('text', 'of the list shown'),
  query: field('text', 'what was searched for'),
  resultCount: field('count', 'of the search'),
  cartTotalMinor: field('money', 'declared total after the action'),
  fromCartId: field('key', 'cart that is folded'),
  intoCartId: field('key', 'cart it is folded into'),
  policy: field('policy', 'how two lines become one'),
  checkoutId: field('text', 'of the checkout'),
  step: field('step', 'of the checkout, from 1'),
  option: field('text', 'shipping, payment, contact, review'),
  orderId: field('orderId', 'of the order'),
  itemsTotalMinor: field('money', 'merchandise after discounts, without tax and shipping'),
  discountMinor: field('money', 'of the order'),
  taxMinor: field('money', 'of the order'),
  shippingMinor: field('money', 'of the order'),
  totalMinor: field('money', 'charged'),
  coupon: field('text', 'of the order'),
  paymentMethod: field('text', 'of the order'),
  refundId: field('key', 'of the refund'),
  amountMinor: field('money', 'refunded; wins over items'),
  reason: field('text', 'of the refund'),
  traits: field('free', 'of a person, small, no raw e-mail'),
}

export const eventFields: FieldTable = {
  schemaVersion: field('version', 'major.minor'),
  eventId: field('eventId', 'unique per source'),
  name: field('text', 'what happened; an unknown name becomes custom with customName'),
  customName: field('text', 'the producer’s name of a custom event'),
  eventTime: field('time', 'when it happened, clock skew corrected'),
  sentAt: field('time', 'the producer’s clock at send'),
  receivedAt: field('time', 'the collector’s clock, immutable afterwards'),
  source: field('key', 'name of the producer'),
  dialect: field('dialect', 'which mapper made it'),
  anonymousId: field('identity', 'browser or device'),
  userId: field('identity', 'shop account'),
  sessionId: field('text', 'the producer’s own session; kept, not trusted'),
  cartId: field('key', 'the shop’s cart or checkout token'),
  seq: field('count', 'the producer’s counter per anonymousId; breaks ties'),
  context: object('of the moment', contextFields),
  data: object('by name', dataFields),
  flags: field('flags', 'set by collector and processor'),
  extra: field('extra', 'producer fields with no home, at most 16 KiB'),
}

/** Needed in every event; name, identity and times have reasons and steps of their own. */
export const requiredFields = ['schemaVersion', 'eventId', 'source', 'dialect', 'data'] as const

export interface NameRule {
  /** At least one item. */
  items?: true
  /** `items`, which may be empty. */
  snapshot?: true
  /** Items, unless this field is there. */
  itemsUnless?: 'itemsTotalMinor'
  currency?: true
  /** Currency, if this field is there. */
  currencyWith?: 'amountMinor'
  orderId?: true
  /** Further fields of `data`. */
  fields?: readonly string[]
}

export const nameRules: Readonly<Record<EventName, NameRule>> = {
  page_view: {},
  view_item_list: { items: true },
  select_item: { items: true },
  view_item: { items: true },
  search: { fields: ['query'] },
  add_to_cart: { items: true, currency: true },
  remove_from_cart: { items: true },
  cart_update: { snapshot: true, currency: true },
  view_cart: {},
  cart_merge: { fields: ['fromCartId', 'intoCartId'] },
  begin_checkout: {},
  checkout_step: { fields: ['step'] },
  purchase: { orderId: true, currency: true, itemsUnless: 'itemsTotalMinor' },
  refund: { orderId: true, currencyWith: 'amountMinor' },
  identify: {},
  custom: {},
}
