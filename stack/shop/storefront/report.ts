// What a page tells the collector: one report of events in the native dialect, written into the page as data. The
// script adds what only the browser knows (time, address, language) and posts it. Every event has its id from here, so
// that a report sent twice counts once.

import { randomUUID } from 'node:crypto'
import type { EventData, EventName } from '#stack/contract/events.ts'
import { itemsOf, totalMinor } from './cart.ts'
import { itemOf } from './offers.ts'
import type { Offers } from './offers.ts'
import { userIdOf } from './visitor.ts'
import type { Deed, Visitor } from './visitor.ts'

export interface ReportedEvent {
  eventId: string
  name: EventName
  cartId?: string
  data: EventData
}

export interface Report {
  anonymousId: string
  userId?: string
  consent: { analytics: boolean | null; marketing: boolean | null }
  pageType: string
  events: ReportedEvent[]
}

export function reportOf(
  visitor: Visitor,
  { pageType, events }: { pageType: string; events: readonly ReportedEvent[] },
): Report {
  return {
    anonymousId: visitor.anonymousId,
    ...(visitor.account !== undefined && { userId: userIdOf(visitor.account) }),
    consent: { analytics: visitor.analytics, marketing: visitor.marketing },
    pageType,
    events: [event('page_view', { pageType }), ...events],
  }
}

export function event(name: EventName, data: EventData, cartId?: string): ReportedEvent {
  return { eventId: randomUUID(), name, ...(cartId !== undefined && { cartId }), data }
}

/** The whole cart with the prices of the moment. */
export function cartData({ cart, currency }: Visitor, offers: Offers): EventData {
  const items = itemsOf(cart, offers)
  return items.length === 0 ? {} : { items, currency, cartTotalMinor: totalMinor(items) }
}

/** What was done with a form on the page before. */
export function deedEvents(visitor: Visitor, offers: Offers): ReportedEvent[] {
  return visitor.deeds.flatMap((deed) => deedEvent(deed, visitor, offers) ?? [])
}

function deedEvent(deed: Deed, visitor: Visitor, offers: Offers): ReportedEvent | undefined {
  const { eventId } = deed
  const { cartId } = visitor.cart
  if (deed.kind === 'identify') {
    return visitor.account === undefined ? undefined : { eventId, name: 'identify', data: {} }
  }
  if (deed.kind === 'contact') {
    return { eventId, name: 'checkout_step', cartId, data: { step: 1, option: 'contact' } }
  }
  const offer = offers.of(deed.productId ?? '')
  if (!offer) return undefined
  const items = [itemOf(offer, deed.quantity ?? 1, deed.variantId)]
  const cartTotalMinor = totalMinor(itemsOf(visitor.cart, offers))
  const name = deed.kind === 'add' ? 'add_to_cart' : 'remove_from_cart'
  return { eventId, name, cartId, data: { items, currency: visitor.currency, cartTotalMinor } }
}
