// For tests: S1 to S5 as they stand in the rules. A session is the list of its events.

import { hashId } from '#stack/contract/ids.ts'
import { at, originOf, row } from './facts.ts'
import type { Fact, Row, Surroundings } from './facts.ts'

export function sessionsOf(facts: readonly Fact[], { settings }: Surroundings): Fact[][] {
  const { sessionGapMs, maxSessionMs } = settings
  const sessions: Fact[][] = []
  for (const fact of facts.filter(({ isActivity }) => isActivity)) {
    const session = sessions.findLast(([first]) => first?.visitor === fact.visitor) // S1
    const [firstMs = 0, lastMs = 0] = [session?.[0]?.ms, session?.at(-1)?.ms]
    const isTooLong = maxSessionMs > 0 && fact.ms - firstMs >= maxSessionMs
    const isNext = session !== undefined && fact.ms - lastMs < sessionGapMs && !isTooLong // S3
    fact.session = isNext ? session : []
    fact.session.push(fact)
    if (!isNext) sessions.push(fact.session)
  }
  return sessions
}

/** S4. */
export function sessionKeyOf({ session }: Fact): string | undefined {
  const first = session?.[0]
  return first && hashId('session', first.visitor, first.source, first.eventId)
}

export function sessionRow(session: Fact[], facts: readonly Fact[], around: Surroundings): Row {
  const [first, last] = [session[0], session.at(-1)] as [Fact, Fact]
  const isOrder = ({ name, data, visitor, isActivity }: Fact, of: Fact): boolean =>
    isActivity && name === 'purchase' && visitor === of.visitor && data.orderId === of.data.orderId
  const orders = session.filter((fact) => fact === facts.find((each) => isOrder(each, fact))) // R20
  const count = (name: string): number => session.filter((fact) => fact.name === name).length
  const pages = session.flatMap(({ context }) => context?.page ?? [])
  const urls = pages.flatMap(({ url }) => url ?? [])
  const [durationMs, pageViews] = [last.ms - first.ms, count('page_view')]
  // 2.7: each step after (T3) the one before it.
  let funnelStep = 0
  for (const fact of session) {
    const step = ['view_item', 'add_to_cart', 'begin_checkout', 'purchase'][funnelStep]
    if (fact.name === step && (step !== 'purchase' || orders.includes(fact))) funnelStep++
  }
  const { sessionGapMs, maxSessionMs } = around.settings
  const closedMs = Math.min(last.ms + sessionGapMs, first.ms + (maxSessionMs || Infinity)) // S5
  return row(
    { sessionKey: sessionKeyOf(first), isClosed: around.watermarkMs >= closedMs },
    { anonymousId: first.anonymousId, userId: last.userId, personId: last.personId },
    { startedAt: at(first.ms), endedAt: at(last.ms), durationMs, eventCount: session.length },
    { pageViews, productViews: count('view_item'), adds: count('add_to_cart') },
    { checkouts: count('begin_checkout'), orders: orders.length, funnelStep },
    { engaged: durationMs > 10_000 || pageViews >= 2 || orders.length > 0 },
    { landingUrl: urls[0], exitUrl: urls.at(-1), referrer: pages[0]?.referrer },
    originOf(session),
  )
}
