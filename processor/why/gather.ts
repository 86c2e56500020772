// Known events, all at once, to what each key of stage two holds of them: R1, R2, R4 and R5 told as one batch over the
// whole set, where the running stages tell them one event at a time. For explaining a cart from history, and for tests.

import type { EnrichedEvent, ShopEvent } from '#stack/contract/events.ts'
import { compareT3, orderedOf } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { nameOf } from '../cart/event-set.ts'
import { ordersOf, repeatsOf } from '../cart/orders.ts'
import { cartIdsNamed, givesOwner, roleOf } from '../cart/roles.ts'
import type { CartData, CartEvent, CartItem, Person } from '../model.ts'

/** An event with what the processor found out about it; `sessionKey` by the tables' final word. */
export type KnownEvent = ShopEvent &
  Pick<EnrichedEvent, 'country' | 'device' | 'listPrices'> & { sessionKey: string | null }

/** Why an event takes no part in any cart. */
export type Exclusion = 'duplicate' | 'bot' | 'test' | 'without consent' | 'too late'

export interface Gathered {
  /** By key; each in T3 order. */
  keys: Map<Person, CartEvent[]>
  excluded: { event: KnownEvent; why: Exclusion }[]
}

/** The events in the order of the log, so that the first copy of each counts (T4). */
export function gatherCarts(
  log: readonly KnownEvent[],
  settings: Pick<Settings, 'serverSources'>,
): Gathered {
  const gathered: Gathered = { keys: new Map(), excluded: [] }
  const kept = keepRuled(log, gathered)
    .map((event) => ({ event, place: orderedOf(event) }))
    .sort((a, b) => compareT3(a.place, b.place))
    .map(({ event }) => event)
  const people = peopleOf(kept)
  const events = kept.map((event) => cartEventOf(event, people, settings.serverSources))
  gathered.keys = distributeAll(events)
  return gathered
}

/** R5, R20: the key of a purchase's person knows whether it repeats an order, the key of the cart's owner must know. */
function distributeAll(events: readonly CartEvent[]): Map<Person, CartEvent[]> {
  const owners = ownersOf(events)
  const keys = new Map<Person, CartEvent[]>()
  const named = new Set<string>()
  for (const event of events) {
    if (givesOwner(event.name)) for (const id of cartIdsNamed(event)) named.add(id)
    distribute(event, owners, named, keys)
  }
  const repeated = new Set(
    [...keys.values()].flatMap((own) => Object.keys(repeatsOf(ordersOf(own).repeated))),
  )
  for (const own of keys.values()) {
    for (const event of own) {
      if (event.namedCart === 'owner' && repeated.has(nameOf(event))) event.isRepeat = true
    }
  }
  return keys
}

function keepRuled(log: readonly KnownEvent[], { excluded }: Gathered): KnownEvent[] {
  const seen = new Set<string>()
  const kept: KnownEvent[] = []
  for (const event of log) {
    const id = `${event.source}\n${event.eventId}`
    const why = seen.has(id) ? 'duplicate' : exclusionOf(event)
    seen.add(id)
    if (why === null) kept.push(event)
    else excluded.push({ event, why })
  }
  return kept
}

/** R24, 1.6, T1. */
function exclusionOf({ flags = [] }: ShopEvent): Exclusion | null {
  if (flags.includes('bot')) return 'bot'
  if (flags.includes('test')) return 'test'
  if (flags.includes('noConsent')) return 'without consent'
  return flags.includes('tooLate') ? 'too late' : null
}

interface People {
  personAt: Map<ShopEvent, Person>
  firstLinks: Map<string, { event: ShopEvent; user: Person }>
}

