// R20 for carts: the first report of an order by T3 acts, per person, so that shop and order service may both report it.
// What a first link makes the user's (R4) are the visitor's orders, too.
//
// A key knows all purchases of its persons. A purchase that names the cart of somebody else acts under another key, which
// does not know them; and of a cartId that no cart has, each key knows its own purchases only. What a key can tell of
// such a purchase it says to the hop of that cartId, which tells it to whoever must know (owner/cart-owner.ts).

import type { CartEvent, OrderCommand, OrderWord, Person } from '../model.ts'
import type { EventName } from './event-set.ts'
import { nameOf } from './event-set.ts'

/** An order and the event that reported it first: told once more, that one is no repetition of itself. */
export type Reported = [orderId: string, event: string]

export type KnownOrders = Map<string, Map<string, string>>

export interface PersonOrders {
  /** By the person who placed them. */
  byPerson: KnownOrders
  repeated: ReadonlySet<CartEvent>
}

export function orderIdOf({ data, eventId }: CartEvent): string {
  return data?.orderId ?? eventId
}

/** The events in T3 order; `base`: orders of events that were let go (T5). */
export function ordersOf(
  events: readonly CartEvent[],
  base: readonly [Person, Reported[]][],
): PersonOrders {
  const byPerson = knownOrders(base)
  const repeated = new Set<CartEvent>()
  for (const event of events) {
    if (event.linksVisitor !== undefined) rename(byPerson, event.linksVisitor, event.mark)
    if (event.name !== 'purchase') continue
    if (isReported(byPerson, event.mark, event)) repeated.add(event)
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

/** What was said of a purchase, and to which hop. */
export interface Said {
  word: OrderWord
  cartId: string
  name: EventName
}

/** By the name of the purchase. `closing`: those that closed a cart of their own person, though they name another. */
export function wordsOf(
  events: readonly CartEvent[],
  repeated: ReadonlySet<CartEvent>,
  closing: ReadonlySet<CartEvent>,
): Record<string, Said> {
  const words: Record<string, Said> = {}
  for (const event of events) {
    const word = wordOf(event, repeated, closing)
    const { cartId, source, eventId } = event
    if (word !== null && cartId !== undefined) {
      words[nameOf(event)] = { word, cartId, name: { source, eventId } }
    }
  }
  return words
}

function wordOf(
  event: CartEvent,
  repeated: ReadonlySet<CartEvent>,
  closing: ReadonlySet<CartEvent>,
): OrderWord | null {
  if (event.namedCart === 'elsewhere' && repeated.has(event)) return 'repeats'
  return event.namedCart === 'nobody' && closing.has(event) ? 'closes' : null
}

/** The difference to what was said before. */
export function sayOrders(
  from: Person,
  before: Readonly<Record<string, Said>>,
  words: Readonly<Record<string, Said>>,
): OrderCommand[] {
  const changed = Object.entries(words).filter(([name, { word }]) => before[name]?.word !== word)
  const gone = Object.entries(before).filter(([name]) => words[name] === undefined)
  return [
    ...gone.map(([, said]) => commandOf(from, said, null)),
    ...changed.map(([, said]) => commandOf(from, said, said.word)),
  ]
}

function commandOf(from: Person, { cartId, name }: Said, says: OrderWord | null): OrderCommand {
  return { kind: 'order', key: cartId, from, ...name, says }
}
