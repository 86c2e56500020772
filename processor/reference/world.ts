// For tests: the tables of interfaces.md 4 as a function of the set of events (T7), by the reference in this folder: the
// fold is facts.ts, sessions.ts and carts.ts; what follows from it alone is columns.ts, rows.ts and money.ts.

import type { ShopEvent } from '#stack/contract/events.ts'
import { foldCarts } from './carts.ts'
import { factsOf } from './facts.ts'
import type { Surroundings } from './facts.ts'
import { moneyRows } from './money.ts'
import { cartRows, eventRow, sessionRow } from './rows.ts'
import { sessionsOf } from './sessions.ts'

export type World = ReturnType<typeof foldWorld>

export function foldWorld(log: readonly ShopEvent[], around: Surroundings) {
  const facts = factsOf(log, around)
  const sessions = sessionsOf(facts, around).map((session) => sessionRow(session, facts, around))
  const carts = cartRows(foldCarts(facts, around), around)
  return { events: facts.map(eventRow), sessions, carts, ...moneyRows(facts, carts, around) }
}
