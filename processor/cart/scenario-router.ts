// For tests: raw events to what each key of stage two would hold, all at once. A second, plain telling of what stage one
// and the hop do with R1, R2, R4 and R5, so that the rules of carts can be tested without them.

import type { ShopEvent } from '#stack/contract/events.ts'
import type { ListPrice } from '#stack/contract/catalogue.ts'
import { compareT3, orderedOf } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, CartItem, Person } from '../model.ts'
import { cartIdsNamed, givesOwner, roleOf } from './roles.ts'

export type Prices = (productId: string, timeMs: number) => ListPrice | undefined

/** The events in the order of the log; answers the events of each key in T3 order. */
export function routeAll(
  log: readonly ShopEvent[],
  settings: Settings,
  prices: Prices = () => undefined,
): Map<Person, CartEvent[]> {
  const kept = firstCopies(log).filter((event) => isRuled(event, settings))
  kept.sort((a, b) => compareT3(orderedOf(a), orderedOf(b)))
  const people = peopleOf(kept)
  const events = kept.map((event) => cartEventOf(event, people, settings, prices))
  const keys = new Map<Person, CartEvent[]>()
  const owners = new Map<string, Person>()
  for (const event of events) collectOwner(event, owners)
  const named = new Set<string>()
  for (const event of events) {
    if (givesOwner(event.name)) for (const id of cartIdsNamed(event)) named.add(id)
    distribute(event, owners, named, keys)
  }
  return keys
}

function firstCopies(log: readonly ShopEvent[]): ShopEvent[] {
  const seen = new Set<string>()
  return log.filter(({ source, eventId }) => {
    const id = `${source}\n${eventId}`
    return !seen.has(id) && seen.add(id)
  })
}

/** R24, 1.6, T1. */
function isRuled(event: ShopEvent, { allowedLatenessMs }: Settings): boolean {
  const lagMs = Date.parse(event.receivedAt) - Date.parse(event.eventTime)
  const isBot = /bot/i.test(event.context?.userAgent ?? '')
  const hasConsent = event.context?.consent?.analytics !== false
  return lagMs <= allowedLatenessMs && !isBot && hasConsent && event.context?.test !== true
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
    if (anonymousId !== undefined && userId !== undefined) {
      const user = `u:${userId}`
      if (!linked.has(anonymousId)) people.firstLinks.set(anonymousId, { event, user })
      linked.set(anonymousId, user)
    }
    const person =
      userId === undefined ? (linked.get(anonymousId ?? '') ?? `a:${anonymousId}`) : `u:${userId}`
    people.personAt.set(event, person)
  }
  return people
}

function cartEventOf(
  event: ShopEvent,
  { personAt, firstLinks }: People,
  { serverSources }: Settings,
  prices: Prices,
): CartEvent {
  const person = personAt.get(event) as Person
  const firstLink = firstLinks.get(event.anonymousId ?? '')
  const isServer = serverSources.includes(event.source)
  const isIdle = event.name === 'custom' || event.name === 'refund'
  const timeMs = Date.parse(event.eventTime)
  const { campaign, consent } = event.context ?? {}
  return {
    ...definedOf(event),
    eventId: event.eventId,
    source: event.source,
    name: event.name,
    timeMs,
    receivedMs: Date.parse(event.receivedAt),
    person,
    mark: person,
    route: person === `a:${event.anonymousId}` ? (firstLink?.user ?? person) : person,
    isActivity: !isServer && !isIdle,
    isServer,
    ...(firstLink?.event === event ? { linksVisitor: `a:${event.anonymousId}` } : {}),
    sessionKey: null,
    country: null,
    device: null,
    campaign:
      campaign === undefined
        ? null
        : {
            source: campaign.source ?? null,
            medium: campaign.medium ?? null,
            name: campaign.name ?? null,
          },
    marketing: consent?.marketing ?? null,
    data: dataOf(event, timeMs, prices),
  }
}

function definedOf({ seq, anonymousId, userId, cartId }: ShopEvent): Partial<CartEvent> {
  return {
    ...(seq === undefined ? {} : { seq }),
    ...(anonymousId === undefined ? {} : { anonymousId }),
    ...(userId === undefined ? {} : { userId }),
    ...(cartId === undefined ? {} : { cartId }),
  }
}

function dataOf(
  { data }: ShopEvent,
  timeMs: number,
  prices: Prices,
): NonNullable<CartEvent['data']> {
  const { items, ...rest } = data
  if (items === undefined) return rest
  const priced = items.map((item): CartItem => {
    const listPrice = prices(item.productId, timeMs)
    return listPrice === undefined ? item : { ...item, listPrice }
  })
  return { ...rest, items: priced }
}

/** R5: the key of the first cart or checkout event that names the id. */
function collectOwner(event: CartEvent, owners: Map<string, Person>): void {
  if (!givesOwner(event.name)) return
  for (const id of cartIdsNamed(event)) if (!owners.has(id)) owners.set(id, event.route)
}

function distribute(
  event: CartEvent,
  owners: ReadonlyMap<string, Person>,
  named: ReadonlySet<string>,
  keys: Map<Person, CartEvent[]>,
): void {
  const ids = cartIdsNamed(event)
  const known = ids.filter((id) => named.has(id)).map((id) => owners.get(id) as Person)
  if (known.length === 0) {
    const isNobodys = ids.length > 0 && roleOf(event.name) === 'purchase'
    put(keys, event.route, isNobodys ? { ...event, namedCart: 'nobody' } : event)
    return
  }
  for (const key of new Set([event.route, ...known])) {
    const isOwner = known.every((owner) => owner === key)
    put(keys, key, { ...event, namedCart: isOwner ? 'owner' : 'elsewhere' })
  }
}

function put(keys: Map<Person, CartEvent[]>, key: Person, event: CartEvent): void {
  const events = keys.get(key)
  if (events === undefined) keys.set(key, [event])
  else events.push(event)
}
