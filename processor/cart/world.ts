// The state of one fold: the carts of one key, which episodes still run, which orders are known. It lives for one call
// of foldPerson and starts from the base that retention left behind (T5), never from an earlier fold.

import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, Person } from '../model.ts'
import type { Cart, Episode } from './episode.ts'
import { newEpisode, reanimate } from './episode.ts'
import type { Expired } from './episode.ts'
import type { ActingEvent } from './event-set.ts'
import { linesOf, totalsOf } from './lines.ts'
import { knownOrders, ordersOf, reportedOf } from './orders.ts'
import type { KnownOrders, PersonOrders, Reported } from './orders.ts'
import { cartKeyOf } from './roles.ts'
import type { Effect, Trace } from './trace.ts'

/** What stays of events that were let go: numbers, names and ids that are kept for ever (T5). Plain JSON. */
export interface PersonBase {
  carts: { key: string; cartId: string | null; owner: Person; episodeCount: number }[]
  /** R20: orders seen, by the person who placed them. */
  orders: [Person, Reported[]][]
  /** R20: orders that closed a cart through its cartId. */
  closings: [string, Reported[]][]
  /** When the last unsuppressed record of a person was due (cooldown). */
  lastUnsuppressed: [Person, number][]
}

export const emptyBase: PersonBase = { carts: [], orders: [], closings: [], lastUnsuppressed: [] }

/** An event at its place in T3 order. */
export interface Placed {
  event: ActingEvent
  at: number
}

export interface World {
  settings: Settings
  carts: Map<string, Cart>
  open: Set<Episode>
  /** Expired and not bought, oldest first; some of them are past their recovery. */
  expired: Set<Episode>
  /** No open episode is due before this; a lower bound, made exact when it is reached. */
  nextDeadlineMs: number
  orders: PersonOrders
  /** By the cartId through which they closed a cart (R16). */
  closings: KnownOrders
  trace: Trace | undefined
}

export function newWorld(
  settings: Settings,
  base: PersonBase,
  events: readonly ActingEvent[],
  trace?: Trace,
): World {
  return {
    settings,
    carts: new Map(base.carts.map((cart) => [cart.key, { ...cart, episodes: [] }])),
    open: new Set(),
    expired: new Set(),
    nextDeadlineMs: Infinity,
    orders: ordersOf(events, base.orders),
    closings: knownOrders(base.closings),
    trace,
  }
}

/** What stays of the world when all its events are let go: of carts with an id the owner, of others their number. */
export function baseOf(world: World, lastUnsuppressed: PersonBase['lastUnsuppressed']): PersonBase {
  const carts = [...world.carts.values()].filter(
    ({ cartId, episodeCount }) => cartId !== null || episodeCount > 0,
  )
  return {
    carts: carts.map(({ key, cartId, owner, episodeCount }) => ({
      key,
      cartId,
      owner,
      episodeCount,
    })),
    orders: reportedOf(world.orders.byPerson),
    closings: reportedOf(world.closings),
    lastUnsuppressed,
  }
}

/** R1, R5: the cart an event names; the first cart or checkout event to name it makes its person the owner. */
export function cartFor(world: World, event: CartEvent): Cart {
  return cartNamed(world, cartKeyOf(event), event.cartId ?? null, event.mark)
}

export function cartNamed(world: World, key: string, cartId: string | null, owner: Person): Cart {
  const known = world.carts.get(key)
  if (known !== undefined) return known
  const cart: Cart = { key, cartId, owner, episodes: [], episodeCount: 0 }
  world.carts.set(key, cart)
  return cart
}

export function openEpisodeOf(cart: Cart): Episode | undefined {
  const last = cart.episodes.at(-1)
  return last?.outcome.kind === 'open' ? last : undefined
}

export function startEpisode(world: World, cart: Cart, { event, at }: Placed): Episode {
  return enter(world, newEpisode(cart, { value: event, at }, world.settings))
}

export function reanimateEpisode(
  world: World,
  previous: Episode,
  expired: Expired,
  { event, at }: Placed,
): Episode {
  return enter(world, reanimate(previous, expired, { value: event, at }, world.settings))
}

/** An episode's state changed from open to something else. */
export function leave(world: World, episode: Episode): void {
  world.open.delete(episode)
}

export function enter(world: World, episode: Episode): Episode {
  world.open.add(episode)
  world.nextDeadlineMs = Math.min(world.nextDeadlineMs, episode.deadlineMs)
  return episode
}

/** Tells the trace, if there is one, what an event (or time alone) did to an episode, by which rule. */
export function remark(
  world: World,
  placed: Placed | null,
  rule: string,
  effect: Effect,
  episode: Episode | null = null,
): void {
  if (world.trace === undefined) return
  const lines = episode === null ? [] : linesOf(episode.content)
  const { valueMinor, currency } = totalsOf(lines)
  world.trace({
    at: placed?.at ?? null,
    timeMs: placed?.event.timeMs ?? episode?.deadlineMs ?? 0,
    rule,
    effect,
    cartKey: episode?.cart.key ?? null,
    episode: episode?.number ?? null,
    lastActivityMs: episode?.lastActivityMs ?? null,
    deadlineMs: episode?.deadlineMs ?? null,
    units: lines.reduce((units, { quantity }) => units + quantity, 0),
    valueMinor,
    currency,
  })
}
