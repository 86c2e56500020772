// For tests: T7 through the whole pipeline, on random worlds. Whatever the partitions, the batches, the order in which
// partitions are read, restarts and crashes on the way, the compacted tables are the fold of the set of events, as the
// reference tells it; and every record has one outcome. A failure tells its seed and shrinks.

import { array, assert, constantFrom, infiniteStream, nat, property } from 'fast-check'
import { hourMs, isoTime } from '#stack/base/units.ts'
import type { EnrichedEvent, ShopEvent } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { loadEndHeader, topics } from '#stack/contract/topics.ts'
import { LocalPipeline, recordOf } from './local-pipeline.ts'
import type { LocalPipelineOptions } from './local-pipeline.ts'
import {
  agents,
  catalogue,
  countries,
  randomSettings,
  randomWorld,
  timeOf,
} from './reference/random-world.ts'
import { foldWorld } from './reference/world.ts'
import { replay } from './replay.ts'
import type { World } from './reference/world.ts'
import { stageDefinitions } from './topology.ts'
import type { StageName } from './topology.ts'
import type { Columns } from './scenario-data.ts'
import { snakeCased } from './scenario-run.ts'

/** A test of equality that throws when it fails, so that the property shrinks. */
export type Equal = (actual: unknown, expected: unknown) => void

/** How many runs; the seed and the path of a failure run it again. */
export interface Run {
  numRuns: number
  seed?: number
  path?: string
}

const dayOfEvents = { minEvents: 1, maxEvents: 30, spanMinutes: 20 * 60 }
const weeksOfEvents = { minEvents: 15, maxEvents: 40, spanMinutes: 14 * 24 * 60 }
const partitionCounts = constantFrom(1, 2, 4, 12)
/** Hours after the last event at which time stands still; undefined: never. */
const lastHours = constantFrom(undefined, undefined, undefined, 0, 1, 3, 5, 24)

export function chanceOf(stream: Iterator<number>): (bound: number) => number {
  return (bound) => Number(stream.next().value) % bound
}

/** Any order, any of them twice, between records that are no events; nothing let go. */
export function equalsTheFold(parameters: Run, equal: Equal): void {
  const holds = property(
    randomWorld(dayOfEvents),
    randomSettings,
    partitionCounts,
    infiniteStream(nat(1_000)),
    array(nat(29), { maxLength: 5 }),
    lastHours,
    (log, settings, partitions, stream, twice, lastHour) => {
      const next = chanceOf(stream)
      const watermarkMs = endOf(log, lastHour)
      const pipeline = pipelineOf({ partitions, settings, hasRetention: false, watermarkMs })
      const left = [...log, ...copiesOf(log, twice)].sort(() => next(3) - 1)
      let received = left.length
      while (left.length > 0) {
        pipeline.append(...left.splice(0, 1 + next(5)))
        received += appendOthers(pipeline, next)
        disturb(pipeline, next)
        if (next(3) === 0) pipeline.advanceTo(timeOf(next(24 * 60)))
      }
      pipeline.drain({ choose: next, batchRecords: 1 + next(9) })
      equal(tablesOf(pipeline), expectedOf(log, settings, watermarkMs))
      equal(outcomesOf(pipeline), received)
    },
  )
  assert(holds, parameters)
}

/** With retention (T5), for a log in the order of arrival, the watermark on the heels of the clock. */
export function equalsTheFoldWithRetention(parameters: Run, equal: Equal): void {
  const holds = property(
    randomWorld(weeksOfEvents),
    randomSettings,
    partitionCounts,
    infiniteStream(nat(1_000)),
    array(nat(39), { maxLength: 5 }),
    (log, settings, partitions, stream, twice) => {
      const next = chanceOf(stream)
      const pipeline = pipelineOf({ partitions, settings })
      const received = inOrderOfArrival(log, twice, next)
      for (const event of received) {
        pipeline.run({ choose: next, batchRecords: 1 + next(9) })
        pipeline.advanceTo(Date.parse(event.receivedAt) - settings.watermarkDelayMs, {
          choose: next,
        })
        pipeline.append(event)
        disturb(pipeline, next)
      }
      pipeline.drain({ choose: next })
      equal(tablesOf(pipeline), expectedOf(log, settings, Infinity))
      equal(outcomesOf(pipeline), received.length)
      equal(pipeline.keyCount <= keptForEver(log), true)
    },
  )
  assert(holds, parameters)
}

/**
 * With retention, where each partition of each stage is read at a speed of its own and stands still for a while now and
 * then: what a stage lets go must not be missed by one that is behind it.
 */
