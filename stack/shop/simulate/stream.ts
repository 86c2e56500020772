// The log that simulated shoppers leave behind: every record in order of receivedAt, endless, made as it is asked
// for. Shoppers wait in a heap until their next visit; only those under way hold events.

import { invariant } from '#stack/base/invariant.ts'
import { Random } from '#stack/base/random.ts'
import type { Delivery } from './delivery.ts'
import { deliver } from './delivery.ts'
import { TimeHeap } from '#stack/base/time-heap.ts'
import { carryOut } from './journey.ts'
import { bucketMs, visitorCount } from './rhythm.ts'
import type { Rhythm } from './rhythm.ts'
import { createShopper } from './shopper.ts'
import type { Shopper, Task, World } from './shopper.ts'

export interface StreamOptions {
  world: World
  rhythm: Rhythm
  /** The first bucket of arrivals. */
  fromMs: number
  /** No new shoppers from here on; those who came go on until they are done. Never, if absent. */
  arrivalsUntilMs?: number
}

type Waiting = { shopper: Shopper; task: Task } | { deliveries: readonly Delivery[]; next: number }

export function* simulate(options: StreamOptions): Generator<Delivery, void, void> {
  const { world, rhythm } = options
  const heap = new TimeHeap<Waiting>()
  const endMs = options.arrivalsUntilMs ?? Infinity
  let bucketStartMs = Math.floor(options.fromMs / bucketMs) * bucketMs
  for (;;) {
    while (bucketStartMs < endMs && (heap.nextTimeMs ?? Infinity) >= bucketStartMs) {
      welcome(heap, world, rhythm, bucketStartMs)
      bucketStartMs += bucketMs
    }
    const waiting = heap.pop()
    if (!waiting) return
    if ('task' in waiting) visit(heap, world, waiting)
    else yield sent(heap, waiting)
  }
}

function welcome(heap: TimeHeap<Waiting>, world: World, rhythm: Rhythm, startMs: number): void {
  const count = visitorCount(rhythm, startMs)
  for (let index = 0; index < count; index++) {
    const bucket = startMs / bucketMs
    const chance = new Random(`${world.seed}/arrival/${bucket}/${index}`).float()
    const arrivalMs = Math.round(startMs + chance * (bucketMs - 1))
    const shopper = createShopper(world, { bucket, index, arrivalMs })
    heap.push(arrivalMs, { shopper, task: { atMs: arrivalMs, purpose: 'browse' } })
  }
}

function visit(
  heap: TimeHeap<Waiting>,
  world: World,
  { shopper, task }: { shopper: Shopper; task: Task },
): void {
  const { events, tasks } = carryOut(world, shopper, task)
  const first = events[0]
  invariant(!first || first.timeMs >= task.atMs, 'an event before its visit')
  const deliveries = deliver(events, world.profile, {
    shopperId: shopper.id,
    isCrawler: shopper.kind === 'crawler',
    label: `${world.seed}/${shopper.id}/${task.atMs}`,
  })
  if (deliveries[0]) heap.push(deliveries[0].receivedMs, { deliveries, next: 0 })
  for (const later of tasks) heap.push(later.atMs, { shopper, task: later })
}

function sent(
  heap: TimeHeap<Waiting>,
  { deliveries, next }: { deliveries: readonly Delivery[]; next: number },
): Delivery {
  const following = deliveries[next + 1]
  if (following) heap.push(following.receivedMs, { deliveries, next: next + 1 })
  return deliveries[next] as Delivery
}
