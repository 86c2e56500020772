// A whole simulated shop from its options: the past before the opening and the traffic after it are one log. Past
// traffic is its first part, live traffic the rest; both are made as they are asked for.

import { dayMs, hourMs } from '#stack/base/units.ts'
import { loadCatalogue } from '#stack/contract/catalogue.ts'
import type { Catalogue } from '#stack/contract/catalogue.ts'
import { loadAgents } from './agents.ts'
import { createAssortment } from './assortment.ts'
import type { Delivery } from './delivery.ts'
import { profiles } from './profile.ts'
import type { Profile, ProfileName } from './profile.ts'
import { bucketMs, expectedVisitors } from './rhythm.ts'
import type { Rhythm } from './rhythm.ts'
import type { World } from './shopper.ts'
import { simulate } from './stream.ts'

export interface WorldOptions {
  seed: number
  profile: ProfileName | Profile
  /** The moment the shop goes live; everything before it is past traffic. */
  openingMs: number
  /** Ids and sources begin with it. */
  namespace?: string
  catalogue?: Catalogue
}

export interface SimulationOptions extends WorldOptions {
  /** Days of past traffic. */
  days: number
  /** New visitors on an average day of the past. */
  visitorsPerDay?: number
  /** From the opening on, about; 0: there is no such opening, the past's traffic goes on. */
  liveEventsPerSecond: number
}

export interface Simulation {
  readonly startMs: number
  readonly openingMs: number
  /** In order of receivedAt. Without `fromMs` from the start; with it, shoppers who came before are unknown. */
  records(range?: { fromMs?: number; arrivalsUntilMs?: number }): Generator<Delivery, void, void>
  /** About how many records are received before a time; what progress is measured by. */
  expectedRecords(untilMs: number, fromMs?: number): number
}

/** Gives about 600,000 records in the 30 days before the opening. */
const defaultVisitorsPerDay = 1040
/** What a visitor leaves within a month, and what of it soon after they came; held by the calibration test. */
const recordsPerVisitor = 18
const recordsPerVisitorSoon = 11
const returnsWithinMs = 15 * dayMs
/** However busy live is to be, the past hour stays of a size that is quickly written. */
const openingEventsPerSecondMost = 10

export async function createSimulation(options: SimulationOptions): Promise<Simulation> {
  const { seed, openingMs, liveEventsPerSecond } = options
  const world = await createWorld(options)
  const rhythm: Rhythm = {
    seed,
    openingMs,
    visitorsPerDay: options.visitorsPerDay ?? defaultVisitorsPerDay,
    liveVisitorsPerSecond: liveEventsPerSecond / recordsPerVisitorSoon,
    openingVisitorsPerSecond:
      Math.min(liveEventsPerSecond, openingEventsPerSecondMost) / recordsPerVisitorSoon,
  }
  const startMs = openingMs - options.days * dayMs
  return {
    startMs,
    openingMs,
    records: ({ fromMs, arrivalsUntilMs } = {}) =>
      simulate({
        world,
        rhythm,
        fromMs: fromMs ?? startMs,
        ...(arrivalsUntilMs !== undefined && { arrivalsUntilMs }),
      }),
    expectedRecords: expectation(rhythm, startMs),
  }
}

/** Counts visitors bucket by bucket, each bucket once. */
function expectation(rhythm: Rhythm, startMs: number): Simulation['expectedRecords'] {
  const firstMs = Math.floor(startMs / bucketMs) * bucketMs
  const cumulated = [0]
  const visitorsUntil = (timeMs: number): number => {
    const buckets = Math.max(0, (timeMs - firstMs) / bucketMs)
    const whole = Math.floor(buckets)
    while (cumulated.length < whole + 2) {
      const bucketStartMs = firstMs + (cumulated.length - 1) * bucketMs
      cumulated.push((cumulated.at(-1) as number) + expectedVisitors(rhythm, bucketStartMs))
    }
    const before = cumulated[whole] as number
    return before + ((cumulated[whole + 1] as number) - before) * (buckets - whole)
  }
  return (untilMs, fromMs = startMs) => {
    const share = Math.min(1, (untilMs - fromMs) / returnsWithinMs)
    const perVisitor = recordsPerVisitorSoon + (recordsPerVisitor - recordsPerVisitorSoon) * share
    return Math.round((visitorsUntil(untilMs) - visitorsUntil(fromMs)) * perVisitor)
  }
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { seed, openingMs, profile, namespace = '' } = options
  return {
    seed,
    namespace,
    profile: typeof profile === 'string' ? profiles[profile] : profile,
    assortment: createAssortment(options.catalogue ?? loadCatalogue(), { seed, openingMs }),
    agents: await loadAgents(),
    openingMs,
  }
}

/** How far back live traffic looks for shoppers under way when it starts again. */
export function lookBackMs(simulation: Simulation, nowMs: number): number {
  const recordsMost = 200_000
  for (const days of [7, 3, 1]) {
    const fromMs = Math.max(simulation.startMs, nowMs - days * dayMs)
    if (simulation.expectedRecords(nowMs, fromMs) < recordsMost) return nowMs - fromMs
  }
  return 3 * hourMs
}
