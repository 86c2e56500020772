// What of a visitor travels to stage two, and under which key. Cart events, purchases and the first link always do.
// Mere activity does where it can extend a cart of its person (R12, R13): always for a known user, whose carts may be on
// another device; for a visitor without a link only while a cart event of its own is less than W of activity away, or
// once it has named a cartId, since others may keep such a cart alive (R5). An event that names a cartId goes to the
// hop under that id, everything else straight to its person.
//
// What was sent is remembered as one line: route, person, session, first link. When a later fold says another line, the
// event is sent again, and taken out of the key it was under. A set of events is kept there, so sending twice is safe.

import type { Settings } from '#stack/contract/settings.ts'
import { cartIdsNamed } from '../cart/roles.ts'
import type { CartCommand, CartEvent, CommandInput, Person } from '../model.ts'
import type { VisitorEvent, VisitorState } from '../visitor.ts'
import { routeOf } from './people.ts'
import type { People } from './people.ts'

export interface RoutedCommand {
  to: 'cartsById' | 'cartsByPerson'
  command: Exclude<CartCommand, { kind: 'watermark' }>
}

export function routeEvents(
  state: VisitorState,
  people: People,
  settings: Pick<Settings, 'abandonAfterMs'>,
  partition: number,
): RoutedCommand[] {
  const commands = moveHome(state, people.unlinkedRoute, partition)
  let chainEndsMs = -Infinity
  for (let i = 0; i < state.events.length; i++) {
    const event = state.events[i] as VisitorEvent
    const person = people.persons[i] as Person
    const isFirstLink = i === people.firstLink
    if (event.isCartEvent || (event.isActivity && event.timeMs < chainEndsMs)) {
      chainEndsMs = Math.max(chainEndsMs, event.timeMs + settings.abandonAfterMs)
    } else if (!isFirstLink && !mayExtendCart(event, person, state)) continue
    const travelling = { event, person, route: routeOf(person, state, people), isFirstLink }
    sendIfChanged(travelling, state.visitor, partition, commands)
    // Before its first link; a user's own key never moves.
    if (person === state.visitor && person.startsWith('a:'))
      state.home ??= { route: people.unlinkedRoute, move: 0 }
  }
  return commands
}

/** What `a:A` owned goes with A's first link to that link's user; both keys are told, before the events. */
function moveHome(state: VisitorState, route: Person, partition: number): RoutedCommand[] {
  const { visitor, home, events } = state
  if (home === null || home.route === route) return []
  const before = home.route
  home.route = route
  home.move++
  const last = events[events.length - 1]
  const input = { partition, offset: last?.offset ?? 0 }
  const move = { cartKey: visitor, move: home.move, input }
  const told = events.find((event) => event.sent !== undefined && cartIdsNamed(event).length === 0)
  const toldFromMs = told?.timeMs ?? last?.timeMs ?? 0
  return [
    { to: 'cartsByPerson', command: { kind: 'away', key: before, to: route, toldFromMs, ...move } },
    { to: 'cartsByPerson', command: { kind: 'here', key: route, ...move } },
  ]
}

function mayExtendCart(event: VisitorEvent, person: Person, state: VisitorState): boolean {
  if (!event.isActivity) return false
  if (person.startsWith('u:')) return true
  return state.namesCartsFromMs !== null && event.timeMs >= state.namesCartsFromMs
}

interface Travelling {
  event: VisitorEvent
  person: Person
  route: Person
  isFirstLink: boolean
}

const noCarts: ReadonlySet<string> = new Set()

function sendIfChanged(
  travelling: Travelling,
  visitor: string,
  partition: number,
  commands: RoutedCommand[],
): void {
  const { event, person, route, isFirstLink } = travelling
  const sessionKey = event.isCartEvent ? event.sessionKey : null
  const line = `${route}\n${person}\n${sessionKey ?? ''}\n${isFirstLink ? 1 : 0}`
  if (event.sent === line) return
  const before = event.sent
  event.sent = line
  const input = { partition, offset: event.offset }
  const cartIds = event.isCartEvent ? new Set(cartIdsNamed(event)) : noCarts
  if (cartIds.size === 0) takeOut(event, before, route, input, commands)
  const cartEvent = cartEventOf(travelling, visitor, sessionKey)
  for (const cartId of cartIds) {
    commands.push({
      to: 'cartsById',
      command: { kind: 'in', key: cartId, event: cartEvent, input },
    })
  }
  if (cartIds.size > 0) return
  commands.push({
    to: 'cartsByPerson',
    command: { kind: 'in', key: route, event: cartEvent, input },
  })
}

function takeOut(
  { eventId, source }: VisitorEvent,
  before: string | undefined,
  route: Person,
  input: CommandInput,
  commands: RoutedCommand[],
): void {
  if (before === undefined) return
  const key = before.slice(0, before.indexOf('\n'))
  if (key === route) return
  commands.push({ to: 'cartsByPerson', command: { kind: 'out', key, eventId, source, input } })
}

function cartEventOf(
  { event, person, route, isFirstLink }: Travelling,
  visitor: string,
  sessionKey: string | null,
): CartEvent {
  const cartEvent: CartEvent = {
    eventId: event.eventId,
    source: event.source,
    name: event.name,
    timeMs: event.timeMs,
    receivedMs: event.receivedMs,
    person,
    mark: person,
    route,
    isActivity: event.isActivity,
    isServer: event.isServer,
    sessionKey,
    country: event.isCartEvent ? event.country : null,
    device: event.isCartEvent ? event.device : null,
    campaign: event.isCartEvent ? event.campaign : null,
    marketing: event.marketing,
  }
  if (event.seq !== undefined) cartEvent.seq = event.seq
  if (visitor.startsWith('a:')) cartEvent.anonymousId = visitor.slice(2)
  if (event.userId !== undefined) cartEvent.userId = event.userId
  // An event that is no cart event acts on none, whatever it names.
  if (event.isCartEvent && event.cartId !== undefined) cartEvent.cartId = event.cartId
  if (event.data !== undefined) cartEvent.data = event.data
  if (isFirstLink) cartEvent.linksVisitor = visitor
  return cartEvent
}
