// For tests: what is wrong with the tables of a scenario after a run, and after runs of its events in other orders.

import { Random } from '#stack/base/random.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { collect } from '#stack/shop/start.ts'
import type { Scenario } from './scenario-data.ts'
import { logOf, refusedOf } from './scenario-log.ts'
import { mismatchesOf, runScenario, tablesOf } from './scenario-run.ts'
import type { Run } from './scenario-run.ts'

/** All orders of so many events are tried; of more, so many seeded ones as are asked for. */
const permutedEventsMax = 5

/** By number and whole title; `$title` would be cut short. */
export function named(those: readonly Scenario[], way: string): [string, Scenario][] {
  return those.map((scenario) => [`${scenario.number}${way}: ${scenario.title}`, scenario])
}

/** Nothing where every table is as expected. What the collector refuses is refused before any stage. */
export function outcome(scenario: Scenario, log: readonly ShopEvent[], run?: Run): unknown[] {
  const tables = tablesOf(runScenario(scenario, log, run))
  // A second copy of what is too late is history's to drop (T4).
  const byId = new Map(
    tables['events']?.map((row) => [JSON.stringify([row['source'], row['event_id']]), row]),
  )
  const rejected = tables['rejected_events'] ?? []
  const others = rejected.filter(({ reason }) => reason !== 'duplicate')
  const rejected_events = [...others, ...refusedOf(scenario, collect)]
  return mismatchesOf(scenario, { ...tables, events: [...byId.values()], rejected_events })
}

/** Of the first order in which something is. */
export function outcomesInEveryOrder(scenario: Scenario, ordersMax: number): unknown[] {
  const log = logOf(scenario, collect)
  const isLive = log.length <= 2 * permutedEventsMax
  for (const order of ordersOf(log, ordersMax)) {
    const run = { isLive, hasRetention: false, batchRecords: isLive ? 1 : 50 }
    const wrong = outcome(scenario, order, run)
    if (wrong.length > 0) return wrong
  }
  return []
}

/** Copies of one event keep their order among themselves (T7). */
function* ordersOf(log: readonly ShopEvent[], ordersMax: number): Generator<ShopEvent[]> {
  const idOf = ({ source, eventId }: ShopEvent) => `${source}\n${eventId}`
  const orders = log.length <= permutedEventsMax ? permutations([...log]) : shuffles(log, ordersMax)
  for (const order of orders) {
    const copies = Map.groupBy(log, idOf)
    yield order.map((event) => copies.get(idOf(event))?.shift() as ShopEvent)
  }
}

function* permutations<T>(values: readonly T[]): Generator<T[]> {
  if (values.length === 0) yield []
  for (const [i, first] of values.entries()) {
    for (const rest of permutations(values.toSpliced(i, 1))) yield [first, ...rest]
  }
}

function* shuffles<T>(values: readonly T[], count: number): Generator<T[]> {
  const random = new Random(2)
  for (let i = 0; i < count; i++) yield random.shuffle(values)
}
