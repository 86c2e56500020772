// Known traffic for tests: a scenario by name, its records up to `nowMs`, and the truth about them. Ids and sources
// begin with the namespace, so that tests which run side by side never meet; seed and namespace repeat a scenario.

import { UsageError } from '#stack/base/errors.ts'
import { dayMs, hourMs, minuteMs, secondMs } from '#stack/base/units.ts'
import { addProduct, viewCart } from './basket.ts'
import { placeOrder } from './checkout.ts'
import type { Delivery } from './delivery.ts'
import { deliver } from './delivery.ts'
import { profiles } from './profile.ts'
import type { Profile } from './profile.ts'
import { worldRhythm } from './rhythm.ts'
import { createShopper } from './shopper.ts'
import type { Shopper, World } from './shopper.ts'
import { createSimulation, createWorld } from './simulation.ts'
import { TruthKeeper } from './truth/truth.ts'
import type { Truth } from './truth/truth.ts'
import { Visit } from './visit.ts'

export interface ScenarioRequest {
  scenario: string
  seed: number
  namespace?: string
  nowMs: number
  /** How many records, where the scenario is a crowd. */
  records?: number
}

export interface SeededScenario {
  records: Delivery[]
  /** As of `nowMs`. */
  truth: Truth
  /** When everything that can close has closed and nothing else was received. */
  finalTruth: Truth
}

export async function seedScenario(request: ScenarioRequest): Promise<SeededScenario> {
  const scenario = Object.hasOwn(scenarios, request.scenario) && scenarios[request.scenario]
  if (!scenario) {
    throw new UsageError(`there is no scenario "${request.scenario}"`, {
      hint: `use one of ${Object.keys(scenarios).join(', ')}`,
    })
  }
  const records = await scenario(request)
  const keeper = new TruthKeeper()
  for (const record of records) keeper.observe(record)
  return { records, truth: keeper.truth(request.nowMs), finalTruth: keeper.truth() }
}

type Scenario = (request: ScenarioRequest) => Promise<Delivery[]>

const scenarios: Record<string, Scenario> = {
  /** One shopper filled a cart five minutes ago and is gone; abandoned an hour after `lastActivityAt`. */
  'abandoned-cart': (request) =>
    oneShopper(request, (world, shopper, nowMs) => [
      fillCart(world, shopper, nowMs - 5 * minuteMs),
    ]),
  /** Left two hours ago, bought a minute ago: abandoned, then recovered. */
  'recovered-cart': (request) =>
    oneShopper(request, (world, shopper, nowMs) => [
      fillCart(world, shopper, nowMs - 2 * hourMs),
      buyCart(world, shopper, nowMs - minuteMs),
    ]),
  /** Left two hours ago; the purchase of half an hour later is received only now, after the verdict. */
  'late-purchase': (request) =>
    oneShopper(request, (world, shopper, nowMs) => [
      fillCart(world, shopper, nowMs - 2 * hourMs),
      { ...buyCart(world, shopper, nowMs - 90 * minuteMs), receivedMs: nowMs },
    ]),
  /** An hour of a lively shop up to now. */
  'busy-hour': (request) => crowd(request, 'calm', { spanMs: hourMs, records: 4000 }),
  /** A month of an orderly shop, from its beginning on. */
  calm: (request) => crowd(request, 'calm', { spanMs: 30 * dayMs, records: 50_000 }),
  /** The same with all the disorder of events.md 4. */
  full: (request) => crowd(request, 'full', { spanMs: 30 * dayMs, records: 50_000 }),
  /** Events, copies and broken records of a few days. */
  mixed: (request) =>
    crowd(
      request,
      { ...profiles.demo, duplicateShare: 0.03, malformedShare: 0.02 },
      { spanMs: 5 * dayMs, records: 20_000 },
    ),
}

async function crowd(
  request: ScenarioRequest,
  profile: Profile | 'calm' | 'full',
  { spanMs, records }: { spanMs: number; records: number },
): Promise<Delivery[]> {
  const { seed, namespace = '', nowMs } = request
  const most = request.records ?? records
  const simulation = await createSimulation({
    seed,
    profile,
    namespace,
    openingMs: nowMs,
    days: spanMs / dayMs,
    visitorsPerDay: visitorsPerDay(most, spanMs, nowMs),
    liveEventsPerSecond: 0,
  })
  const deliveries: Delivery[] = []
  for (const delivery of simulation.records()) {
    if (delivery.receivedMs > nowMs || deliveries.length >= most) break
    deliveries.push(delivery)
  }
  return deliveries
}

/** With half as many again as are asked for, so that chance does not leave it short. */
function visitorsPerDay(records: number, spanMs: number, nowMs: number): number {
  const isShort = spanMs < dayMs
  // In a short span most visitors have come once, and its hour may be a quiet one.
  const visitors = (1.5 * records) / (isShort ? 9 : 18)
  return (visitors * dayMs) / spanMs / (isShort ? worldRhythm(nowMs) : 1)
}

interface StoryVisit {
  visit: Visit
  /** All of it was received then; at once, if absent. */
  receivedMs?: number
}

/** Nothing is delayed, doubled or broken. */
const undisturbed: Profile = {
  ...profiles.calm,
  delays: [{ share: 1, fromMs: 20, toMs: 300 }],
  duplicateShare: 0,
}

async function oneShopper(
  request: ScenarioRequest,
  story: (world: World, shopper: Shopper, nowMs: number) => StoryVisit[],
): Promise<Delivery[]> {
  const { seed, namespace = '', nowMs } = request
  const world = await createWorld({ seed, profile: undisturbed, openingMs: nowMs, namespace })
  const drawn = createShopper(world, { bucket: seed, index: 0, arrivalMs: nowMs })
  const shopper: Shopper = {
    ...drawn,
    kind: 'person',
    allowsAnalytics: true,
    allowsMarketing: true,
  }
  const deliveries: Delivery[] = []
  for (const [i, { visit, receivedMs }] of story(world, shopper, nowMs).entries()) {
    const sender = { shopperId: shopper.id, isCrawler: false, label: `${seed}/${shopper.id}/${i}` }
    for (const delivery of deliver(visit.events, world.profile, sender)) {
      deliveries.push(receivedMs === undefined ? delivery : receivedAt(delivery, receivedMs))
    }
  }
  return deliveries.sort((a, b) => a.receivedMs - b.receivedMs)
}

function receivedAt(delivery: Delivery, receivedMs: number): Delivery {
  const event = { ...delivery.event, receivedAt: new Date(receivedMs).toISOString() }
  return { ...delivery, receivedMs, event }
}

/** Over within two minutes. */
function fillCart(world: World, shopper: Shopper, startMs: number): StoryVisit {
  const device = shopper.devices[0] as Shopper['devices'][0]
  const visit = new Visit(world, shopper, device, startMs)
  visit.page('home', '/')
  for (let i = 0; i < 2; i++) {
    visit.atMs += 12 * secondMs
    addProduct(world, visit)
  }
  visit.atMs += 9 * secondMs
  viewCart(visit, true)
  return { visit }
}

/** Back to the cart, which is shown without a word about its lines, and bought with one click by `endMs`. */
function buyCart(world: World, shopper: Shopper, endMs: number): StoryVisit {
  const device = shopper.devices[0] as Shopper['devices'][0]
  const visit = new Visit(world, shopper, device, endMs - 30 * secondMs)
  viewCart(visit, false)
  visit.atMs = endMs
  placeOrder(world, visit)
  return { visit }
}