/** R2, in T3 order. */
function peopleOf(events: readonly ShopEvent[]): People {
  const linked = new Map<string, Person>()
  const people: People = { personAt: new Map(), firstLinks: new Map() }
  for (const event of events) {
    const { anonymousId, userId } = event
    const visitor = `a:${anonymousId}`
    if (userId === undefined) {
      people.personAt.set(event, linked.get(visitor) ?? visitor)
      continue
    }
    const user = `u:${userId}`
    people.personAt.set(event, user)
    if (anonymousId === undefined) continue
    if (!linked.has(visitor)) people.firstLinks.set(visitor, { event, user })
    linked.set(visitor, user)
  }
  return people
}

function cartEventOf(
  event: KnownEvent,
  { personAt, firstLinks }: People,
  serverSources: readonly string[],
): CartEvent {
  const visitor = `a:${event.anonymousId}`
  const person = personAt.get(event) ?? visitor
  const firstLink = firstLinks.get(visitor)
  const isServer = serverSources.includes(event.source)
  const isIdle = event.name === 'custom' || event.name === 'refund'
  const isForCarts = roleOf(event.name) !== 'activity'
  const cartEvent: CartEvent = {
    eventId: event.eventId,
    source: event.source,
    name: event.name,
    timeMs: Date.parse(event.eventTime),
    receivedMs: Date.parse(event.receivedAt),
    person,
    mark: person,
    route: person === visitor ? (firstLink?.user ?? person) : person,
    isActivity: !isServer && !isIdle,
    isServer,
    sessionKey: isForCarts ? event.sessionKey : null,
    country: isForCarts ? event.country : null,
    device: isForCarts ? event.device : null,
    campaign: isForCarts ? campaignOf(event) : null,
    marketing: event.context?.consent?.marketing ?? null,
  }
  if (event.seq !== undefined) cartEvent.seq = event.seq
  if (event.anonymousId !== undefined) cartEvent.anonymousId = event.anonymousId
  if (event.userId !== undefined) cartEvent.userId = event.userId
  if (event.cartId !== undefined) cartEvent.cartId = event.cartId
  if (isForCarts) cartEvent.data = dataOf(event)
  if (firstLink?.event === event) cartEvent.linksVisitor = visitor
  return cartEvent
}

function campaignOf({ context }: ShopEvent): CartEvent['campaign'] {
  const campaign = context?.campaign
  if (campaign === undefined) return null
  const { source = null, medium = null, name = null } = campaign
  return { source, medium, name }
}

function dataOf({ data, listPrices }: KnownEvent): CartData {
  const { items, ...rest } = data
  if (items === undefined) return rest
  const priced = items.map((item, i): CartItem => {
    const listPrice = listPrices?.[i]
    return listPrice ? { ...item, listPrice } : item
  })
  return { ...rest, items: priced }
}

/** R5: the key of the first cart or checkout event that names the id. */
function ownersOf(events: readonly CartEvent[]): Map<string, Person> {
  const owners = new Map<string, Person>()
  for (const event of events) {
    if (!givesOwner(event.name)) continue
    for (const id of cartIdsNamed(event)) if (!owners.has(id)) owners.set(id, event.route)
  }
  return owners
}

/** A cart_merge goes once by each of its carts, as in the running stages. */
function distribute(
  event: CartEvent,
  owners: ReadonlyMap<string, Person>,
  named: ReadonlySet<string>,
  keys: Map<Person, CartEvent[]>,
): void {
  const ids = new Set(cartIdsNamed(event))
  if (ids.size === 0) put(keys, event.route, event)
  for (const via of ids) {
    const owner = named.has(via) ? owners.get(via) : undefined
    if (owner === undefined) put(keys, event.route, { ...event, via, namedCart: 'nobody' })
    else put(keys, owner, { ...event, via, namedCart: 'owner' })
    if (owner !== undefined && owner !== event.route) {
      put(keys, event.route, { ...event, via, namedCart: 'elsewhere' })
    }
  }
}

function put(keys: Map<Person, CartEvent[]>, key: Person, event: CartEvent): void {
  const events = keys.get(key)
  if (events === undefined) keys.set(key, [event])
  else events.push(event)
}
