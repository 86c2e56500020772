// Two carts become one: on a visitor's first link, when all that was the visitor's becomes the user's (R4), and by
// `cart_merge` where carts have ids. The row that is folded away ends as `merged` and never fires.

import type { MergePolicy } from '#stack/contract/events.ts'
import type { Person } from '../model.ts'
import type { Cart, Episode, Noted } from './episode.ts'
import { extend, furtherStage, isUnclosed, moveTo, touch } from './episode.ts'
import { mergeLines } from './lines.ts'
import type { Placed, World } from './world.ts'
import { cartNamed, enter, leave, openEpisodeOf, remark } from './world.ts'

/** R4: on the first link of `visitor`, to the person of this event. */
export function linkVisitor(world: World, placed: Placed, visitor: Person): void {
  const { mark } = placed.event
  rename(world, placed, visitor)
  const from = world.carts.get(visitor)
  const open = from === undefined ? undefined : openEpisodeOf(from)
  if (open === undefined) return
  fold(world, placed, open, cartNamed(world, mark, null, mark), world.settings.mergePolicy)
}

/**
 * `cart_merge`: open `from` into `into`; `from` not open, or carts of two owners: nothing (R4). To be named by it first
 * makes a cart its person's (R5), also where nothing is merged.
 */
export function mergeCarts(world: World, placed: Placed): void {
  const { event } = placed
  const { fromCartId, intoCartId, policy } = event.data ?? {}
  const from = ownCart(world, placed, fromCartId)
  const into = ownCart(world, placed, intoCartId)
  const open = from === undefined ? undefined : openEpisodeOf(from)
  if (open === undefined || into === undefined || from === into || from?.owner !== into.owner) {
    remark(world, placed, 'R4', 'nothing to merge')
    return
  }
  const merged = fold(world, placed, open, into, policy ?? world.settings.mergePolicy)
  touch(merged, event, placed.at)
}

/** One of the merge's carts, if it is kept under this key. */
function ownCart(world: World, { event }: Placed, cartId: string | undefined): Cart | undefined {
  if (cartId === undefined || event.ownedIds?.has(cartId) !== true) return undefined
  return cartNamed(world, `c:${cartId}`, cartId, event.mark)
}

/** All that is not closed yet becomes the user's, abandoned carts too. */
function rename(world: World, placed: Placed, visitor: Person): void {
  const { mark, timeMs } = placed.event
  for (const cart of world.carts.values()) {
    if (cart.owner !== visitor) continue
    cart.owner = mark
    for (const episode of cart.episodes) {
      if (!isUnclosed(episode, timeMs, world.settings)) continue
      episode.person = mark
      remark(world, placed, 'R4', 'renamed', episode)
    }
  }
}

/** Folds an open episode into another cart: into its open episode, or on as its next one. */
function fold(
  world: World,
  placed: Placed,
  from: Episode,
  cart: Cart,
  policy: MergePolicy,
): Episode {
  const into = openEpisodeOf(cart)
  const merged = into ?? enter(world, moveTo(from, cart))
  if (into !== undefined) join(world, into, from, policy)
  from.outcome = { kind: 'merged', atMs: placed.event.timeMs }
  leave(world, from)
  remark(world, placed, 'R4', 'merged', from)
  remark(world, placed, 'R4', into === undefined ? 'taken over' : 'lines', merged)
  return merged
}

/** R4: the earlier start and its starting event, the later last activity, the furthest stage, the later word on each fact. */
function join(world: World, into: Episode, from: Episode, policy: MergePolicy): void {
  mergeLines(into.content, from.content, policy)
  if (from.start.at < into.start.at) into.start = from.start
  extend(into, from.lastActivityMs, world.settings)
  into.stage = furtherStage(into.stage, from.stage)
  into.touchedAt = Math.max(into.touchedAt, from.touchedAt)
  into.isUnderflow ||= from.isUnderflow
  into.sessionKeys = into.sessionKeys.union(from.sessionKeys)
  into.ancestors = [...into.ancestors, ...from.ancestors]
  into.declared = later(into.declared, from.declared)
  into.anonymousId = later(into.anonymousId, from.anonymousId)
  into.marketing = later(into.marketing, from.marketing)
  into.country = earlier(into.country, from.country)
  into.device = earlier(into.device, from.device)
  into.campaign = earlier(into.campaign, from.campaign)
}

function later<T>(a: Noted<T> | null, b: Noted<T> | null): Noted<T> | null {
  if (a === null || b === null) return a ?? b
  return b.at > a.at ? b : a
}

function earlier<T>(a: Noted<T> | null, b: Noted<T> | null): Noted<T> | null {
  if (a === null || b === null) return a ?? b
  return b.at < a.at ? b : a
}
