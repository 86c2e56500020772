// For tests: T7 through the whole pipeline, on random shops. Whatever the partitions, the batches, the order in which
// partitions are read, restarts and crashes on the way, the compacted tables are the fold of the set of events. That fold
// is told a second time here and in cart/scenario-router.ts, plainly and all at once. A failure tells its seed and shrinks.

import type { Arbitrary } from 'fast-check'
import { array, assert, constantFrom, infiniteStream, nat, property } from 'fast-check'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { sessionKey, visitorOf } from '#stack/contract/ids.ts'
import { compareBytes, compareT3, orderedOf } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { foldPerson } from './cart/fold.ts'
import { randomSettings, randomShop, timeOf } from './cart/random-shop.ts'
import type { Size } from './cart/random-shop.ts'
import { routeAll } from './cart/scenario-router.ts'
import { LocalPipeline } from './local-pipeline.ts'

/** A test of equality that throws when it fails, so that the property shrinks. */
export type Equal = (actual: unknown, expected: unknown) => void

/** How many runs; the seed and the path of a failure run it again. */
export interface Run {
  numRuns: number
  seed?: number
  path?: string
}

/** As events come through decode: those that are none are left out. */
function shop(size: Size): Arbitrary<ShopEvent[]> {
  return randomShop(size).map((log) =>
    log.flatMap((event) => {
      const isView = event.name === 'view_item'
      const data = isView ? { ...event.data, items: [{ productId: 'P' }] } : event.data
      const decoded = decodeEvent(JSON.stringify({ ...event, data }))
      return decoded.ok ? [decoded.event] : []
    }),
  )
}

const dayOfEvents = { minEvents: 1, maxEvents: 30, spanMinutes: 20 * 60 }
const weeksOfEvents = { minEvents: 15, maxEvents: 40, spanMinutes: 14 * 24 * 60 }
const partitionCounts = constantFrom(1, 2, 4, 12)

/** Any order, nothing let go. */
export function equalsTheFold(parameters: Run, equal: Equal): void {
  const holds = property(
    shop(dayOfEvents),
    randomSettings,
    partitionCounts,
    infiniteStream(nat(1_000)),
    array(nat(29), { maxLength: 5 }),
    (log, settings, partitions, chance, twice) => {
      const next = (bound: number): number => Number(chance.next().value) % bound
      const options = { partitions, settings, watermark: 'byHand', hasRetention: false } as const
      const pipeline = new LocalPipeline(options)
      const copies = twice.flatMap((i) => log.slice(i, i + 1))
      const left = [...log, ...copies].sort(() => next(3) - 1)
      while (left.length > 0) {
        pipeline.append(...left.splice(0, 1 + next(5)))
        disturb(pipeline, next)
        if (next(3) === 0) pipeline.advanceTo(timeOf(next(24 * 60)))
      }
      pipeline.drain({ choose: next, batchRecords: 1 + next(9) })
      equal(tablesOf(pipeline), foldOf(log, settings))
    },
  )
  assert(holds, parameters)
}

