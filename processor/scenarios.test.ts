// The scenarios of events.md 2.8, by number and title, through both stages in one process: in the order of arrival, live
// and in one go, in other orders, every event twice, in several partitions; and what topics carried on the way. Tables of
// orders and refunds, and figures, are history's (history/scenarios.test.ts runs every scenario, too).

import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { abandonmentId } from '#stack/contract/ids.ts'
import { topics } from '#stack/contract/topics.ts'
import { collect } from '#stack/shop/start.ts'
import type { LocalPipeline } from './local-pipeline.ts'
import { readScenarios, scenarioFolders } from './scenario-data.ts'
import type { Scenario } from './scenario-data.ts'
import { logOf, refusedOf } from './scenario-log.ts'
import { mismatchesOf, runScenario, tablesOf } from './scenario-run.ts'
import type { Run } from './scenario-run.ts'

const shared = process.env['SLIPWAY_SHARED']
const scenarios = readScenarios(shared)
const withStream = scenarios.filter(({ stream }) => stream.length > 0)

/** All orders of so many events are tried; of more, so many seeded ones. */
const permutedEventsMax = 5
const permutationsMax = 200

describe.skipIf(scenarios.length === 0)('scenarios through both stages', () => {
  test('are all there are, by number', () => {
    expect(scenarios.map(({ number }) => number).sort()).toEqual(scenarioFolders(shared).sort())
  })

  test.each(named(scenarios, ''))('%s', (_name, scenario) => {
    expect(outcome(scenario, logOf(scenario, collect))).toEqual([])
  })

  test.each(named(scenarios, ', live, event by event'))('%s', (_name, scenario) => {
    expect(outcome(scenario, logOf(scenario, collect), { isLive: true, batchRecords: 1 })).toEqual(
      [],
    )
  })

  test.each(named(scenarios, ', in every order'))('%s', (_name, scenario) => {
    const log = logOf(scenario, collect)
    const isLive = log.length <= 2 * permutedEventsMax
    for (const order of ordersOf(log)) {
      const run = { isLive, hasRetention: false, batchRecords: isLive ? 1 : 50 }
      expect(outcome(scenario, order, run)).toEqual([])
    }
  })

  test.each(named(scenarios, ', every event twice'))('%s', (_name, scenario) => {
    const log = logOf(scenario, collect)
    const { counts: _counts, rejected_events: _rejected, ...tables } = scenario.tables
    const twice = log.flatMap((event) => [event, event])
    expect(outcome({ ...scenario, tables }, twice, { isLive: true })).toEqual([])
    expect(outcome({ ...scenario, tables }, [...log, ...log])).toEqual([])
  })

  test.each(named(scenarios, ', in 1, 4 and 12 partitions, read unevenly'))(
    '%s',
    (_name, scenario) => {
      for (const partitions of [1, 4, 12]) {
        const random = new Random(partitions)
        const choose = (count: number) => random.int(count)
        const run = { partitions, choose, batchRecords: 1 }
        expect(outcome(scenario, logOf(scenario, collect), { ...run, isLive: true })).toEqual([])
        expect(outcome(scenario, logOf(scenario, collect), run)).toEqual([])
      }
    },
  )
})

describe.skipIf(scenarios.length === 0)('what the topics of a scenario carry on the way', () => {
  test.each(named(withStream, ', on the way'))('%s', (_name, scenario) => {
    const { stream, tables } = scenario
    const log = logOf(scenario, collect)
    const pipeline = runScenario(scenario, log, { isLive: true })
    const told = 'carts' in tables ? verdictsOf(pipeline, log, stream) : sessionsOf(pipeline)
    expect(told).toEqual(stream)
  })
})

/** By number and whole title; `$title` would be cut short. */
function named(those: readonly Scenario[], way: string): [string, Scenario][] {
  return those.map((scenario) => [`${scenario.number}${way}: ${scenario.title}`, scenario])
}

/** Nothing where every table is as expected. What the collector refuses is refused before any stage. */
function outcome(scenario: Scenario, log: readonly ShopEvent[], run?: Run): unknown[] {
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

/** Copies of one event keep their order among themselves (T7). */
function* ordersOf(log: readonly ShopEvent[]): Generator<ShopEvent[]> {
  const idOf = ({ source, eventId }: ShopEvent) => `${source}\n${eventId}`
  const orders = log.length <= permutedEventsMax ? permutations([...log]) : shuffles(log)
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

function* shuffles<T>(values: readonly T[]): Generator<T[]> {
  const random = new Random(2)
  for (let i = 0; i < permutationsMax; i++) yield random.shuffle(values)
}

/** Records in the words that the scenario takes: each says as much of a record as the expectation does. */
function verdictsOf(
  pipeline: LocalPipeline,
  log: readonly ShopEvent[],
  stream: readonly string[],
): string[] {
  let before: string | undefined
  return pipeline.log.all(topics.abandonment.name).map(({ value }, i) => {
    const record = JSON.parse(value?.toString() ?? '') as AbandonmentRecord
    const { status, reason, abandonedAt, revision, abandonmentId: id, cartKey } = record
    const start = log.find(({ source, eventId }) => abandonmentId(cartKey, source, eventId) === id)
    const words = stream[i] ?? ''
    const told = [
      status,
      words.includes('(') || !words ? `(${reason})` : '',
      / \d\d:\d\d/.test(words) ? ` ${abandonedAt.slice(11, 16)}` : '',
      words.includes('revision') ? ` revision ${revision}` : '',
      words.includes('same id') ? (id === before ? ', same id' : ', other id') : '',
      words.includes('id of') ? `, id of ${start?.eventId}` : '',
    ]
    before = id
    return told.join('')
  })
}

/** How many sessions were told of, and what the compaction of the topic leaves. */
function sessionsOf({ log }: LocalPipeline): string[] {
  const keys = new Set(log.all(topics.sessions.name).map(({ key }) => key?.toString()))
  const last = new Map(
    log.all(topics.sessions.name).map(({ key, value }) => [key?.toString(), value]),
  )
  const left = [...last.values()].filter((value) => value !== null)
  const isJoined = left.length === 1 && last.size === 2
  return [
    keys.size === 2 ? 'two sessions' : `${keys.size} sessions`,
    isJoined ? 'one row for the joined session, a tombstone for the other' : `${left.length} rows`,
  ]
}
