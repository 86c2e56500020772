// For tests: the event-time rules told a second time, from events.md 2 alone: all events at once, in the plainest way, by
// code that shares nothing with the pipeline but the contract. This file: each event once, in the order T3, with what the
// rules see in it and whose it is. Then sessions.ts and carts.ts; world.ts makes tables of them.

import type { CatalogueLine } from '#stack/contract/catalogue.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'

/** What the rules are told beside the events. */
export interface Surroundings {
  settings: Settings
  /** Windows that end later are still open. */
  watermarkMs: number
  listingOf(productId: string, ms: number): CatalogueLine | undefined
  agentOf(userAgent: string): { isBot: boolean; device: string | null }
  countryOf(ip: string): string | null
}

/** An event as the rules see it. */
export interface Fact extends Seen {
  /** Valid at the event, and retroactive (R2). */
  personId: string
  stitchedPersonId: string
  session?: Fact[]
}

export function factsOf(log: readonly ShopEvent[], around: Surroundings): Fact[] {
  const isCopy = (a: ShopEvent, b: ShopEvent) => a.source === b.source && a.eventId === b.eventId
  const once = log.filter((event, i) => i === log.findIndex((other) => isCopy(event, other))) // T4
  const facts = once.map((event) => seen(event, around)).sort(ascending(t3))
  return facts.map((fact, i) => {
    const isOwn = ({ isLink, visitor }: Seen) => isLink && visitor === fact.visitor
    const personId = personOf(fact, facts.slice(0, i + 1).findLast(isOwn))
    return { ...fact, personId, stitchedPersonId: personOf(fact, facts.findLast(isOwn)) }
  })
}

type Seen = ReturnType<typeof seen>

function seen(event: ShopEvent, { settings, agentOf, countryOf }: Surroundings) {
  const { context = {}, name, source, anonymousId, userId, flags = [] } = event
  const [ms, receivedMs] = [Date.parse(event.eventTime), Date.parse(event.receivedAt)]
  const isTooLate = receivedMs - ms > settings.allowedLatenessMs // T1
  const isLate = receivedMs - ms > settings.watermarkDelayMs && !isTooLate
  const { isBot, device } = agentOf(context.userAgent ?? '')
  const isTest = context.test === true
  const hasConsent = !flags.includes('noConsent')
  const isRuled = hasConsent && !isBot && !isTest && !isTooLate // R12, R24
  const isServer = settings.serverSources.includes(source)
  const isActivity = isRuled && !isServer && name !== 'custom' && name !== 'refund' // R12
  const isLink = isRuled && anonymousId !== undefined && userId !== undefined // R2
  const visitor = anonymousId === undefined ? `u:${userId}` : `a:${anonymousId}` // S1
  const country = context.ip === undefined ? null : countryOf(context.ip)
  const told = { ms, receivedMs, isLate, isTooLate, isBot, isTest, hasConsent, visitor }
  return { ...event, ...told, isRuled, isActivity, isLink, country, device }
}

/** R3. */
function personOf({ userId, visitor }: Seen, link: Seen | undefined): string {
  const user = userId ?? link?.userId
  return user === undefined ? visitor : `u:${user}`
}

type Key = readonly (number | string)[]

const ranks = [
  'identify',
  'cart_merge',
  'any other',
  'add_to_cart',
  'cart_update',
  'remove_from_cart',
  'view_cart',
  'begin_checkout',
  'checkout_step',
  'purchase',
  'refund',
]

/** T3. */
export function t3({ ms, seq = Infinity, name, eventId, source }: Seen): Key {
  return [ms, seq, ranks.indexOf(ranks.includes(name) ? name : 'any other'), eventId, source]
}

/** By these keys in turn; strings by their UTF-8 bytes. */
export function ascending<T>(keyOf: (of: T) => Key): (a: T, b: T) => number {
  return (a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)]
    const at = left.findIndex((key, i) => key !== right[i])
    const [one = 0, other = 0] = [left[at], right[at]]
    if (one === other) return 0
    return typeof one === 'string' ? compareBytes(one, `${other}`) : one < Number(other) ? -1 : 1
  }
}

export const sum = (amounts: readonly number[]): number => amounts.reduce((a, b) => a + b, 0)