/** With retention (T5), for a log in the order of arrival, the watermark on the heels of the clock. */
export function equalsTheFoldWithRetention(parameters: Run, equal: Equal): void {
  const holds = property(
    shop(weeksOfEvents),
    randomSettings,
    partitionCounts,
    infiniteStream(nat(1_000)),
    (log, settings, partitions, chance) => {
      const next = (bound: number): number => Number(chance.next().value) % bound
      const pipeline = new LocalPipeline({ partitions, settings, watermark: 'byHand' })
      for (const event of log.toSorted(byArrival)) {
        pipeline.run({ choose: next, batchRecords: 1 + next(9) })
        pipeline.advanceTo(Date.parse(event.receivedAt) - settings.watermarkDelayMs, {
          choose: next,
        })
        pipeline.append(event)
        disturb(pipeline, next)
      }
      pipeline.drain({ choose: next })
      equal(tablesOf(pipeline), foldOf(log, settings))
      equal(pipeline.keyCount <= keptForEver(log), true)
    },
  )
  assert(holds, parameters)
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

interface Tables {
  carts: object[]
  verdicts: object[]
  sessions: object[]
}

function tablesOf(pipeline: LocalPipeline): Tables {
  const { carts, abandonments, sessions } = pipeline.tables()
  return {
    carts: sorted(carts.map(contentOf)),
    verdicts: sorted(abandonments.filter(({ status }) => status !== 'retracted').map(contentOf)),
    sessions: sorted(
      sessions.map((session) => {
        const {
          sessionKey: key,
          personId,
          userId,
          startedAt,
          endedAt,
          eventCount,
          orders,
        } = session
        return { sessionKey: key, personId, userId, startedAt, endedAt, eventCount, orders }
      }),
    ),
  }
}

function foldOf(log: readonly ShopEvent[], settings: Settings): Tables {
  const keys = [...routeAll(log, settings).values()]
  const episodes = keys.flatMap((events) => foldPerson(events, Infinity, settings).episodes)
  return {
    carts: sorted(episodes.map(({ row }) => contentOf(row))),
    verdicts: sorted(
      episodes.flatMap(({ verdict }) => (verdict === null ? [] : [contentOf(verdict)])),
    ),
    sessions: sorted(sessionsOf(log, settings)),
  }
}

/** What the two tellings share: what comes of enrichment, and when it was told, is left out. */
function contentOf(row: object): object {
  const left = new Set(['revision', 'processedAt', 'reason', 'sessionKeys', 'country', 'device'])
  return Object.fromEntries(Object.entries(row).filter(([field]) => !left.has(field)))
}

/** S1 to S5 and R20 as they stand in the rules, over everything at once. */
function sessionsOf(log: readonly ShopEvent[], settings: Settings): object[] {
  const first = new Map<string, ShopEvent>()
  for (const event of log) {
    const id = `${event.source}\n${event.eventId}`
    if (!first.has(id)) first.set(id, event)
  }
  const inOrder = [...first.values()].sort((a, b) => compareT3(orderedOf(a), orderedOf(b)))
  return [...Map.groupBy(inOrder, visitorOf)].flatMap(([visitor, events]) =>
    sessionsOfVisitor(visitor, events, settings),
  )
}

function sessionsOfVisitor(
  visitor: string,
  events: readonly ShopEvent[],
  { sessionGapMs, maxSessionMs, serverSources, allowedLatenessMs }: Settings,
): object[] {
  const taken = new Set<string>()
  const sessions: { events: ShopEvent[]; personId: string; orders: number }[] = []
  let linked: string | undefined
  for (const event of events) {
    const timeMs = Date.parse(event.eventTime)
    if (Date.parse(event.receivedAt) - timeMs > allowedLatenessMs) continue
    linked = event.userId ?? linked
    if (serverSources.includes(event.source) || event.name === 'refund') continue
    let session = sessions.at(-1)
    const firstMs = Date.parse(session?.events[0]?.eventTime ?? '')
    const lastMs = Date.parse(session?.events.at(-1)?.eventTime ?? '')
    if (!session || timeMs - lastMs >= sessionGapMs || timeMs - firstMs >= maxSessionMs) {
      session = { events: [], personId: '', orders: 0 }
      sessions.push(session)
    }
    session.events.push(event)
    session.personId = linked === undefined ? visitor : `u:${linked}`
    const { orderId } = event.data
    if (event.name !== 'purchase' || orderId === undefined || taken.has(orderId)) continue
    taken.add(orderId)
    session.orders++
  }
  return sessions.map(({ events: own, personId, orders }) => {
    const [opening] = own as [ShopEvent, ...ShopEvent[]]
    const closing = own.at(-1) as ShopEvent
    return {
      sessionKey: sessionKey(visitor, opening.source, opening.eventId),
      personId,
      userId: closing.userId ?? null,
      startedAt: opening.eventTime,
      endedAt: closing.eventTime,
      eventCount: own.length,
      orders,
    }
  })
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

function byArrival(a: ShopEvent, b: ShopEvent): number {
  return Date.parse(a.receivedAt) - Date.parse(b.receivedAt)
}

function sorted(rows: object[]): object[] {
  return rows.sort((a, b) => compareBytes(JSON.stringify(a), JSON.stringify(b)))
}
