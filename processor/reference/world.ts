// For tests: the tables of interfaces.md 4 as a function of the set of events (T7), by the reference in this folder.

import type { ShopEvent } from '#stack/contract/events.ts'
import type { Row } from '#stack/contract/tables.ts'
import { cartKeyOf, cartNames, cartRows, foldCarts } from './carts.ts'
import type { CartRow } from './carts.ts'
import { factsOf } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'
import { moneyOf } from './money.ts'
import type { Money } from './money.ts'
import { sessionRow, sessionsOf } from './sessions.ts'
import type { Session } from './sessions.ts'

export interface World extends Money {
  events: Record<string, unknown>[]
  sessions: Row<'sessions'>[]
  carts: CartRow[]
}

export function foldWorld(log: readonly ShopEvent[], around: Surroundings): World {
  const facts = factsOf(log, around)
  const sessions = sessionsOf(facts, around)
  const sessionOf = new Map(sessions.flatMap((each) => each.facts.map((fact) => [fact, each])))
  const carts = cartRows(foldCarts(facts, around), sessionOf, around)
  return {
    events: facts.map((fact) => eventRow(fact, sessionOf.get(fact), around)),
    sessions: sessions.map((session) => sessionRow(session, around)),
    carts,
    ...moneyOf(facts, { carts, sessions: sessionOf }, around),
  }
}

/** What the rules say of an event, by its key. */
function eventRow(
  fact: Fact,
  session: Session | undefined,
  { settings }: Surroundings,
): Record<string, unknown> {
  const { event, ms, person, stitched, isRuled } = fact
  const lagMs = fact.receivedMs - ms
  const isTooLate = lagMs > settings.allowedLatenessMs
  const place = session?.facts.indexOf(fact) ?? -1
  return {
    source: event.source,
    event_id: event.eventId,
    is_bot: fact.isBot,
    is_test: fact.isTest,
    is_late: lagMs > settings.watermarkDelayMs && !isTooLate,
    is_too_late: isTooLate,
    person_id: person,
    stitched_person_id: stitched,
    session_key: session?.key ?? null,
    session_event_number: session ? place + 1 : null,
    session_elapsed_ms: session ? ms - (session.facts[0] as Fact).ms : null,
    cart_key: isRuled && cartNames.includes(event.name) ? cartKeyOf(fact) : null,
  }
}
