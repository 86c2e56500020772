// For tests: a scenario's events as the topic has them, and what the collector refused on the way there.

import { validateEvent } from '#stack/contract/decode.ts'
import type { Dialect, ShopEvent } from '#stack/contract/events.ts'
import type { Columns, Scenario } from './scenario-data.ts'

interface RawLine {
  receivedAt: string
  dialect: Dialect
  position: number
  body: unknown
}

type Outcome = { event: ShopEvent } | { rejection: object }

/** The shop's collector, which this room meets over the topic only. */
type Collect = (
  dialect: Dialect,
  body: unknown,
  at: { receivedMs: number; position: number },
) => readonly Outcome[]

/** In the order of arrival. */
export function logOf(scenario: Scenario, collect: Collect): ShopEvent[] {
  const events = scenario.isCollected
    ? collected(scenario, collect).flatMap((each) => ('event' in each ? [each.event] : []))
    : scenario.lines.map(canonical)
  return events.sort((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt))
}

/** Rows of `rejected_events` that the collector wrote. */
export function refusedOf(scenario: Scenario, collect: Collect): Columns[] {
  const outcomes = scenario.isCollected ? collected(scenario, collect) : []
  return outcomes.flatMap((each) => ('rejection' in each ? [{ ...each.rejection }] : []))
}

/** What is no event goes as it is: stage one says so. */
function canonical(line: object): ShopEvent {
  const decoded = validateEvent(structuredClone(line))
  return decoded.ok ? decoded.event : (line as ShopEvent)
}

function collected({ lines }: Scenario, collect: Collect): Outcome[] {
  return lines.flatMap((line) => {
    const { receivedAt, dialect, position, body } = line as unknown as RawLine
    return collect(dialect, body, { receivedMs: Date.parse(receivedAt), position })
  })
}
