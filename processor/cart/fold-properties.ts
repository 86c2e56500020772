// For tests: the promise of T7 for carts, on random shops. Whatever the order, duplication, batching and speed at which
// the keys are read, what is left after compaction is the fold of the set of events. A failure tells its seed and shrinks.

import { array, assert, constant, infiniteStream, nat, property, tuple } from 'fast-check'
import { hourMs } from '#stack/base/units.ts'
import type { AbandonmentRecord, CartRecord } from '#stack/contract/cart.ts'
import { episodeKey } from '#stack/contract/cart.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent } from '../model.ts'
import { putEvent } from './event-set.ts'
import { foldPerson } from './fold.ts'
import type { PersonFold } from './fold.ts'
import { LocalKeys } from './local-keys.ts'
import { randomSettings, randomShop, timeOf } from './random-shop.ts'
import { routeAll } from './scenario-router.ts'

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

/** Any order in which events come to a key, and any of them twice. */
export function foldsSets(parameters: Run, equal: Equal): void {
  const shopWithCopies = randomShop(dayOfEvents).chain((log) =>
    tuple(constant(log), array(nat(log.length - 1), { maxLength: 10 }), nat(1_000_000)),
  )
  const holds = property(shopWithCopies, randomSettings, ([log, twice, seed], settings) => {
    for (const [, events] of routeAll(log, settings)) {
      const again = twice.map((i) => events[i % events.length] as CartEvent)
      const set: CartEvent[] = []
      for (const event of shuffled([...events, ...again], seed)) putEvent(set, event)
      equal(foldPerson(set, Infinity, settings), foldPerson(events, Infinity, settings))
    }
  })
  assert(holds, parameters)
}

/** Nothing is judged before the watermark has come to its deadline, and everything wakes in time. */
export function judgesInTime(parameters: Run, equal: Equal): void {
  const holds = property(
    randomShop(dayOfEvents),
    randomSettings,
    nat(20),
    (log, settings, hour) => {
      const watermarkMs = timeOf(hour * 60)
      for (const [, events] of routeAll(log, settings)) {
        equal(untimely(foldPerson(events, watermarkMs, settings), watermarkMs), [])
      }
    },
  )
  assert(holds, parameters)
}

/** Any order of arrival, any batches, keys read at any speed, nothing let go. */
export function compactsToTheFold(parameters: Run, equal: Equal): void {
  const holds = property(
    randomShop(dayOfEvents),
    randomSettings,
    infiniteStream(nat(1_000)),
    (log, settings, chance) => {
      const next = (bound: number): number => Number(chance.next().value) % bound
      const keys = new LocalKeys({ settings })
      const left = shuffled(log, next(1_000))
      let watermarkMs = timeOf(-60)
      while (left.length > 0) {
        watermarkMs += next(6) * hourMs
        keys.tell(left.splice(0, 1 + next(5)), watermarkMs)
        for (const name of keys.names) if (next(3) > 0) keys.read(name, next(12))
      }
      keys.tell([], Infinity)
      keys.drain()
      equal(tablesOf(keys), foldOf(log, settings))
    },
  )
  assert(holds, parameters)
}

/** With retention (T5), for a log in the order of arrival. Answers how many events were let go before the end. */
export function compactsWithRetention(parameters: Run, equal: Equal): number {
  let letGo = 0
  const holds = property(
    randomShop(weeksOfEvents),
    randomSettings,
    infiniteStream(nat(1_000)),
    (log, settings, chance) => {
      const next = (bound: number): number => Number(chance.next().value) % bound
      const keys = new LocalKeys({ settings, hasRetention: true })
      for (const event of log.toSorted(byArrival)) {
        // Idle advance brings the watermark up to the clock less the delay, never further (T2).
        keys.tell([], Date.parse(event.receivedAt) - settings.watermarkDelayMs)
        keys.tell([event], -Infinity)
        for (const name of keys.names) if (next(3) > 0) keys.read(name, 1 + next(20))
      }
      keys.drain()
      letGo += keys.toldEvents - keys.heldEvents
      keys.tell([], Infinity)
      keys.drain()
      equal(tablesOf(keys), foldOf(log, settings))
      equal(keys.heldEvents, 0)
    },
  )
  assert(holds, parameters)
  return letGo
}

function untimely({ episodes, nextWakeMs }: PersonFold, watermarkMs: number): string[] {
  return episodes
    .map(({ row }) => row)
    .filter(({ state, abandonedAt, deadlineAt }) => {
      const isEarly = abandonedAt !== null && Date.parse(abandonedAt) > watermarkMs
      const deadlineMs = Date.parse(deadlineAt)
      const isForgotten = deadlineMs <= watermarkMs || (nextWakeMs ?? Infinity) > deadlineMs
      return isEarly || (state === 'open' && isForgotten)
    })
    .map(({ cartKey, episode, state }) => `${cartKey}#${episode} ${state}`)
}

interface Tables {
  carts: [string, object][]
  verdicts: [string, object][]
}

function foldOf(log: readonly ShopEvent[], settings: Settings): Tables {
  const folds = [...routeAll(log, settings).values()].flatMap(
    (events) => foldPerson(events, Infinity, settings).episodes,
  )
  return {
    carts: sorted(folds.map(({ row }) => [episodeKey(row.cartKey, row.episode), row])),
    verdicts: sorted(
      folds.flatMap(({ verdict }) => (verdict === null ? [] : [[verdict.abandonmentId, verdict]])),
    ),
  }
}

function tablesOf({ carts, verdicts }: LocalKeys): Tables {
  const live = [...verdicts].filter(([, { status }]) => status !== 'retracted')
  return {
    carts: sorted([...carts].map(([key, row]) => [key, contentOf(row)])),
    verdicts: sorted(live.map(([id, record]) => [id, contentOfVerdict(record)])),
  }
}

function contentOf({ revision: _revision, processedAt: _processedAt, ...row }: CartRecord): object {
  return row
}

function contentOfVerdict(record: AbandonmentRecord): object {
  const { revision: _revision, processedAt: _processedAt, reason: _reason, ...verdict } = record
  return verdict
}

function sorted(table: [string, object][]): [string, object][] {
  return table.sort(([a], [b]) => (a < b ? -1 : 1))
}

function byArrival(a: ShopEvent, b: ShopEvent): number {
  return Date.parse(a.receivedAt) - Date.parse(b.receivedAt)
}

/** A permutation by a seed, so that a failure can be run again. */
function shuffled<T>(values: readonly T[], seed: number): T[] {
  const result = [...values]
  let state = seed + 1
  for (let i = result.length - 1; i > 0; i--) {
    state = (state * 48_271) % 2_147_483_647
    const j = state % (i + 1)
    ;[result[i], result[j]] = [result[j] as T, result[i] as T]
  }
  return result
}
