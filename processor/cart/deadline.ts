// Activity and deadlines (R12–R14): which open episodes an event extends, and which have run out when it comes. Half-open:
// an activity at t < deadline extends, at t >= deadline it finds the cart abandoned.

import type { CartEvent } from '../model.ts'
import type { Episode } from './episode.ts'
import { extend, noteConsent } from './episode.ts'
import { valueOf } from './lines.ts'
import { cartIdsNamed, cartKeyOf, roleOf } from './roles.ts'
import type { Placed, World } from './world.ts'
import { leave, remark } from './world.ts'

/** R14: abandons every open episode whose deadline is not after this time. */
export function expireUntil(world: World, timeMs: number): void {
  if (timeMs < world.nextDeadlineMs) return
  for (const episode of world.open) {
    if (episode.deadlineMs <= timeMs) expire(world, episode)
  }
  world.nextDeadlineMs = earliestDeadline(world)
}

/** R12, R13: an event first counts as activity, then acts. */
export function countAsActivity(world: World, placed: Placed): void {
  const { event, at } = placed
  if (!event.isActivity) return
  for (const episode of world.open) {
    const isOwners = event.mark === episode.cart.owner
    const reaches =
      (isOwners && world.settings.activityScope === 'person') || isUnder(event, episode)
    if (!reaches) continue
    extend(episode, event.timeMs, world.settings)
    if (isOwners) noteConsent(episode, event, at)
    remark(world, placed, 'R13', 'extended', episode)
  }
}

/** R12: cart, checkout and purchase events are activity of their own cart in both scopes, whoever sends them (R5). */
function isUnder(event: CartEvent, { cart }: Episode): boolean {
  const role = roleOf(event.name)
  if (role === 'activity') return false
  if (role !== 'merge') return cart.key === cartKeyOf(event)
  return cart.cartId !== null && cartIdsNamed(event).includes(cart.cartId)
}

function expire(world: World, episode: Episode): void {
  const valueMinor = valueOf(episode.content)
  // An unknown value is never below the least one (R9).
  const isSmall = valueMinor !== null && valueMinor < world.settings.minCartValueMinor
  episode.outcome = {
    kind: 'expired',
    atMs: episode.deadlineMs,
    isSmall,
    isReanimated: false,
    order: null,
  }
  leave(world, episode)
  world.expired.add(episode)
  remark(world, null, isSmall ? 'R23' : 'R14', isSmall ? 'too small' : 'expired', episode)
}

function earliestDeadline(world: World): number {
  let earliestMs = Infinity
  for (const episode of world.open) earliestMs = Math.min(earliestMs, episode.deadlineMs)
  return earliestMs
}
