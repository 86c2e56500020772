// For tests: random events of a very small shop, so that people, carts, products and orders meet often: three browsers,
// two accounts, two cartIds, three orders, an order service, crawlers, ties in time, deadlines met to the millisecond. All
// that the rules name can happen in it. And random settings, small enough to be hit.

import { array, constantFrom, double, record } from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { dayMs, hourMs, isoTime, minuteMs } from '#stack/base/units.ts'
import type { CatalogueLine } from '#stack/contract/catalogue.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { EventData, EventName, Item, ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'

const originMs = Date.parse('2024-05-06T00:00:00.000Z')

export function timeOf(minutes: number): number {
  return originMs + minutes * minuteMs
}

export const randomSettings: Arbitrary<Settings> = record({
  sessionGapMs: constantFrom(30 * minuteMs, 30 * minuteMs, 10 * minuteMs),
  maxSessionMs: constantFrom(dayMs, 2 * hourMs, 0),
  abandonAfterMs: constantFrom(hourMs, hourMs, 30 * minuteMs),
  activityScope: constantFrom<Settings['activityScope'][]>('person', 'person', 'cart'),
  mergePolicy: constantFrom<Settings['mergePolicy'][]>('max', 'sum', 'replace'),
  cooldownMs: constantFrom(0, 0, 5 * hourMs),
  minCartValueMinor: constantFrom(0, 0, 500),
  maxCartAgeMs: constantFrom(3 * hourMs, dayMs),
  recoveryWindowMs: constantFrom(4 * hourMs, dayMs),
  allowedLatenessMs: constantFrom(2 * hourMs, dayMs),
}).map((chosen) => ({ ...defaultSettings, ...chosen }))

export const catalogue: readonly CatalogueLine[] = [
  { productId: 'Q', unitPriceMinor: 300, currency: 'USD' },
  { productId: 'R', name: 'Rope', category: 'Deck/Ropes', unitPriceMinor: 700, currency: 'EUR' },
]

const crawler = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'
const phone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1'
const desktop =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36'
export const agents: Readonly<Record<string, { isBot: boolean; device: string }>> = {
  [crawler]: { isBot: true, device: 'other' },
  [phone]: { isBot: false, device: 'mobile' },
  [desktop]: { isBot: false, device: 'desktop' },
}
export const countries: Readonly<Record<string, string>> = { '2.0.0.0': 'DE', '5.0.0.0': 'FR' }

/** By how often they are drawn. */
const names = Object.entries({
  page_view: 2,
  view_item: 2,
  search: 1,
  add_to_cart: 6,
  remove_from_cart: 2,
  cart_update: 2,
  view_cart: 2,
  cart_merge: 2,
  begin_checkout: 2,
  checkout_step: 2,
  purchase: 4,
  refund: 2,
  identify: 3,
  custom: 1,
}).flatMap(([name, weight]) => Array.from({ length: weight }, () => name as EventName))

const nothing = undefined
const item: Arbitrary<Item> = record({
  productId: constantFrom('P', 'Q', 'R'),
  variantId: constantFrom(nothing, nothing, 'red'),
  quantity: constantFrom(nothing, 1, 2, 3),
  unitPriceMinor: constantFrom(nothing, 0, 100, 250, 333),
  discountMinor: constantFrom(nothing, nothing, 10),
}).map((fields) => {
  const { unitPriceMinor = Infinity, discountMinor, ...rest } = fields
  return defined(
    discountMinor && discountMinor > unitPriceMinor ? { ...rest, unitPriceMinor } : fields,
  )
})

const draft = record({
  name: constantFrom(...names),
  /** Of the span. */
  place: double({ min: 0, max: 1, noNaN: true }),
  jitterMs: constantFrom(0, 0, 0, 0, 0, -1, 1),
  lagMinutes: constantFrom(0, 0, 0, 0, -3, 1, 30, 119, 120, 121, 24 * 60, 25 * 60),
  person: constantFrom('A', 'A', 'B', 'C', 'AU', 'BU', 'AV', 'U', 'V'),
  source: constantFrom('web', 'web', 'web', 'app', 'orders-service'),
  sharesId: constantFrom(false, false, false, false, true),
  cartId: constantFrom(nothing, nothing, nothing, 'c1', 'c2'),
  seq: constantFrom(nothing, nothing, 1, 2),
  context: record({
    userAgent: constantFrom(
      nothing,
      nothing,
      desktop,
      desktop,
      phone,
      phone,
      phone,
      phone,
      crawler,
    ),
    ip: constantFrom(nothing, ...Object.keys(countries)),
    marketing: constantFrom(null, true, false),
    analytics: constantFrom(...Array.from({ length: 20 }, () => null), true, false),
    test: constantFrom(...Array.from({ length: 30 }, () => false), true),
    campaign: constantFrom(nothing, { name: 'spring' }, { source: 'news', medium: 'mail' }),
    page: constantFrom(
      nothing,
      { url: 'http://shop/a' },
      { url: 'http://shop/b', referrer: 'http://x/' },
    ),
  }),
  items: array(item, { maxLength: 3 }),
  currency: constantFrom('EUR', 'EUR', 'EUR', 'USD'),
  hasCurrency: constantFrom(true, false),
  cartTotalMinor: constantFrom(nothing, nothing, 200),
  orderId: constantFrom('O1', 'O2', 'O3'),
  money: record({
    itemsTotalMinor: constantFrom(nothing, nothing, nothing, 0, 400),
    discountMinor: constantFrom(nothing, 0, 101, 5000),
    taxMinor: constantFrom(nothing, 19),
    shippingMinor: constantFrom(nothing, 500),
    totalMinor: constantFrom(nothing, 777),
    coupon: constantFrom(nothing, 'MAY'),
  }),
  refundId: constantFrom(nothing, 'r1', 'r2'),
  amountMinor: constantFrom(nothing, nothing, 0, 150, 999),
  merge: record({
    fromCartId: constantFrom('c1', 'c2'),
    intoCartId: constantFrom('c2', 'c1'),
    policy: constantFrom(nothing, 'max' as const, 'sum' as const, 'replace' as const),
  }),
  option: constantFrom('shipping', 'payment'),
})
type Draft = typeof draft extends Arbitrary<infer T> ? T : never