export function equalsTheFoldAtAnySpeed(parameters: Run, equal: Equal): void {
  const holds = property(
    randomWorld(weeksOfEvents),
    randomSettings,
    constantFrom(1, 2, 4),
    infiniteStream(nat(1_000)),
    array(nat(39), { maxLength: 5 }),
    (log, settings, partitions, stream, twice) => {
      const next = chanceOf(stream)
      const pipeline = pipelineOf({ partitions, settings, watermark: 'byRecords' })
      const received = inOrderOfArrival(log, twice, next)
      appendBetweenTicks(pipeline, received)
      while (readAtSpeeds(pipeline, next)) disturb(pipeline, next)
      pipeline.drain({ choose: next })
      equal(tablesOf(pipeline), expectedOf(log, settings, Infinity))
    },
  )
  assert(holds, parameters)
}

/** On one partition not only the compacted result is the same: every record is, in its place (T7). */
export function equalsItsReplay(parameters: Run, equal: Equal): void {
  const holds = property(
    randomWorld(dayOfEvents),
    randomSettings,
    nat(7),
    infiniteStream(nat(1_000)),
    infiniteStream(nat(1_000)),
    (events, settings, records, ...streams) => {
      const log = events.map(recordOf)
      const options = { ...optionsOf({ settings }), cutRecords: 1 + records, batchRecordsMax: 9 }
      const [first, second] = streams.map((stream) =>
        replay(log, { ...options, next: chanceOf(stream) }),
      )
      equal(second, first)
    },
  )
  assert(holds, parameters)
}

export function pipelineOf(
  options: LocalPipelineOptions & { watermarkMs?: number },
): LocalPipeline {
  const { watermarkMs = Infinity, ...rest } = options
  return new LocalPipeline({
    watermark: 'byHand',
    ...optionsOf(rest),
    ...(watermarkMs < Infinity && { watermarkLimitMs: watermarkMs }),
  })
}

function optionsOf(options: LocalPipelineOptions): LocalPipelineOptions {
  return {
    ...options,
    catalogue,
    placeOf: (ip) => ({ country: countries[ip ?? ''] ?? null, region: null }),
  }
}

function endOf(log: readonly ShopEvent[], lastHour: number | undefined): number {
  if (lastHour === undefined) return Infinity
  return Math.max(...log.map(({ eventTime }) => Date.parse(eventTime))) + lastHour * hourMs
}

export function copiesOf(log: readonly ShopEvent[], twice: readonly number[]): ShopEvent[] {
  return twice.flatMap((i) => log.slice(i, i + 1))
}

/** Some events come again a while later. Copies that come when they are forgotten are too late by T1 (T4). */
function inOrderOfArrival(
  log: readonly ShopEvent[],
  twice: readonly number[],
  next: (bound: number) => number,
): ShopEvent[] {
  const copies = copiesOf(log, twice).map((event) => {
    const receivedMs = Date.parse(event.receivedAt) + next(48) * hourMs
    return { ...event, receivedAt: isoTime(receivedMs) }
  })
  return [...log, ...copies].sort((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt))
}

/** Sometimes a record that is no event, or the end of a load. */
function appendOthers(pipeline: LocalPipeline, next: (bound: number) => number): number {
  const kind = next(8)
  if (kind > 1) return 0
  const headers = kind === 0 ? { [loadEndHeader]: 'past' } : {}
  pipeline.appendRecord({ key: `${next(100)}`, value: '{', headers })
  return 1
}

/** Reads a little here and there; sometimes everything ends and begins again. */
function disturb(pipeline: LocalPipeline, next: (bound: number) => number): void {
  for (let steps = next(6); steps > 0; steps--) {
    pipeline.step({ choose: next, batchRecords: 1 + next(9) })
  }
  const event = next(12)
  if (event === 0) pipeline.restart()
  if (event === 1)
    pipeline.crashWhileWriting({ batchRecords: 1 + next(9), writtenRecords: next(20) })
}

const tickMs = 4 * hourMs

/** Every few hours each partition has a record that moves time and nothing else. */
function appendBetweenTicks(pipeline: LocalPipeline, received: readonly ShopEvent[]): void {
  const { partitionCount } = pipeline.log
  let tickedMs = -Infinity
  for (const event of received) {
    const receivedMs = Date.parse(event.receivedAt)
    tickedMs = Math.max(tickedMs, receivedMs - (receivedMs % tickMs) - tickMs)
    for (; tickedMs + tickMs <= receivedMs;) {
      tickedMs += tickMs
      for (let partition = 0; partition < partitionCount; partition++) {
        pipeline.appendRecord({ ...recordOf(tickOf(partition, tickedMs)), partition })
      }
    }
    pipeline.append(event)
  }
}

