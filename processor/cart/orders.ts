// R20 for carts: the first report of an order by T3 acts, per person, so that shop and order service may both report it.
// What a first link makes the user's (R4) are the visitor's orders, too.
//
// A key knows all purchases of its persons. One that names the cart of somebody else acts under another key, which does
// not: so the key of its person says to the hop of that cartId whether it repeats an order, and the hop tells the cart's
// owner (owner/cart-owner.ts).

import type { CartEvent, OrderCommand, Person } from '../model.ts'
import type { EventName } from './event-set.ts'
import { nameOf } from './event-set.ts'

/** An order and the event that reported it first: told once more, that one is no repetition of itself. */
export type Reported = [orderId: string, event: string]

/** By person, or by cartId; then by orderId the event. */
export type KnownOrders = Map<string, Map<string, string>>

export interface PersonOrders {
  byPerson: KnownOrders
  repeated: ReadonlySet<CartEvent>
}

export function orderIdOf({ data, eventId }: CartEvent): string {
  return data?.orderId ?? eventId
}

/** The events in T3 order; `base`: orders of events that were let go (T5). */
export function ordersOf(
  events: readonly CartEvent[],
  base: readonly [Person, Reported[]][] = [],
): PersonOrders {
  const byPerson = knownOrders(base)
  const repeated = new Set<CartEvent>()
  for (const event of events) {
    if (event.linksVisitor !== undefined) rename(byPerson, event.linksVisitor, event.mark)
    if (event.name !== 'purchase') continue
    if (event.isRepeat === true || isReported(byPerson, event.mark, event)) repeated.add(event)
    else noteOrder(byPerson, event.mark, event)
  }
  return { byPerson, repeated }
}

export function knownOrders(base: readonly [string, Reported[]][]): KnownOrders {
  return new Map(base.map(([of, orders]) => [of, new Map(orders)]))
}

export function reportedOf(known: KnownOrders): [string, Reported[]][] {
  return [...known].map(([of, orders]) => [of, [...orders]])
}

/** Before, by another event. */
export function isReported(known: KnownOrders, of: string, event: CartEvent): boolean {
  const first = known.get(of)?.get(orderIdOf(event))
  return first !== undefined && first !== nameOf(event)
}

export function noteOrder(known: KnownOrders, of: string, event: CartEvent): void {
  const orders = known.get(of) ?? new Map<string, string>()
  known.set(of, orders.set(orderIdOf(event), nameOf(event)))
}

/** Of an order that both have, each keeps its own first report. */
function rename(byPerson: KnownOrders, visitor: Person, user: Person): void {
  const orders = byPerson.get(visitor)
  if (orders !== undefined) byPerson.set(user, new Map([...orders, ...(byPerson.get(user) ?? [])]))
}

/** Of what the owner of another cart must know: the purchase and the cartId that it names, by name. */
export type Repeats = Record<string, EventName & { cartId: string }>

export function repeatsOf(events: Iterable<CartEvent>): Repeats {
  const repeats: Repeats = {}
  for (const event of events) {
    const { namedCart, cartId, source, eventId } = event
    if (namedCart !== 'elsewhere' || cartId === undefined) continue
    repeats[nameOf(event)] = { source, eventId, cartId }
  }
  return repeats
}

/** The difference to what was said before. */
export function sayRepeats(from: Person, before: Repeats, now: Repeats): OrderCommand[] {
  const say = (repeats: Repeats, than: Repeats, isRepeat: boolean): OrderCommand[] =>
    Object.entries(repeats)
      .filter(([name]) => than[name] === undefined)
      .map(([, { source, eventId, cartId }]) => {
        return { kind: 'order', key: cartId, from, source, eventId, isRepeat }
      })
  return [...say(before, now, false), ...say(now, before, true)]
}
