// The event, version 1: the JSON value of a record on `ecommerce-events`, and what stage one adds to it on
// `enriched-user-events`. Names are GA4's where GA4 has one; money is integer minor units; times are RFC 3339 UTC
// with milliseconds. The rules of acceptance are in decode.ts, the published JSON Schema in event.schema.json.

export const eventNames = [
  'page_view',
  'view_item_list',
  'select_item',
  'view_item',
  'search',
  'add_to_cart',
  'remove_from_cart',
  'cart_update',
  'view_cart',
  'cart_merge',
  'begin_checkout',
  'checkout_step',
  'purchase',
  'refund',
  'identify',
  'custom',
] as const
export type EventName = (typeof eventNames)[number]

/** R1 and R12: what acts on a cart. */
export const cartEventNames = [
  'add_to_cart',
  'remove_from_cart',
  'cart_update',
  'view_cart',
  'cart_merge',
  'begin_checkout',
  'checkout_step',
  'purchase',
] as const satisfies readonly EventName[]

/** R12: nobody did these in the shop just now. Page pings are `custom`. */
export const inactiveEventNames = ['custom', 'refund'] as const satisfies readonly EventName[]

export const dialects = [
  'native',
  'ga4',
  'segment',
  'rudderstack',
  'snowplow',
  'shopify',
  'retail',
  'cloudevents',
] as const
export type Dialect = (typeof dialects)[number]

export const eventFlags = [
  'badMetadata',
  'bot',
  'derivedId',
  'late',
  'noConsent',
  'rounded',
  'test',
  'timeCorrected',
  'tooLate',
] as const
export type EventFlag = (typeof eventFlags)[number]

/** The identity that every event without consent to analytics is given (events.md 1.6). */
export const noConsentId = 'no-consent'

/** One line of a list or a cart. Money is in the event's `data.currency`. */
export interface Item {
  productId: string
  variantId?: string
  name?: string
  brand?: string
  /** A path with `/`. */
  category?: string
  /** >= 1; absent only on remove_from_cart, where it means the whole line. */
  quantity?: number
  unitPriceMinor?: number
  /** Per unit, at most the unit price. */
  discountMinor?: number
  coupon?: string
  listId?: string
  position?: number
}

export interface EventData {
  items?: Item[]
  currency?: string
  pageType?: string
  listId?: string
  listName?: string
  query?: string
  resultCount?: number
  cartTotalMinor?: number
  fromCartId?: string
  intoCartId?: string
  policy?: MergePolicy
  checkoutId?: string
  step?: number
  option?: string
  orderId?: string
  itemsTotalMinor?: number
  discountMinor?: number
  taxMinor?: number
  shippingMinor?: number
  totalMinor?: number
  coupon?: string
  paymentMethod?: string
  refundId?: string
  amountMinor?: number
  reason?: string
  userId?: string
  traits?: Record<string, unknown>
  [further: string]: unknown
}

export type MergePolicy = 'max' | 'sum' | 'replace'

export interface EventContext {
  /** In flight only: truncated by the collector, dropped by stage one. */
  ip?: string
  userAgent?: string
  locale?: string
  timezone?: string
  page?: { url?: string; path?: string; title?: string; referrer?: string; type?: string }
  campaign?: {
    source?: string
    medium?: string
    name?: string
    term?: string
    content?: string
    id?: string
  }
  clickIds?: { gclid?: string; fbclid?: string; msclkid?: string }
  screen?: { width?: number; height?: number }
  library?: { name?: string; version?: string }
  consent?: { analytics?: boolean | null; marketing?: boolean | null }
  test?: boolean
  [further: string]: unknown
}

export interface ShopEvent {
  schemaVersion: string
  eventId: string
  name: EventName
  customName?: string
  eventTime: string
  sentAt?: string
  receivedAt: string
  source: string
  dialect: Dialect
  anonymousId?: string
  userId?: string
  /** The producer's own session; kept, not trusted. */
  sessionId?: string
  cartId?: string
  /** The producer's counter per anonymousId; breaks ties (T3). */
  seq?: number
  context?: EventContext
  data: EventData
  flags?: EventFlag[]
  extra?: Record<string, unknown>
}

/** Where a record came from: its position in `ecommerce-events`. */
export interface InputPosition {
  topic: string
  partition: number
  offset: number
}

export type DeviceClass = 'desktop' | 'mobile' | 'tablet' | 'other'

export interface ProductFacts {
  name: string
  brand: string | null
  category: string | null
}

/** A record of `enriched-user-events`: a fact, written once per input position. */
export interface EnrichedEvent extends ShopEvent {
  input: InputPosition
  country: string | null
  region: string | null
  device: DeviceClass | null
  browser: string | null
  os: string | null
  /** Per item, same order: the catalogue's price at the event's time, null where unknown. */
  listPrices?: ({ unitPriceMinor: number; currency: string } | null)[]
  /** Per item of a purchase, same order: what the catalogue calls the product, null where unknown. */
  products?: (ProductFacts | null)[]
  /** As known when it was published: outside T7. */
  personId: string | null
  session: { key: string; number: number; elapsedMs: number } | null
  processedAt: string
}

/** Reason codes of events.md 1.4; the order in which they are checked is decode.ts. */
export const rejectReasons = [
  'too_large',
  'not_json',
  'not_object',
  'unsupported_version',
  'missing_name',
  'missing_identity',
  'bad_time',
  'missing_field',
  'bad_field',
  'string_too_long',
  'too_many_items',
  'negative_quantity',
  'bad_money',
  'missing_order_id',
  'bad_currency',
] as const
export type RejectReason = (typeof rejectReasons)[number]

/** A record of `rejected-events`. */
export interface RejectedEvent {
  stage: 'collector' | 'processor'
  reason: RejectReason | 'duplicate'
  field: string | null
  message: string
  receivedAt: string
  dialect: Dialect | null
  source: string | null
  /** The original bytes as text; bytes that are no UTF-8 as base64 with `bodyEncoding`. Null for a duplicate. */
  body: string | null
  bodyEncoding?: 'base64'
  /** Position in `ecommerce-events`; null for what the collector refused. */
  input: InputPosition | null
  /** Of a duplicate: the position of the first copy. */
  first?: InputPosition
}
