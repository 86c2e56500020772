// A valid event reduced to what the rules of stage one and the carts look at.

import type { ListPrice } from '#stack/contract/catalogue.ts'
import type { EventData, Item } from '#stack/contract/events.ts'
import type { CartData, CartItem } from '../model.ts'
import type { Surroundings } from '../enrich/enricher.ts'
import type { VisitorEvent } from '../visitor.ts'
import type { ReadEvent } from './reading.ts'
import type { Standing } from './standing.ts'

export interface Arrival {
  event: ReadEvent
  offset: number
  standing: Standing
  surroundings: Surroundings
}

export function visitorEventOf(arrival: Arrival): VisitorEvent {
  const { event, offset, standing, surroundings } = arrival
  return {
    offset,
    timeMs: event.timeMs,
    receivedMs: event.receivedMs,
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
    country: surroundings.place.country,
    device: surroundings.agent.device,
    campaign: event.campaign,
    marketing: event.marketing,
    page: event.page,
    data:
      standing.isCartEvent && event.data
        ? cartDataOf(event.data, surroundings.listPrices)
        : undefined,
    sessionKey: null,
    sent: undefined,
  }
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

function cartDataOf(data: EventData, listPrices: Surroundings['listPrices']): CartData {
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
