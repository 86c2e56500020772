// R5, pure: the events of everybody that name one cartId → whose cart it is, and which keys must know each event.
//
// The owner is the key of the first cart or checkout event (T3) that names the id. What acts on the cart goes to the
// owner's key, and to its own person's key too if that is another one, where it is activity and no more. Before the id
// has an owner, nobody's cart has that id, and a purchase looks for a cart of its own person instead (R16, R17).
//
// A late event may be the first, and a login may rename the owner's key: then the row is gone through again, and the
// difference to what was forwarded is forwarded.

import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import { givesOwner } from '../cart/roles.ts'
import type { CartCommand, CartEvent, CommandInput, Person } from '../model.ts'

export interface NamingEvent {
  event: CartEvent
  /** Where it was forwarded to, and as what. */
  sent: Destination[]
  /** It came anew, and may be told otherwise than it was forwarded. */
  isNew: boolean
  input: CommandInput
}

export type Destination = [key: Person, as: NonNullable<CartEvent['namedCart']>]

/** Who named the id first; kept for ever. */
export interface Owner {
  route: Person
  source: string
  eventId: string
}

export interface CartOwnerState {
  cartId: string
  nextOffset: number
  /** T3 order. */
  events: NamingEvent[]
  /** Of events that are gone; while there are none, the events tell. */
  owner: Owner | null
  /** Events before it were let go: of them this is the end. Kept for ever. */
  toldFromMs: number | null
  /** The key that writes of this cart, and how often that changed. */
  home: { key: Person; move: number } | null
}

export function emptyCartOwner(cartId: string): CartOwnerState {
  return { cartId, nextOffset: 0, events: [], owner: null, toldFromMs: null, home: null }
}

type InCommand = Extract<CartCommand, { kind: 'in' }>

export function putNaming(state: CartOwnerState, { event, input }: InCommand): void {
  const { events, owner } = state
  const known = events.findIndex(({ event: other }) => isSame(other, event))
  const before = events[known]
  if (before !== undefined) events.splice(known, 1)
  let at = events.length
  while (at > 0 && compare((events[at - 1] as NamingEvent).event, event) > 0) at--
  events.splice(at, 0, { event, sent: before?.sent ?? [], isNew: true, input })
  if (owner !== null && isSame(owner, event)) owner.route = event.route
}

export function forwardEvents(state: CartOwnerState): CartCommand[] {
  const { cartId, events, owner } = state
  let ownerKey = owner?.route ?? null
  const commands = moveHome(state, ownerKey ?? firstOwnerOf(events))
  for (const naming of events) {
    const { event, sent, isNew, input } = naming
    if (ownerKey === null && givesOwner(event.name)) ownerKey = event.route
    const destinations = destinationsOf(event.route, ownerKey)
    if (!isNew && isSameList(sent, destinations)) continue
    for (const [key] of sent) {
      if (destinations.some(([other]) => other === key)) continue
      const { eventId, source } = event
      commands.push({ kind: 'out', key, eventId, source, via: cartId, input })
    }
    for (const [key, namedCart] of destinations) {
      const told: CartEvent = { ...event, namedCart, via: cartId }
      if (namedCart === 'elsewhere' && ownerKey !== null) told.owner = ownerKey
      commands.push({ kind: 'in', key, event: told, input })
    }
    naming.sent = destinations
    naming.isNew = false
  }
  return commands
}

function firstOwnerOf(events: readonly NamingEvent[]): Person | null {
  return events.find(({ event }) => givesOwner(event.name))?.event.route ?? null
}

/** An earlier owner, or the same under another name: both keys are told, before the events. */
function moveHome(state: CartOwnerState, key: Person | null): CartCommand[] {
  const { cartId, home, events, toldFromMs } = state
  if (key === null || home?.key === key) return []
  state.home = { key, move: home === null ? 0 : home.move + 1 }
  const input = events[events.length - 1]?.input
  if (home === null || input === undefined) return []
  const move = { cartKey: `c:${cartId}`, move: state.home.move, input }
  return [
    { kind: 'away', key: home.key, to: key, ...(toldFromMs !== null && { toldFromMs }), ...move },
    { kind: 'here', key, ...move },
  ]
}

function destinationsOf(route: Person, ownerKey: Person | null): Destination[] {
  if (ownerKey === null) return [[route, 'nobody']]
  if (ownerKey === route) return [[route, 'owner']]
  return [
    [ownerKey, 'owner'],
    [route, 'elsewhere'],
  ]
}

/** Lets every event go; who owns the id stays. */
export function rememberOwner(state: CartOwnerState): void {
  const first = state.events.find(({ event }) => givesOwner(event.name))?.event
  if (state.owner === null && first !== undefined) {
    const { route, source, eventId } = first
    state.owner = { route, source, eventId }
  }
  const last = state.events.at(-1)?.event
  if (last !== undefined) state.toldFromMs = Math.max(state.toldFromMs ?? 0, last.timeMs + 1)
  state.events = []
}

function isSameList(a: readonly Destination[], b: readonly Destination[]): boolean {
  return a.length === b.length && a.every(([key, as], i) => key === b[i]?.[0] && as === b[i]?.[1])
}

function isSame(
  a: { source: string; eventId: string },
  b: { source: string; eventId: string },
): boolean {
  return a.eventId === b.eventId && a.source === b.source
}

function compare(a: CartEvent, b: CartEvent): number {
  // An absent `seq` reads as undefined, which is all that T3 asks.
  return compareT3(a as Ordered, b as Ordered)
}