function tickOf(partition: number, timeMs: number): ShopEvent {
  const time = isoTime(timeMs)
  return {
    schemaVersion: '1.0',
    eventId: `tick-${partition}-${timeMs}`,
    name: 'page_view',
    eventTime: time,
    receivedAt: time,
    source: 'clock',
    dialect: 'native',
    anonymousId: `clock-${partition}`,
    context: { test: true },
    data: {},
  }
}

/** A while in which some lanes stand still. Answers whether there is more to read. */
function readAtSpeeds(pipeline: LocalPipeline, next: (bound: number) => number): boolean {
  const still = new Set<string>()
  const laneOf = (stage: StageName, partition: number): string => `${stage} ${partition}`
  for (const stage of Object.keys(stageDefinitions) as StageName[]) {
    for (let partition = 0; partition < pipeline.log.partitionCount; partition++) {
      if (next(3) === 0) still.add(laneOf(stage, partition))
    }
  }
  const reads = (stage: StageName, partition: number): boolean =>
    !still.has(laneOf(stage, partition))
  const cutsBatches = next(2) === 0
  for (let steps = 1 + next(60); steps > 0; steps--) {
    const batchRecords = 1 + next(30)
    if (!pipeline.step({ choose: next, batchRecords, cutsBatches, reads })) break
  }
  return pipeline.hasMore
}

/** Conservation: how many input positions have just one outcome: enriched, or told of as rejected or as a load's end. */
function outcomesOf({ log }: LocalPipeline): number {
  const enriched = log.all(topics.enriched.name).map(({ value }) => {
    const { input } = JSON.parse(value?.toString() ?? '') as EnrichedEvent
    return `${input.topic}-${input.partition}@${input.offset}`
  })
  const others = log.all(topics.rejected.name).map(({ key }) => key?.toString() ?? '')
  return new Set(enriched).symmetricDifference(new Set(others)).size
}

interface Tables {
  sessions: Columns[]
  carts: Columns[]
  verdicts: Columns[]
}

export function tablesOf(pipeline: LocalPipeline): Tables {
  const { carts, abandonments, sessions } = pipeline.tables()
  const live = abandonments.filter(({ status }) => status !== 'retracted')
  return {
    sessions: sorted(sessions.map(contentOf)),
    carts: sorted(carts.map(contentOf)),
    verdicts: sorted(live.map(contentOf)),
  }
}

/** Without what depends on the way: how often it was told, when, and what was retracted. */
function contentOf(record: object): Columns {
  const { revision, processed_at: _, reason, ...columns } = snakeCased(record)
  return columns
}

export function expectedOf(
  log: readonly ShopEvent[],
  settings: Settings,
  watermarkMs: number,
): Tables {
  const { sessions, carts } = worldOf(log, settings, watermarkMs)
  return {
    sessions: sorted(sessions),
    carts: sorted(carts),
    verdicts: sorted(carts.flatMap((row) => verdictOf(row, settings))),
  }
}

export function worldOf(log: readonly ShopEvent[], settings: Settings, watermarkMs: number): World {
  return foldWorld(log, {
    settings,
    watermarkMs,
    listingOf: (productId) => catalogue.find((line) => line.productId === productId),
    agentOf: (userAgent) => agents[userAgent] ?? { isBot: false, device: null },
    countryOf: (ip) => countries[ip ?? ''] ?? null,
  })
}

/** 2.6: the record of an episode that was told of; what it shares with its row is as in the row. */
function verdictOf(row: World['carts'][number], { abandonAfterMs }: Settings): Columns[] {
  if (row.abandonment_id === null) return []
  const {
    state: status,
    order_id: recovered_order_id,
    campaign_source: source,
    campaign_medium: medium,
    campaign_name: name,
    ...shared
  } = row
  const { after_abandonment: _a, deadline_at: _d, closed_at: _c, ...columns } = shared
  return [
    {
      ...columns,
      status,
      recovered_order_id,
      window_ms: abandonAfterMs,
      campaign: { source, medium, name },
      schema_version: '1.0',
    },
  ]
}

/** Visitors and persons with orders, links or cart numbers, and carts with an owner. */
function keptForEver(log: readonly ShopEvent[]): number {
  const keys = new Set<string>()
  for (const { anonymousId, userId, cartId, data } of log) {
    for (const id of [anonymousId, userId]) if (id !== undefined) keys.add(`1${id}`).add(`2${id}`)
    for (const id of [cartId, data.fromCartId, data.intoCartId]) if (id !== undefined) keys.add(id)
  }
  return keys.size
}

function sorted(rows: readonly object[]): Columns[] {
  const keyOf = (row: Columns): string =>
    JSON.stringify([row['session_key'], row['cart_key'], row['episode'], row['order_id']])
  return ([...rows] as Columns[]).sort((a, b) => compareBytes(keyOf(a), keyOf(b)))
}
