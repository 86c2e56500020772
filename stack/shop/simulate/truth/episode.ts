// An episode of a cart: what lies in it and what it is worth (R6 to R10), and how one is begun or folded into another
// (R4, R22). Which events do that is the ledger's business.

import type { Item } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Act } from './acts.ts'

export interface Line {
  productId: string
  variantId: string | null
  quantity: number
}

interface LinePrice {
  unitPriceMinor: number
  discountMinor: number
  currency: string
  orderIndex: number
}

export type EpisodeState = 'open' | 'abandoned' | 'converted' | 'recovered' | 'emptied' | 'merged'

export interface Episode {
  cart: Cart
  number: number
  /** The cart's, until it is over. */
  owner: string
  state: EpisodeState
  stage: 0 | 1 | 2
  start: { source: string; eventId: string }
  startedMs: number
  lastActivityMs: number
  abandonedMs: number | undefined
  closedMs: number | undefined
  lines: Map<string, Line>
  prices: Map<string, LinePrice>
  /** R8: the latest total that an event declared, and whether ours was another right after it. */
  declared: { totalMinor: number; isMismatch: boolean; orderIndex: number } | undefined
  flags: Set<string>
  marketing: boolean | null
  anonymousId: string | null
  /** Its own cart and checkout events. */
  acts: Act[]
  /** Place of the latest cart or checkout event on it (R17). */
  touched: number
  /** R22: the abandoned episode that this one came from, and whether a later one came from this. */
  from: Episode | undefined
  isReanimated: boolean
  order:
    | { orderId: string; atMs: number; merchandiseMinor: number | null; currency: string }
    | undefined
}

export interface Cart {
  key: string
  cartId: string | null
  owner: string
  episodes: Episode[]
}

export function newEpisode(cart: Cart, { event, timeMs }: Act): Episode {
  return {
    cart,
    number: cart.episodes.length + 1,
    owner: cart.owner,
    state: 'open',
    stage: 0,
    start: { source: event.source, eventId: event.eventId },
    startedMs: timeMs,
    lastActivityMs: timeMs,
    abandonedMs: undefined,
    closedMs: undefined,
    lines: new Map(),
    prices: new Map(),
    declared: undefined,
    flags: new Set(),
    marketing: null,
    anonymousId: null,
    acts: [],
    touched: 0,
    from: undefined,
    isReanimated: false,
    order: undefined,
  }
}

/** R4: the same episode as the next one of the user's cart. */
export function continued(episode: Episode, cart: Cart): Episode {
  return {
    ...episode,
    cart,
    number: cart.episodes.length + 1,
    owner: cart.owner,
    lines: new Map(episode.lines),
    prices: new Map(episode.prices),
    flags: new Set(episode.flags),
    acts: [...episode.acts],
  }
}

/** R4: earlier start, later activity, furthest stage, the later price of each line. */
export function fold(from: Episode, into: Episode, policy: Settings['mergePolicy']): void {
  for (const [key, line] of from.lines) {
    const known = into.lines.get(key)?.quantity ?? 0
    const merged = { max: Math.max(known, line.quantity), sum: known + line.quantity }
    into.lines.set(key, {
      ...line,
      quantity: policy === 'replace' ? line.quantity : merged[policy],
    })
  }
  if (policy === 'replace') {
    for (const key of into.lines.keys()) if (!from.lines.has(key)) into.lines.delete(key)
  }
  for (const [key, price] of from.prices) {
    if (price.orderIndex > (into.prices.get(key)?.orderIndex ?? -1)) into.prices.set(key, price)
  }
  if (from.startedMs < into.startedMs) {
    into.startedMs = from.startedMs
    into.start = from.start
  }
  into.lastActivityMs = Math.max(into.lastActivityMs, from.lastActivityMs)
  into.stage = Math.max(into.stage, from.stage) as Episode['stage']
  if (from.touched > into.touched) into.anonymousId = from.anonymousId ?? into.anonymousId
  into.touched = Math.max(into.touched, from.touched)
  for (const flag of from.flags) into.flags.add(flag)
  into.acts.push(...from.acts)
  if ((from.declared?.orderIndex ?? -1) > (into.declared?.orderIndex ?? -1)) {
    into.declared = from.declared
  }
  into.from ??= from.from
}

export function snapshotOf({ event }: Act): readonly Item[] | undefined {
  const { items } = event.data
  if (event.name === 'cart_update') return items ?? []
  const canBe = event.name === 'view_cart' || event.name === 'begin_checkout'
  return canBe && items !== undefined && items.length > 0 ? items : undefined
}

export function stageOf({ event }: Act): number {
  return event.name === 'checkout_step' && event.data.option === 'payment' ? 2 : 1
}

/** R6. */
export function addLines(episode: Episode, act: Act, index: number): void {
  for (const item of act.event.data.items ?? []) {
    const line = episode.lines.get(lineKey(item)) ?? emptyLine(item)
    line.quantity += item.quantity ?? 1
    episode.lines.set(lineKey(item), line)
    notePrice(episode, item, act, index)
  }
}

export function removeLines(episode: Episode, act: Act, index: number): void {
  for (const item of act.event.data.items ?? []) {
    const line = episode.lines.get(lineKey(item))
    notePrice(episode, item, act, index)
    const quantity = item.quantity ?? line?.quantity ?? 0
    if (!line || quantity > line.quantity) episode.flags.add('underflow')
    if (!line) continue
    line.quantity -= quantity
    if (line.quantity <= 0) episode.lines.delete(lineKey(item))
  }
}

/** R7. */
export function replaceLines(
  episode: Episode,
  items: readonly Item[],
  act: Act,
  index: number,
): void {
  episode.lines.clear()
  for (const item of items) {
    const line = episode.lines.get(lineKey(item)) ?? emptyLine(item)
    line.quantity += item.quantity ?? 1
    episode.lines.set(lineKey(item), line)
    notePrice(episode, item, act, index)
  }
}

function emptyLine(item: Item): Line {
  return { productId: item.productId, variantId: item.variantId ?? null, quantity: 0 }
}

function lineKey(item: { productId: string; variantId?: string | null }): string {
  return `${item.productId}\n${item.variantId ?? ''}`
}

/** R8: the latest price that any event of the episode named for the line. */
function notePrice(episode: Episode, item: Item, act: Act, orderIndex: number): void {
  const { currency } = act.event.data
  if (item.unitPriceMinor === undefined || currency === undefined) return
  const { unitPriceMinor, discountMinor = 0 } = item
  episode.prices.set(lineKey(item), { unitPriceMinor, discountMinor, currency, orderIndex })
}

export function noteConsent(episode: Episode, { event }: Act): void {
  const marketing = event.context?.consent?.marketing
  if (typeof marketing === 'boolean') episode.marketing = marketing
}

/** R8. Null where a line has no price; the simulator never mixes currencies in a cart. */
export function valueOf(episode: Episode): number | null {
  let value = 0
  for (const [key, line] of episode.lines) {
    const price = episode.prices.get(key)
    if (!price) return null
    value += line.quantity * (price.unitPriceMinor - price.discountMinor)
  }
  return value
}
