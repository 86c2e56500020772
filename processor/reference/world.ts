// For tests: the tables of interfaces.md 4 as a function of the set of events (T7), by the reference in this folder.

import type { ShopEvent } from '#stack/contract/events.ts'
import { cartKeyOf, cartNames, cartRows, foldCarts } from './carts.ts'
import { factsOf, row } from './facts.ts'
import type { Fact, Row, Surroundings } from './facts.ts'
import { moneyRows } from './money.ts'
import { sessionKeyOf, sessionRow, sessionsOf } from './sessions.ts'

export type World = ReturnType<typeof foldWorld>

export function foldWorld(log: readonly ShopEvent[], around: Surroundings) {
  const facts = factsOf(log, around)
  const sessions = sessionsOf(facts, around).map((session) => sessionRow(session, facts, around))
  const carts = cartRows(foldCarts(facts, around), around)
  return { events: facts.map(eventRow), sessions, carts, ...moneyRows(facts, carts, around) }
}

/** What the rules say of an event, by its key. */
function eventRow(fact: Fact): Row {
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
