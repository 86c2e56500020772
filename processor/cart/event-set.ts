// The events of one key as a set in T3 order. One that is there already is replaced, since it may be told otherwise now
// (another person, another session); most new ones belong at the end.

import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import type { CartEvent } from '../model.ts'

/** An event names itself; a cart_merge may lie here twice, once by each hop. */
export type EventName = Pick<CartEvent, 'source' | 'eventId' | 'via'>

/** Answers whether anything changed by it. */
export function putEvent(events: CartEvent[], event: CartEvent): boolean {
  const known = indexOf(events, event)
  if (known >= 0) {
    if (JSON.stringify(events[known]) === JSON.stringify(event)) return false
    events.splice(known, 1)
  }
  let at = events.length
  while (at > 0 && compare(events[at - 1] as CartEvent, event) > 0) at--
  events.splice(at, 0, event)
  return true
}

export function hasEvent(events: readonly CartEvent[], name: EventName): boolean {
  return indexOf(events, name) >= 0
}

/** Answers whether it was there. */
export function takeEvent(events: CartEvent[], name: EventName): boolean {
  const at = indexOf(events, name)
  if (at < 0) return false
  events.splice(at, 1)
  return true
}

/** An event as the fold takes it. `ownedIds`: of a cart_merge, those of its carts that are this key's. */
export type ActingEvent = CartEvent & { ownedIds?: ReadonlySet<string> }

/** The set as the fold takes it: each event once, although a cart_merge may have come through two hops. */
export function actingEvents(events: readonly CartEvent[]): readonly ActingEvent[] {
  if (!events.some(({ name }) => name === 'cart_merge')) return events
  const owned = new Map<string, Set<string>>()
  for (const event of events) {
    if (event.name !== 'cart_merge') continue
    const ids = owned.get(nameOf(event)) ?? new Set()
    if (event.namedCart === 'owner' && event.via !== undefined) ids.add(event.via)
    owned.set(nameOf(event), ids)
  }
  const acting: ActingEvent[] = []
  for (const event of events) {
    const ownedIds = owned.get(nameOf(event))
    if (ownedIds === undefined) acting.push(event)
    else if (acting.at(-1)?.ownedIds !== ownedIds) acting.push({ ...event, ownedIds })
  }
  return acting
}

export function nameOf({ source, eventId }: EventName): string {
  return `${source}\n${eventId}`
}

function indexOf(events: readonly CartEvent[], { source, eventId, via }: EventName): number {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i] as CartEvent
    if (event.eventId === eventId && event.source === source && event.via === via) return i
  }
  return -1
}

function compare(a: CartEvent, b: CartEvent): number {
  // An absent `seq` reads as undefined, which is all that T3 asks.
  return compareT3(a as Ordered, b as Ordered)
}