export interface Size {
  minEvents: number
  maxEvents: number
  spanMinutes: number
}

export function randomWorld({ minEvents, maxEvents, spanMinutes }: Size): Arbitrary<ShopEvent[]> {
  return array(draft, { minLength: minEvents, maxLength: maxEvents, size: 'max' }).map((drafts) =>
    drafts.map((fields, i) => eventOf(fields, i, spanMinutes)),
  )
}

/** Times in steps of ten minutes, so that deadlines are met and times collide. */
function eventOf(fields: Draft, i: number, spanMinutes: number): ShopEvent {
  const { person, name, source, context } = fields
  const sharesId = fields.sharesId && source !== 'orders-service'
  const timeMs = timeOf(10 * Math.floor((fields.place * spanMinutes) / 10)) + fields.jitterMs
  const { marketing, analytics, ...rest } = context
  const event = {
    anonymousId: /[ABC]/.exec(person)?.[0],
    userId: /[UV]/.exec(person)?.[0] ?? (name === 'identify' ? 'U' : undefined),
    cartId: name === 'cart_merge' ? undefined : fields.cartId,
    seq: fields.seq,
    schemaVersion: '1.0',
    eventId: sharesId ? 'e' : `e${i}`,
    name,
    eventTime: isoTime(timeMs),
    receivedAt: isoTime(timeMs + fields.lagMinutes * minuteMs),
    source: sharesId ? `${source}${i}` : source,
    dialect: 'native',
    context: defined({ ...rest, consent: { marketing, analytics } }),
    data: dataOf(fields),
    ...(name === 'custom' && { customName: 'ping' }),
  }
  const decoded = decodeEvent(JSON.stringify(event))
  if (!decoded.ok) throw new Error(`${decoded.message}: ${JSON.stringify(event)}`)
  return decoded.event
}

function dataOf(fields: Draft): EventData {
  return dataByName[fields.name]?.(fields) ?? {}
}

const someOf = ({ items }: Draft): Item[] =>
  items.length > 0 ? items : [{ productId: 'P', quantity: 1 }]

const maybeCurrency = ({ hasCurrency, currency }: Draft): string | undefined =>
  hasCurrency ? currency : undefined

const viewOf = (fields: Draft): EventData =>
  defined({
    items: fields.items,
    currency: maybeCurrency(fields),
    cartTotalMinor: fields.cartTotalMinor,
  })

const dataByName: Partial<Record<EventName, (fields: Draft) => EventData>> = {
  view_item: (fields) => ({ items: someOf(fields).slice(0, 1) }),
  search: () => ({ query: 'shoes' }),
  add_to_cart: (fields) =>
    defined({
      items: someOf(fields),
      currency: fields.currency,
      cartTotalMinor: fields.cartTotalMinor,
    }),
  remove_from_cart: (fields) => ({ ...viewOf(fields), items: someOf(fields) }),
  cart_update: ({ items, currency, cartTotalMinor }) =>
    defined({ items, currency, cartTotalMinor }),
  view_cart: viewOf,
  begin_checkout: viewOf,
  checkout_step: ({ option }) => ({ step: 1, option }),
  cart_merge: ({ merge }) => defined(merge),
  purchase: (fields) => {
    const { orderId, currency, money, items } = fields
    const hasTotal = money.itemsTotalMinor !== undefined
    return defined({ orderId, currency, items: hasTotal ? items : someOf(fields), ...money })
  },
  refund: (fields) => {
    const { orderId, refundId, items, amountMinor } = fields
    const currency = amountMinor === undefined ? maybeCurrency(fields) : fields.currency
    return defined({ orderId, refundId, items, amountMinor, currency })
  },
}

type Defined<T> = { [K in keyof T]: NonNullable<T[K]> }

/** Without the fields that are undefined; the rest of the type is the caller's to know. */
function defined<T extends object>(fields: T): Defined<T> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}
