// The scenarios of events.md 2.8, by number and title, through both stages in one process: in the order of arrival, live
// and in one go, in other orders, in several partitions. Tables of orders and refunds are history's to derive.

import { describe, expect, test } from 'vitest'
import { validateEvent } from '#stack/contract/decode.ts'
import type { Dialect, ShopEvent } from '#stack/contract/events.ts'
import { collect } from '#stack/shop/start.ts'
import type { Outcome } from '#stack/shop/start.ts'
import { Random } from '#stack/base/random.ts'
import { readScenarios } from './scenario-data.ts'
import type { Columns, Scenario } from './scenario-data.ts'
import { mismatchesOf, runScenario, tablesOf } from './scenario-run.ts'
import type { Run } from './scenario-run.ts'

interface RawLine {
  receivedAt: string
  dialect: Dialect
  position: number
  body: unknown
}

const ourTables = ['carts', 'sessions', 'events', 'rejected_events', 'counts']
const scenarios = readScenarios(process.env['SLIPWAY_SHARED']).filter(({ tables }) =>
  ourTables.some((table) => table in tables),
)

describe.skipIf(scenarios.length === 0)('scenarios through both stages', () => {
  test.each(scenarios)('$number: $title', (scenario) => {
    expect(outcome(scenario, logOf(scenario))).toEqual([])
  })

  test.each(scenarios)('$number, live, event by event: $title', (scenario) => {
    expect(outcome(scenario, logOf(scenario), { isLive: true, batchRecords: 1 })).toEqual([])
  })

  test.each(scenarios)('$number, in the opposite order: $title', (scenario) => {
    const log = reordered(logOf(scenario), (events) => events.reverse())
    const run = { isLive: true, hasRetention: false, batchRecords: 1 }
    expect(outcome(scenario, log, run)).toEqual([])
  })

  test.each(scenarios)('$number, in 1, 4 and 12 partitions, read unevenly: $title', (scenario) => {
    for (const partitions of [1, 4, 12]) {
      const random = new Random(partitions)
      const choose = (count: number) => random.int(count)
      const run = { partitions, choose, batchRecords: 1 }
      expect(outcome(scenario, logOf(scenario), { ...run, isLive: true })).toEqual([])
      expect(outcome(scenario, logOf(scenario), run)).toEqual([])
    }
  })
})

/** Nothing where every table is as expected. What the collector refuses is refused before any stage. */
function outcome(scenario: Scenario, log: readonly ShopEvent[], run?: Run): unknown[] {
  const tables = tablesOf(runScenario(scenario, log, run))
  const rejected = tables['rejected_events'] ?? []
  const refused = scenario.isCollected ? collected(scenario).flatMap(rejectionOf) : []
  return mismatchesOf(scenario, { ...tables, rejected_events: [...rejected, ...refused] })
}

function logOf(scenario: Scenario): ShopEvent[] {
  const events = scenario.isCollected
    ? collected(scenario).flatMap((each) => ('event' in each ? [each.event] : []))
    : scenario.lines.map(canonical)
  return events.sort((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt))
}

/** What is no event goes as it is: stage one says so. */
function canonical(line: object): ShopEvent {
  const decoded = validateEvent(structuredClone(line))
  return decoded.ok ? decoded.event : (line as ShopEvent)
}

function collected({ lines }: Scenario): Outcome[] {
  return lines.flatMap((line) => {
    const { receivedAt, dialect, position, body } = line as unknown as RawLine
    return collect(dialect, body, { receivedMs: Date.parse(receivedAt), position })
  })
}

function rejectionOf(outcome: Outcome): Columns[] {
  return 'rejection' in outcome ? [{ ...outcome.rejection }] : []
}

/** Copies of one event keep their order among themselves (T7). */
function reordered(
  log: readonly ShopEvent[],
  order: (events: ShopEvent[]) => ShopEvent[],
): ShopEvent[] {
  const idOf = ({ source, eventId }: ShopEvent) => `${source}\n${eventId}`
  const copies = Map.groupBy(log, idOf)
  return order([...log]).map((event) => copies.get(idOf(event))?.shift() as ShopEvent)
}
