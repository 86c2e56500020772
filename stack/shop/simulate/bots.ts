// Visitors that are no people: crawlers that say so, and scripts behind a person's user agent that no person could
// keep up with (R24). Now and then one puts something into a cart, which must never count.

import { minuteMs, secondMs } from '#stack/base/units.ts'
import type { Task, Device, Shopper, World } from './shopper.ts'
import { Visit } from './visit.ts'
import type { TimedEvent } from './visit.ts'

/** Above `botEventsPerMinute`, with room: page and product are two events. */
const rushEventsLeast = 126
const rushEventsSpread = 60

export function crawl(world: World, shopper: Shopper, atMs: number): Walk {
  const visit = new Visit(world, shopper, shopper.devices[0] as Device, atMs)
  const pages = 1 + Math.min(40, Math.floor(shopper.random.exponential(4)))
  for (let i = 0; i < pages; i++) {
    if (i > 0) visit.atMs += Math.round(shopper.random.between(secondMs, 12 * secondMs))
    visit.product(world.assortment.pick(shopper.random))
  }
  if (shopper.random.chance(0.05)) takeSomething(world, visit)
  return { events: visit.events, tasks: [] }
}

/** Starts with a minute of the clock, so that all of it falls into one. */
export function rush(world: World, shopper: Shopper, atMs: number): Walk {
  const { random } = shopper
  const visit = new Visit(world, shopper, shopper.devices[0] as Device, atMs)
  visit.atMs = Math.ceil(atMs / minuteMs) * minuteMs + random.int(secondMs)
  const events = rushEventsLeast + random.int(rushEventsSpread)
  const pauseMs = Math.floor((50 * secondMs) / events)
  while (visit.events.length < events) {
    const startMs = visit.atMs
    visit.page('product', `/products/${world.assortment.pick(random).productId}`)
    visit.atMs = startMs + pauseMs
  }
  if (random.chance(0.3)) takeSomething(world, visit)
  return { events: visit.events, tasks: [] }
}

interface Walk {
  events: TimedEvent[]
  tasks: Task[]
}

function takeSomething(world: World, visit: Visit): void {
  const { currency } = visit.shopper.market
  const line = { productId: world.assortment.pick(visit.random).productId, quantity: 1 }
  visit.emit('add_to_cart', { items: [visit.item(line)], currency }, true)
}
