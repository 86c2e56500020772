// For tests: sessions, carts and events as rows of the tables of interfaces.md 4. Those of orders are in money.ts.

import { abandonmentId } from '#stack/contract/ids.ts'
import {
  cartKeyOf,
  cartNames,
  checkouts,
  contentOf,
  deadlineOf,
  lastMsOf,
  startOf,
  suppressedOf,
  touchesOf,
} from './carts.ts'
import type { Episode } from './carts.ts'
import { at, originOf, row } from './columns.ts'
import type { Row } from './columns.ts'
import { sum } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'
import { merchandiseOf } from './money.ts'
import { sessionKeyOf } from './sessions.ts'

/** What the rules say of an event, by its key. */
export function eventRow(fact: Fact): Row {
  const { source, eventId, isBot, isTest, isLate, isTooLate, isRuled, hasConsent } = fact
  const { personId, stitchedPersonId, session } = fact
  const isOfCart = isRuled && cartNames.includes(fact.name)
  return row(
    { source, eventId, isBot, isTest, isLate, isTooLate },
    { personId: null, stitchedPersonId: null, ...(hasConsent && { personId, stitchedPersonId }) },
    { sessionKey: sessionKeyOf(fact), cartKey: isOfCart ? cartKeyOf(fact) : null },
    { sessionEventNumber: session && session.indexOf(fact) + 1 },
    { sessionElapsedMs: session?.[0] && fact.ms - session[0].ms },
  )
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

export function cartRows(episodes: readonly Episode[], around: Surroundings): Row[] {
  const suppressed = suppressedOf(episodes, around)
  return episodes.map((cart) => ({ ...cartRow(cart, around), suppressed: suppressed.has(cart) }))
}

function cartRow(cart: Episode, around: Surroundings): Row {
  const { cartKey, episode, owner, ancestors, entries, end } = cart
  const deadlineMs = deadlineOf(cart, around)
  const lostMs = deadlineMs + around.settings.recoveryWindowMs
  const verdict = deadlineMs <= around.watermarkMs ? cart.verdict : undefined // R14
  const isTold = verdict === 'abandoned'
  const isLost = isTold && !end && lostMs <= around.watermarkMs // R23
  const endMs = end?.by.ms ?? (verdict === 'ignored_small' ? deadlineMs : undefined)
  const state = isLost ? 'lost' : (end?.state ?? verdict ?? 'open')
  const purchase = state === 'converted' || state === 'recovered' ? end?.by : undefined
  const recovery = state === 'recovered' ? purchase : undefined
  const [start, touches] = [startOf(cart), touchesOf(cart)]
  const facts = touches.map(({ fact }) => fact)
  const steps = facts.filter(({ name }) => name === 'checkout_step')
  const isPayment = steps.some(({ data }) => data.option === 'payment') // R15
  const isCheckout = facts.some(({ name }) => checkouts.includes(name))
  const declared = touches.findLast(({ fact }) => fact.data.cartTotalMinor !== undefined)
  const declaredValueMinor = declared?.fact.data.cartTotalMinor
  const differenceMinor = (declared?.valueMinor ?? Number.NaN) - (declaredValueMinor ?? Number.NaN)
  const hasUnderflow = entries.some((entry) => entry.hasUnderflow)
  const flags = [Math.abs(differenceMinor) > 0 && 'totalMismatch', hasUnderflow && 'underflow']
  const owners = entries.filter(({ isOwners }) => isOwners)
  const contacts = owners.flatMap(({ fact }) => fact.context?.consent?.marketing ?? [])
  const browsers = touches
    .filter(({ isOwners }) => isOwners)
    .flatMap(({ fact }) => fact.anonymousId ?? [])
  const { lines, valueMinor, currency, isMixed, totals } = contentOf(cart, around)
  return row(
    { cartKey, episode, state, stage: isPayment ? 'payment' : isCheckout ? 'checkout' : 'cart' },
    { abandonmentId: isTold ? abandonmentId(cartKey, start.source, start.eventId) : null },
    { afterAbandonment: ancestors.some((each) => each.verdict === 'abandoned') },
    { personId: owner, userId: /^u:(.*)/.exec(owner)?.[1], anonymousId: browsers.at(-1) },
    { cartId: /^c:(.*)/.exec(cartKey)?.[1], contactable: contacts.at(-1) ?? false },
    { startedAt: at(start.ms), lastActivityAt: at(lastMsOf(cart)), deadlineAt: at(deadlineMs) },
    { abandonedAt: verdict && at(deadlineMs), closedAt: at(isLost ? lostMs : endMs) },
    { items: lines, itemCount: lines.length, units: sum(lines.map(({ quantity }) => quantity)) },
    { valueMinor, currency, currencyMixed: isMixed, valueByCurrency: totals, declaredValueMinor },
    { orderId: purchase?.data.orderId, recoveredAt: at(recovery?.ms) },
    { recoveredValueMinor: recovery && merchandiseOf(recovery, around) },
    { recoveredCurrency: recovery?.data.currency },
    { sessionKeys: [...new Set(facts.flatMap((fact) => sessionKeyOf(fact) ?? []))].sort() },
    { flags: flags.filter((flag) => flag), ...originOf(facts) },
  )
}
