// Cart and checkout events (R6–R11, R15, R22): they change the lines of the open episode, start one, or bring an
// abandoned one back as the next.

import type { CartStage } from '#stack/contract/cart.ts'
import type { CartEvent } from '../model.ts'
import type { Cart, Episode } from './episode.ts'
import { furtherStage, isWithinRecovery, touch } from './episode.ts'
import type { Named } from './lines.ts'
import { addLines, currencyOf, removeLines, replaceLines, valueOf } from './lines.ts'
import { roleOf } from './roles.ts'
import type { Placed, World } from './world.ts'
import { cartFor, leave, openEpisodeOf, reanimateEpisode, remark, startEpisode } from './world.ts'

export function actOnCart(world: World, placed: Placed): void {
  const { event } = placed
  // It acts in the key of the cart's owner; here it was activity (R5).
  if (event.namedCart === 'elsewhere') return
  const cart = cartFor(world, event)
  const episode = openEpisodeOf(cart) ?? nextEpisode(world, cart, placed)
  if (episode === undefined) {
    remark(world, placed, event.name === 'remove_from_cart' ? 'R6' : 'R15', 'no cart to change')
    return
  }
  touch(episode, event, placed.at)
  changeLines(world, episode, placed)
  advanceStage(world, episode, placed)
  noteDeclared(episode, placed)
  if (episode.content.quantities.size === 0) empty(world, episode, placed)
}

/** Without an open episode: the abandoned one comes back (R22), or a first line starts one (R7, R11). */
function nextEpisode(world: World, cart: Cart, placed: Placed): Episode | undefined {
  const { event } = placed
  const last = cart.episodes.at(-1)
  if (last?.outcome.kind === 'expired' && comesBack(event)) {
    if (isWithinRecovery(last.outcome, event.timeMs, world.settings)) {
      const episode = reanimateEpisode(world, last, last.outcome, placed)
      remark(world, placed, 'R22', 'reanimated', episode)
      return episode
    }
  }
  if (event.name === 'remove_from_cart' || !bringsLines(event)) return undefined
  const episode = startEpisode(world, cart, placed)
  remark(world, placed, 'R13', 'started', episode)
  return episode
}

/** R22: any content or checkout event, but not a `view_cart` without items. */
function comesBack(event: CartEvent): boolean {
  return roleOf(event.name) !== 'view' || bringsLines(event)
}

/** R7: a checkout_step is no snapshot, whatever it lists. */
function bringsLines({ name, data }: CartEvent): boolean {
  return name !== 'checkout_step' && (data?.items?.length ?? 0) > 0
}

function changeLines(world: World, episode: Episode, placed: Placed): void {
  const { event, at } = placed
  const { content } = episode
  const named: Named = { items: event.data?.items ?? [], currency: event.data?.currency, at }
  if (event.name === 'add_to_cart') addLines(content, named)
  else if (event.name === 'remove_from_cart') {
    const isUnderflow = removeLines(content, named)
    if (isUnderflow) remark(world, placed, 'R6', 'underflow', episode)
    episode.isUnderflow ||= isUnderflow
  } else if (event.name === 'cart_update') replaceLines(content, named)
  else if (!bringsLines(event)) return
  else replaceLines(content, { ...named, currency: named.currency ?? currencyOf(content) })
  const isDelta = event.name === 'add_to_cart' || event.name === 'remove_from_cart'
  remark(world, placed, isDelta ? 'R6' : 'R7', 'lines', episode)
}

/** R15. */
function advanceStage(world: World, episode: Episode, placed: Placed): void {
  const stage = stageOf(placed.event)
  if (stage === null) {
    if (roleOf(placed.event.name) === 'view') remark(world, placed, 'R12', 'seen', episode)
    return
  }
  episode.stage = furtherStage(episode.stage, stage)
  remark(world, placed, 'R15', 'stage', episode)
}

function stageOf({ name, data }: CartEvent): CartStage | null {
  if (name === 'begin_checkout') return 'checkout'
  if (name !== 'checkout_step') return null
  return data?.option === 'payment' ? 'payment' : 'checkout'
}

/** R8: the cart's total as its producer sees it, against ours right after the event. */
function noteDeclared(episode: Episode, { event, at }: Placed): void {
  const totalMinor = event.data?.cartTotalMinor
  if (totalMinor === undefined) return
  const oursMinor = valueOf(episode.content)
  const isMismatch = oursMinor !== null && oursMinor !== totalMinor
  episode.declared = { value: { totalMinor, isMismatch }, at }
}

/** R11. */
function empty(world: World, episode: Episode, placed: Placed): void {
  episode.outcome = { kind: 'emptied', atMs: placed.event.timeMs }
  leave(world, episode)
  remark(world, placed, 'R11', 'emptied', episode)
}
