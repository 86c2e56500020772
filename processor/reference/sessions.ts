// For tests: S1 to S5 as they stand in the rules.

import { hashId } from '#stack/contract/ids.ts'
import type { Row } from '#stack/contract/tables.ts'
import { originOf, timeText } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'

export interface Session {
  key: string
  facts: Fact[]
  /** Purchases that are the first of their order among the visitor's activity (R20). */
  orders: Fact[]
}

export function sessionsOf(facts: readonly Fact[], { settings }: Surroundings): Session[] {
  const { sessionGapMs, maxSessionMs } = settings
  const sessions: Session[] = []
  const active = facts.filter(({ isActivity }) => isActivity) // S2
  for (const [visitor, own] of Map.groupBy(active, (fact) => fact.visitor)) {
    const ordered = new Set<string>()
    let session: Session | undefined
    for (const fact of own) {
      const { event, ms } = fact
      const firstMs = session?.facts[0]?.ms ?? 0
      const lastMs = session?.facts.at(-1)?.ms ?? 0
      const isTooLong = maxSessionMs > 0 && ms - firstMs >= maxSessionMs
      if (session === undefined || ms - lastMs >= sessionGapMs || isTooLong) {
        const key = hashId('session', visitor, event.source, event.eventId) // S4
        session = { key, facts: [], orders: [] }
        sessions.push(session)
      }
      session.facts.push(fact)
      const { orderId = '' } = event.data
      if (event.name === 'purchase' && !ordered.has(orderId)) session.orders.push(fact)
      if (event.name === 'purchase') ordered.add(orderId)
    }
  }
  return sessions
}

export function sessionRow(session: Session, around: Surroundings): Row<'sessions'> {
  const { facts, orders, key } = session
  const { sessionGapMs, maxSessionMs } = around.settings
  const [first, last] = [facts[0] as Fact, facts.at(-1) as Fact]
  const count = (name: string): number => facts.filter(({ event }) => event.name === name).length
  const pages = facts.flatMap(({ event }) => event.context?.page ?? [])
  const urls = pages.flatMap(({ url }) => url ?? [])
  const durationMs = last.ms - first.ms
  const endMs = Math.min(last.ms + sessionGapMs, first.ms + (maxSessionMs || Infinity)) // S5
  return {
    session_key: key,
    person_id: last.person as string,
    anonymous_id: first.event.anonymousId ?? null,
    user_id: last.event.userId ?? null,
    started_at: timeText(first.ms),
    ended_at: timeText(last.ms),
    duration_ms: durationMs,
    event_count: facts.length,
    page_views: count('page_view'),
    product_views: count('view_item'),
    adds: count('add_to_cart'),
    checkouts: count('begin_checkout'),
    orders: orders.length,
    funnel_step: funnelStep(session),
    engaged: durationMs > 10_000 || count('page_view') >= 2 || orders.length > 0,
    landing_url: urls[0] ?? null,
    exit_url: urls.at(-1) ?? null,
    referrer: pages[0]?.referrer ?? null,
    ...originOf(facts),
    is_closed: around.watermarkMs >= endMs,
  }
}

/** 2.7: each step after (T3) the one before it. */
function funnelStep({ facts, orders }: Session): number {
  const steps = ['view_item', 'add_to_cart', 'begin_checkout', 'purchase']
  let step = 0
  for (const fact of facts) {
    const isNext = fact.event.name === steps[step]
    if (isNext && (step < 3 || orders.includes(fact))) step++
  }
  return step
}
