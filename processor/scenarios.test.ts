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
import { logOf } from './scenario-log.ts'
import { named, outcome, outcomesInEveryOrder } from './scenarios.contract.ts'
import { runScenario } from './scenario-run.ts'

const shared = process.env['SLIPWAY_SHARED']
const scenarios = readScenarios(shared)
const withStream = scenarios.filter(({ stream }) => stream.length > 0)

/** A scenario of more events is tried in fewer orders here; scenarios.long.test.ts tries all of them in as many. */
const manyEvents = 100

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
    const isLong = logOf(scenario, collect).length > manyEvents
    expect(outcomesInEveryOrder(scenario, isLong ? 20 : 200)).toEqual([])
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
      const batchRecords = logOf(scenario, collect).length > manyEvents ? 20 : 1
      for (const partitions of [1, 4, 12]) {
        const random = new Random(partitions)
        const choose = (count: number) => random.int(count)
        const run = { partitions, choose, batchRecords }
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
