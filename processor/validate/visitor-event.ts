// A valid event reduced to what the rules of stage one and the carts look at.

import type { ListPrice } from '#stack/contract/catalogue.ts'
import type { Item, ShopEvent } from '#stack/contract/events.ts'
import type { CartData, CartEvent, CartItem } from '../model.ts'
import type { Surroundings } from '../enrich/enricher.ts'
import type { VisitorEvent } from '../visitor.ts'
import type { Standing } from './standing.ts'

export interface Arrival {
  event: ShopEvent
  offset: number
  timeMs: number
  receivedMs: number
  standing: Standing
  surroundings: Surroundings
}

export function visitorEventOf(arrival: Arrival): VisitorEvent {
  const { event, offset, timeMs, receivedMs, standing, surroundings } = arrival
  const { context } = event
  return {
    offset,
    timeMs,
    receivedMs,
    name: event.name,
    source: event.source,
    eventId: event.eventId,
    seq: event.seq,
    userId: event.userId,
    cartId: event.cartId,
    isActivity: standing.isActivity,
    isServer: standing.isServer,
    isLink: standing.isLink,
    isCartEvent: standing.isCartEvent,
    isFinal: false,
    country: surroundings.country,
    device: surroundings.device,
    campaign: campaignOf(context),
    marketing: context?.consent?.marketing ?? null,
    page:
      context?.page === undefined
        ? undefined
        : { url: context.page.url ?? null, referrer: context.page.referrer ?? null },
    data: standing.isCartEvent ? cartDataOf(event, surroundings.listPrices) : undefined,
    sessionKey: null,
    sent: undefined,
  }
}

function campaignOf(context: ShopEvent['context']): CartEvent['campaign'] {
  const { source, medium, name } = context?.campaign ?? {}
  if (source === undefined && medium === undefined && name === undefined) return null
  return { source: source ?? null, medium: medium ?? null, name: name ?? null }
}

const cartFields = [
  'currency',
  'cartTotalMinor',
  'fromCartId',
  'intoCartId',
  'policy',
  'step',
  'option',
  'orderId',
  'itemsTotalMinor',
  'discountMinor',
] as const satisfies readonly (keyof CartData)[]

function cartDataOf({ data }: ShopEvent, listPrices: Surroundings['listPrices']): CartData {
  const kept: Record<string, unknown> = {}
  for (const field of cartFields) if (data[field] !== undefined) kept[field] = data[field]
  if (data.items !== undefined) {
    kept['items'] = data.items.map((item, i) => cartItemOf(item, listPrices?.[i] ?? null))
  }
  return kept
}

function cartItemOf(item: Item, listPrice: ListPrice | null): CartItem {
  const { productId, variantId, quantity, unitPriceMinor, discountMinor } = item
  const kept: CartItem = { productId }
  if (variantId !== undefined) kept.variantId = variantId
  if (quantity !== undefined) kept.quantity = quantity
  if (unitPriceMinor !== undefined) kept.unitPriceMinor = unitPriceMinor
  if (discountMinor !== undefined) kept.discountMinor = discountMinor
  // Nobody asks for it where the event names a price itself (R9).
  if (unitPriceMinor === undefined && listPrice !== null) kept.listPrice = listPrice
  return kept
}
