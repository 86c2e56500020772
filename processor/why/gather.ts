// Known events, all at once, to what each key of stage two holds of them: R1, R2, R4 and R5 told as one batch over the
// whole set, where the running stages tell them one event at a time. For explaining a cart from history, and for tests.

import type { EnrichedEvent, ShopEvent } from '#stack/contract/events.ts'
import { compareT3, orderedOf } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { nameOf } from '../cart/event-set.ts'
import { foldPerson } from '../cart/fold.ts'
import { orderIdOf } from '../cart/orders.ts'
import type { Said } from '../cart/orders.ts'
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
export function gatherCarts(log: readonly KnownEvent[], settings: Settings): Gathered {
  const gathered: Gathered = { keys: new Map(), excluded: [] }
  const kept = keepRuled(log, gathered)
    .map((event) => ({ event, place: orderedOf(event) }))
    .sort((a, b) => compareT3(a.place, b.place))
    .map(({ event }) => event)
  const people = peopleOf(kept)
  const events = kept.map((event) => cartEventOf(event, people, settings.serverSources))
  gathered.keys = distributeAll(events, settings)
  return gathered
}

/** R5, R20: until no key has anything new to say of an order; each round settles at least one purchase more in T3 order. */
function distributeAll(events: readonly CartEvent[], settings: Settings): Map<Person, CartEvent[]> {
  const owners = ownersOf(events)
  let words: Words = {}
  for (;;) {
    const keys = new Map<Person, CartEvent[]>()
    const named = new Set<string>()
    for (const [at, event] of events.entries()) {
      if (givesOwner(event.name)) for (const id of cartIdsNamed(event)) named.add(id)
      const isRepeat = isRepeated(event, at, events, words)
      distribute(isRepeat ? { ...event, isRepeat: true } : event, owners, named, keys)
    }
    const said = wordsOfKeys(keys, settings)
    if (JSON.stringify(said) === JSON.stringify(words)) return keys
    words = said
  }
}

type Words = Readonly<Record<string, Said>>

/** Of purchases that name a cart of somebody else, or of nobody; no fold is needed where there is none. */
function wordsOfKeys(keys: ReadonlyMap<Person, CartEvent[]>, settings: Settings): Words {
  const words: Record<string, Said> = {}
  for (const events of keys.values()) {
    const isAsked = events.some(
      ({ name, namedCart = 'owner' }) => name === 'purchase' && namedCart !== 'owner',
    )
    if (isAsked) Object.assign(words, foldPerson(events, Infinity, settings).words)
  }
  return words
}

/** R20: known to its person, or its order has closed a cart through the same cartId under another key. */
function isRepeated(
  event: CartEvent,
  at: number,
  events: readonly CartEvent[],
  words: Words,
): boolean {
  if (event.name !== 'purchase' || event.cartId === undefined) return false
  if (words[nameOf(event)]?.word === 'repeats') return true
  return events.slice(0, at).some((other) => {
    const { word, cartId } = words[nameOf(other)] ?? {}
    return word === 'closes' && cartId === event.cartId && orderIdOf(other) === orderIdOf(event)
  })
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
      const { isRepeat: _isRepeat, ...activity } = event
      put(keys, event.route, { ...activity, via, namedCart: 'elsewhere' })
    }
  }
}

function put(keys: Map<Person, CartEvent[]>, key: Person, event: CartEvent): void {
  const events = keys.get(key)
  if (events === undefined) keys.set(key, [event])
  else events.push(event)
}
