// For tests: random events of a very small shop, so that people, carts, products and orders meet often: three browsers,
// two accounts, two cartIds, an order service, ties in time. And random settings of the rules.

import { array, constantFrom, double, record } from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { dayMs, hourMs, isoTime, minuteMs } from '#stack/base/units.ts'
import type { EventName, Item, ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'

const originMs = Date.parse('2024-05-06T00:00:00.000Z')

export function timeOf(minutes: number): number {
  return originMs + minutes * minuteMs
}

export const randomSettings: Arbitrary<Settings> = record({
  activityScope: constantFrom<Settings['activityScope'][]>('person', 'cart'),
  mergePolicy: constantFrom<Settings['mergePolicy'][]>('max', 'sum', 'replace'),
  cooldownMs: constantFrom(0, 0, 5 * hourMs),
  minCartValueMinor: constantFrom(0, 0, 500),
  maxCartAgeMs: constantFrom(3 * hourMs, dayMs),
  recoveryWindowMs: constantFrom(4 * hourMs, dayMs),
  allowedLatenessMs: constantFrom(2 * hourMs, dayMs),
}).map((chosen) => ({ ...defaultSettings, ...chosen }))

const names: readonly EventName[] = [
  'page_view',
  'page_view',
  'view_item',
  'add_to_cart',
  'add_to_cart',
  'add_to_cart',
  'remove_from_cart',
  'cart_update',
  'view_cart',
  'begin_checkout',
  'checkout_step',
  'purchase',
  'purchase',
  'identify',
  'cart_merge',
]

const item: Arbitrary<Item> = record({
  productId: constantFrom('P', 'Q', 'R'),
  variantId: constantFrom(undefined, undefined, 'red'),
  quantity: constantFrom(undefined, 1, 2),
  unitPriceMinor: constantFrom(undefined, 100, 250, 1000),
  discountMinor: constantFrom(undefined, 10),
}).map(defined)

const draft = record({
  name: constantFrom(...names),
  /** Of the span. */
  place: double({ min: 0, max: 1, noNaN: true }),
  lagMinutes: constantFrom(0, 0, 0, 1, 30, 119, 120),
  person: constantFrom('A', 'A', 'B', 'C', 'AU', 'BU', 'AV', 'U', 'V'),
  isServer: constantFrom(false, false, false, true),
  cartId: constantFrom(undefined, undefined, undefined, 'c1', 'c2'),
  seq: constantFrom(undefined, undefined, 1, 2),
  items: array(item, { maxLength: 3 }),
  currency: constantFrom('EUR', 'EUR', 'EUR', 'USD'),
  cartTotalMinor: constantFrom(undefined, undefined, 200),
  orderId: constantFrom('O1', 'O2', 'O3'),
  merge: constantFrom(
    { fromCartId: 'c1', intoCartId: 'c2' },
    { fromCartId: 'c2', intoCartId: 'c1' },
    { fromCartId: 'c1', intoCartId: 'c1' },
  ),
  option: constantFrom('shipping', 'payment'),
  marketing: constantFrom(null, true, false),
  country: constantFrom(null, 'DE', 'FR'),
  campaign: constantFrom(undefined, 'spring', 'sale'),
})
type Draft = typeof draft extends Arbitrary<infer T> ? T : never

export interface Size {
  minEvents: number
  maxEvents: number
  spanMinutes: number
}

export function randomShop({ minEvents, maxEvents, spanMinutes }: Size): Arbitrary<ShopEvent[]> {
  return array(draft, { minLength: minEvents, maxLength: maxEvents }).map((drafts) =>
    drafts.map((fields, i) => eventOf(fields, i, spanMinutes)),
  )
}

/** Times in steps of ten minutes, so that deadlines are met exactly and times collide. */
function eventOf(fields: Draft, i: number, spanMinutes: number): ShopEvent {
  const timeMs = timeOf(10 * Math.floor((fields.place * spanMinutes) / 10))
  const { person, name } = fields
  const campaign = fields.campaign === undefined ? {} : { campaign: { name: fields.campaign } }
  return {
    ...defined({
      anonymousId: /[ABC]/.exec(person)?.[0],
      userId: /[UV]/.exec(person)?.[0],
      cartId: fields.cartId,
      seq: fields.seq,
    }),
    schemaVersion: '1.0',
    eventId: `e${i}`,
    name,
    eventTime: isoTime(timeMs),
    receivedAt: isoTime(timeMs + fields.lagMinutes * minuteMs),
    source: fields.isServer ? 'orders-service' : 'web',
    dialect: 'native',
    context: { consent: { marketing: fields.marketing }, ...campaign },
    data: dataByName[name]?.(fields) ?? {},
    extra: { country: fields.country, sessionKey: fields.isServer ? null : `s${person}` },
  }
}

const atLeastOne = (items: Item[]): Item[] =>
  items.length > 0 ? items : [{ productId: 'P', quantity: 1 }]

const deltaOf = ({ items, currency, cartTotalMinor }: Draft): ShopEvent['data'] =>
  defined({ items: atLeastOne(items), currency, cartTotalMinor })

const viewOf = ({ items, cartTotalMinor }: Draft): ShopEvent['data'] =>
  defined({ items, cartTotalMinor })

const dataByName: Partial<Record<EventName, (fields: Draft) => ShopEvent['data']>> = {
  add_to_cart: deltaOf,
  remove_from_cart: deltaOf,
  cart_update: ({ items, currency, cartTotalMinor }) =>
    defined({ items, currency, cartTotalMinor }),
  view_cart: viewOf,
  begin_checkout: viewOf,
  checkout_step: ({ option }) => ({ step: 1, option }),
  purchase: ({ orderId, currency, items }) => ({ orderId, currency, items: atLeastOne(items) }),
  cart_merge: ({ merge }) => merge,
}

type Defined<T> = { [K in keyof T]: NonNullable<T[K]> }

/** Without the fields that are undefined; the rest of the type is the caller's to know. */
function defined<T extends object>(fields: T): Defined<T> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}
