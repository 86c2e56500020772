// What of a cart event every stage keeps, as fields (model.ts).

import { eventNames } from '#stack/contract/events.ts'
import type { CartData, CartEvent, CartItem } from '../model.ts'
import { flag, id, list, nullable, number, oneOf, optional, record, text, time } from './shapes.ts'
import type { Shape } from './shapes.ts'

const listPrice = record<NonNullable<CartItem['listPrice']>>({
  unitPriceMinor: number(),
  currency: text(),
})

const item = record<CartItem>({
  productId: text(),
  variantId: text(),
  quantity: number(),
  unitPriceMinor: number(),
  discountMinor: number(),
  listPrice: optional(listPrice),
})

export const cartData: Shape<CartData> = record<CartData>({
  currency: text(),
  cartTotalMinor: number(),
  fromCartId: text(),
  intoCartId: text(),
  policy: text(),
  step: number(),
  option: text(),
  orderId: text(),
  itemsTotalMinor: number(),
  discountMinor: number(),
  items: optional(list(item)),
})

export const campaign: Shape<NonNullable<CartEvent['campaign']>> = record({
  source: text(),
  medium: text(),
  name: text(),
})

/** In the order in which identity/routing.ts and the hop write them. */
export const cartEvent: Shape<CartEvent> = record<CartEvent>({
  eventId: id(),
  source: text(),
  name: oneOf(eventNames),
  timeMs: time(),
  receivedMs: time(),
  person: text(),
  mark: text(),
  route: text(),
  isActivity: flag(),
  isServer: flag(),
  sessionKey: text(),
  country: text(),
  device: text(),
  campaign: nullable(campaign),
  marketing: flag(),
  seq: number(),
  anonymousId: text(),
  userId: text(),
  cartId: text(),
  data: optional(cartData),
  linksVisitor: text(),
  namedCart: oneOf<CartEvent['namedCart']>(['owner', 'elsewhere', 'nobody']),
  via: text(),
  owner: text(),
  isRepeat: flag(),
})
