// S5: the row of a session from its events. Person and user are those of its last event; landing and exit its first and
// last page with a URL; referrer, campaign, country and device those of its first event that has one.

import type { EventName } from '#stack/contract/events.ts'
import type { SessionRecord } from '#stack/contract/session.ts'
import { isoTime, secondMs } from '#stack/base/units.ts'
import type { Person } from '../model.ts'
import type { VisitorEvent } from '../visitor.ts'
import type { Session } from './sessionize.ts'

/** Everything about a session that its events alone do not say. */
export interface SessionFacts {
  sessionKey: string
  visitor: string
  personId: Person
  /** Purchases that are the first of their order among the visitor's activity (R20). */
  firstOrders: ReadonlySet<VisitorEvent>
  isClosed: boolean
  revision: number
  processedAt: string
}

/** An engaged session lasts longer than this, or has two page views, or an order (2.7). */
const engagedMs = 10 * secondMs

export function sessionRecord(
  { events, firstMs, lastMs }: Session<VisitorEvent>,
  facts: SessionFacts,
): SessionRecord {
  const { sessionKey, visitor, personId, firstOrders, isClosed, revision, processedAt } = facts
  const durationMs = lastMs - firstMs
  const counts = countNames(events)
  const orders = countOf(events, firstOrders)
  const pages = pagesOf(events)
  const campaign = firstWith(events, 'campaign')
  return {
    sessionKey,
    personId,
    anonymousId: visitor.startsWith('a:') ? visitor.slice(2) : null,
    userId: (events[events.length - 1] as VisitorEvent).userId ?? null,
    startedAt: isoTime(firstMs),
    endedAt: isoTime(lastMs),
    durationMs,
    eventCount: events.length,
    pageViews: counts.page_view ?? 0,
    productViews: counts.view_item ?? 0,
    adds: counts.add_to_cart ?? 0,
    checkouts: counts.begin_checkout ?? 0,
    orders,
    engaged: durationMs > engagedMs || (counts.page_view ?? 0) >= 2 || orders > 0,
    funnelStep: funnelStepOf(events, firstOrders),
    ...pages,
    campaignSource: campaign?.source ?? null,
    campaignMedium: campaign?.medium ?? null,
    campaignName: campaign?.name ?? null,
    country: firstWith(events, 'country'),
    device: firstWith(events, 'device'),
    isClosed,
    revision,
    processedAt,
  }
}

function countNames(events: readonly VisitorEvent[]): Partial<Record<EventName, number>> {
  const counts: Partial<Record<EventName, number>> = {}
  for (const { name } of events) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

export function countOf(
  events: readonly VisitorEvent[],
  firstOrders: ReadonlySet<VisitorEvent>,
): number {
  if (firstOrders.size === 0) return 0
  return events.reduce((count, event) => count + (firstOrders.has(event) ? 1 : 0), 0)
}

const funnel: readonly EventName[] = ['view_item', 'add_to_cart', 'begin_checkout', 'purchase']

/** The closed funnel (2.7): each step after (T3) the first that took the one before; a purchase only as R20 counts. */
function funnelStepOf(
  events: readonly VisitorEvent[],
  firstOrders: ReadonlySet<VisitorEvent>,
): SessionRecord['funnelStep'] {
  let step = 0
  for (const event of events) {
    if (event.name !== funnel[step]) continue
    if (event.name === 'purchase' && !firstOrders.has(event)) continue
    step++
  }
  return step as SessionRecord['funnelStep']
}

function pagesOf(
  events: readonly VisitorEvent[],
): Pick<SessionRecord, 'landingUrl' | 'exitUrl' | 'referrer'> {
  const withUrl = (event: VisitorEvent): boolean => (event.page?.url ?? null) !== null
  return {
    landingUrl: events.find(withUrl)?.page?.url ?? null,
    exitUrl: events.findLast(withUrl)?.page?.url ?? null,
    referrer: events.find(({ page }) => page !== undefined)?.page?.referrer ?? null,
  }
}

function firstWith<K extends 'campaign' | 'country' | 'device'>(
  events: readonly VisitorEvent[],
  key: K,
): VisitorEvent[K] | null {
  for (const event of events) if (event[key] !== null) return event[key]
  return null
}
