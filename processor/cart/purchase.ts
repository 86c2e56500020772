// Purchases, rule P (R16–R20): which episode an order closes, and which abandoned ones it recovers with it. A purchase
// has counted as activity before it comes here.

import type { CartEvent, CartItem } from '../model.ts'
import type { Cart, ClosingOrder, Episode } from './episode.ts'
import { isUnclosed, isWithinRecovery } from './episode.ts'
import { sharesProduct } from './lines.ts'
import { isReported, noteOrder, orderIdOf } from './orders.ts'
import { cartKeyOf } from './roles.ts'
import type { Placed, World } from './world.ts'
import { leave, openEpisodeOf, remark } from './world.ts'

export function actAsPurchase(world: World, placed: Placed): void {
  const { event } = placed
  if (world.orders.repeated.has(event)) {
    remark(world, placed, 'R20', 'order known')
    return
  }
  const match = matchOf(world, placed)
  if (match === undefined) return
  close(world, match, placed, orderOf(event))
}

function matchOf(world: World, placed: Placed): Episode | undefined {
  const { event } = placed
  if (event.namedCart === 'elsewhere') {
    remark(world, placed, 'R16', 'cart of somebody else')
    return undefined
  }
  if (event.cartId !== undefined && isReported(world.closings, event.cartId, event)) {
    remark(world, placed, 'R20', 'order known')
    return undefined
  }
  const match = namedMatch(world, event) ?? overlapMatch(world, event)
  if (match === undefined) remark(world, placed, 'R18', 'no match')
  return match
}

/** R16; R20: an order never closes a second cart through the same cartId. */
function namedMatch(world: World, event: CartEvent): Episode | undefined {
  const named = namedCart(world, event)
  const match = named === undefined ? undefined : unclosedOf(world, named, event.timeMs)
  if (match !== undefined && event.cartId !== undefined) {
    noteOrder(world.closings, event.cartId, event)
  }
  return match
}

/** R16: the owner goes on with R17; anybody else acts on the named cart only. */
function overlapMatch(world: World, event: CartEvent): Episode | undefined {
  const named = namedCart(world, event)
  const isOwners = named === undefined || named.owner === event.mark
  return isOwners ? overlapOf(world, event) : undefined
}

function namedCart({ carts }: World, event: CartEvent): Cart | undefined {
  return event.cartId === undefined ? undefined : carts.get(cartKeyOf(event))
}

/** R16: the open episode of a named cart, else its most recently touched recoverable one. */
function unclosedOf(world: World, cart: Cart, timeMs: number): Episode | undefined {
  return (
    openEpisodeOf(cart) ?? latestTouched(cart.episodes.filter((e) => isMatchable(world, e, timeMs)))
  )
}

/** R17: of the person's open or recoverable episodes that share a product, the most recently touched. */
function overlapOf(world: World, event: CartEvent): Episode | undefined {
  const items = event.data?.items ?? []
  const candidates = [...world.open, ...recoverable(world, event.timeMs)].filter(
    ({ cart, content }) =>
      cart.owner === event.mark && (items.length === 0 || sharesProduct(content, items)),
  )
  return latestTouched(candidates)
}

/** Time only goes on within a fold, so what is no longer recoverable is let go of here. */
function recoverable(world: World, timeMs: number): Set<Episode> {
  for (const episode of world.expired) {
    if (!isMatchable(world, episode, timeMs)) world.expired.delete(episode)
  }
  return world.expired
}

/** Open, or recoverable: expired, within recoveryWindow, not reanimated. */
function isMatchable({ settings }: World, episode: Episode, timeMs: number): boolean {
  const { outcome } = episode
  return (
    isUnclosed(episode, timeMs, settings) && !(outcome.kind === 'expired' && outcome.isReanimated)
  )
}

function latestTouched(episodes: readonly Episode[]): Episode | undefined {
  let latest: Episode | undefined
  for (const episode of episodes) {
    if (latest === undefined || episode.touchedAt > latest.touchedAt) latest = episode
  }
  return latest
}

/** R19: the match is converted or recovered, and with it every episode it was reanimated from. */
function close(world: World, match: Episode, placed: Placed, order: ClosingOrder): void {
  if (match.outcome.kind === 'open') {
    match.outcome = { kind: 'converted', order }
    leave(world, match)
    remark(world, placed, 'R19', 'converted', match)
  } else {
    recover(world, match, placed, order)
  }
  for (const ancestor of match.ancestors) recover(world, ancestor, placed, order)
}

function recover(world: World, episode: Episode, placed: Placed, order: ClosingOrder): void {
  const { outcome } = episode
  if (outcome.kind !== 'expired') return
  if (!isWithinRecovery(outcome, order.atMs, world.settings)) return
  outcome.order = order
  world.expired.delete(episode)
  remark(
    world,
    placed,
    outcome.isSmall ? 'R23' : 'R19',
    outcome.isSmall ? 'converted' : 'recovered',
    episode,
  )
}

function orderOf(event: CartEvent): ClosingOrder {
  const { data, timeMs } = event
  return {
    orderId: orderIdOf(event),
    atMs: timeMs,
    amountMinor: merchandiseOf(data),
    currency: data?.currency ?? null,
  }
}

/** The merchandise amount of an order (2.7): as sent, else its lines less the order's discount; null if a price is unknown. */
export function merchandiseOf(data: CartEvent['data']): number | null {
  if (data?.itemsTotalMinor !== undefined) return data.itemsTotalMinor
  let sumMinor = 0
  for (const item of data?.items ?? []) {
    const unitMinor = unitPriceOf(item, data?.currency)
    if (unitMinor === null) return null
    sumMinor += (item.quantity ?? 1) * unitMinor
  }
  return Math.max(0, sumMinor - (data?.discountMinor ?? 0))
}

/** R9: without a price of its own the catalogue's, if in the order's currency. */
function unitPriceOf(item: CartItem, currency: string | undefined): number | null {
  if (item.unitPriceMinor !== undefined) return item.unitPriceMinor - (item.discountMinor ?? 0)
  return item.listPrice?.currency === currency ? (item.listPrice?.unitPriceMinor ?? null) : null
}
