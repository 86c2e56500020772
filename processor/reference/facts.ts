// For tests: the event-time rules told a second time, from events.md 2 alone, all events at once and in the plainest way.
// This file: each event once, in the order T3, with what the rules see in it and whose it is. Then sessions.ts, carts.ts,
// money.ts; world.ts puts them together.

import type { CatalogueLine } from '#stack/contract/catalogue.ts'
import type { EventName, ShopEvent } from '#stack/contract/events.ts'
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

export interface Fact {
  event: ShopEvent
  ms: number
  receivedMs: number
  isBot: boolean
  isTest: boolean
  /** The rules see it: no bot, no test, consented, not too late. */
  isRuled: boolean
  isActivity: boolean
  visitor: string
  /** personId: valid at the event. */
  person: string | null
  /** R2, retroactive. */
  stitched: string | null
  country: string | null
  device: string | null
}

export function factsOf(log: readonly ShopEvent[], around: Surroundings): Fact[] {
  const first = new Map<string, ShopEvent>()
  for (const event of log) {
    const id = `${event.source}\n${event.eventId}`
    if (!first.has(id)) first.set(id, event) // T4
  }
  const facts = [...first.values()].map((event) => seen(event, around)).sort(byT3)
  tellPersons(facts)
  return facts
}

function seen(event: ShopEvent, { settings, agentOf, countryOf }: Surroundings): Fact {
  const { context = {}, name, source, anonymousId, userId } = event
  const ms = Date.parse(event.eventTime)
  const receivedMs = Date.parse(event.receivedAt)
  const agent = agentOf(context.userAgent ?? '')
  const isTest = context.test === true
  const isTooLate = receivedMs - ms > settings.allowedLatenessMs // T1
  const isRuled = !agent.isBot && !isTest && !isTooLate && !event.flags?.includes('noConsent') // R12, R24
  const isServer = settings.serverSources.includes(source)
  return {
    event,
    ms,
    receivedMs,
    isBot: agent.isBot,
    isTest,
    isRuled,
    isActivity: isRuled && !isServer && name !== 'custom' && name !== 'refund', // R12
    visitor: anonymousId === undefined ? `u:${userId}` : `a:${anonymousId}`, // S1
    person: null,
    stitched: null,
    country: context.ip === undefined ? null : countryOf(context.ip),
    device: agent.device,
  }
}

/** R2, R3: an event's own user, else the one its visitor was linked to last: until then, or ever. */
function tellPersons(facts: readonly Fact[]): void {
  const linked = new Map<string, string>()
  const personOf = ({ event, visitor }: Fact): string | null => {
    if (event.flags?.includes('noConsent')) return null
    const user = event.userId ?? linked.get(visitor)
    return user === undefined ? visitor : `u:${user}`
  }
  for (const fact of facts) {
    if (isLink(fact)) linked.set(fact.visitor, fact.event.userId as string)
    fact.person = personOf(fact)
  }
  for (const fact of facts) fact.stitched = personOf(fact)
}

export function isLink({ isRuled, event }: Fact): boolean {
  return isRuled && event.anonymousId !== undefined && event.userId !== undefined
}

const ranks: readonly (readonly EventName[])[] = [
  ['identify'],
  ['cart_merge'],
  ['page_view', 'view_item', 'view_item_list', 'select_item', 'search', 'custom'],
  ['add_to_cart'],
  ['cart_update'],
  ['remove_from_cart'],
  ['view_cart'],
  ['begin_checkout'],
  ['checkout_step'],
  ['purchase'],
  ['refund'],
]

/** T3. Without `seq` after those with. */
export function byT3(a: Fact, b: Fact): number {
  const rank = ({ event }: Fact): number => ranks.findIndex((names) => names.includes(event.name))
  const seq = ({ event }: Fact): number => event.seq ?? Infinity
  return (
    a.ms - b.ms ||
    (seq(a) === seq(b) ? 0 : seq(a) - seq(b)) ||
    rank(a) - rank(b) ||
    byBytes(a.event.eventId, b.event.eventId) ||
    byBytes(a.event.source, b.event.source)
  )
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The campaign of an event that has one. */
export function campaignOf({ event }: Fact): (string | null)[] | undefined {
  const { source, medium, name } = event.context?.campaign ?? {}
  const campaign = [source ?? null, medium ?? null, name ?? null]
  return campaign.every((part) => part === null) ? undefined : campaign
}

/** Country, device, campaign of a summary: of its first event that has one (interfaces.md 4). */
export function originOf(facts: readonly Fact[]) {
  const found = <T>(values: (T | null)[]): T | null => values.find((each) => each !== null) ?? null
  return {
    country: found(facts.map(({ country }) => country)),
    device: found(facts.map(({ device }) => device)),
    ...campaignColumns(facts),
  }
}

export function campaignColumns(facts: readonly Fact[]) {
  const campaign = facts.map(campaignOf).find((each) => each !== undefined) ?? []
  return {
    campaign_source: campaign[0] ?? null,
    campaign_medium: campaign[1] ?? null,
    campaign_name: campaign[2] ?? null,
  }
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
