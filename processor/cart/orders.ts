// R20 for carts: the first report of an order by T3 acts, per person, so that shop and order service may both report it.
// What a first link makes the user's (R4) are the visitor's orders, too.
//
// A key knows all purchases of its persons. One that names the cart of somebody else acts under another key, which does
// not: so the key of its person, whom the hop tells whose cart it is (owner/cart-owner.ts), says to the key of the cart's
// owner whether it repeats an order.

import type { CartEvent, OrderCommand, Person } from '../model.ts'
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

/** What the owner of another cart must know: the purchase, by name, and the owner's key. */
export type Repeats = Record<string, Pick<CartEvent, 'source' | 'eventId'> & { owner: Person }>

export function repeatsOf(events: Iterable<CartEvent>): Repeats {
  const repeats: Repeats = {}
  for (const event of events) {
    const { namedCart, owner, source, eventId } = event
    if (namedCart !== 'elsewhere' || owner === undefined) continue
    repeats[nameOf(event)] = { source, eventId, owner }
  }
  return repeats
}

/** The difference to what was said before; of a cart that has another owner now, to both. */
export function sayRepeats(from: Person, before: Repeats, now: Repeats): OrderCommand[] {
  const say = (repeats: Repeats, than: Repeats, isRepeat: boolean): OrderCommand[] =>
    Object.entries(repeats)
      .filter(([name, { owner }]) => than[name]?.owner !== owner)
      .map(([, { source, eventId, owner }]) => {
        return { kind: 'order', key: owner, from, source, eventId, isRepeat }
      })
  return [...say(before, now, false), ...say(now, before, true)]
}

/** At the cart's owner: by purchase the keys that say it repeats an order. Only the key of its person is believed. */
export type ToldRepeats = Record<string, Person[]>

export function hearRepeat(told: ToldRepeats, { from, isRepeat, ...name }: OrderCommand): void {
  const others = (told[nameOf(name)] ?? []).filter((key) => key !== from)
  if (isRepeat) told[nameOf(name)] = [...others, from]
  else if (others.length > 0) told[nameOf(name)] = others
  else delete told[nameOf(name)]
}

/** The event as this key holds it. */
export function withRepeat(event: CartEvent, told: ToldRepeats): CartEvent {
  const isTold = event.namedCart === 'owner' && told[nameOf(event)]?.includes(event.route) === true
  if (isTold === (event.isRepeat === true)) return event
  const { isRepeat: _, ...plain } = event
  return isTold ? { ...plain, isRepeat: true } : plain
}
