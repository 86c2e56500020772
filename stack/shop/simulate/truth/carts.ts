// Carts as they should come out (R1 to R23), from acts in T3 order: a ledger of one person and whoever shares their
// carts. It is the simulator's own bookkeeping and shares nothing with the processor but the words of events.md.

import { abandonmentId } from '#stack/contract/ids.ts'
import type { Item } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { merchandiseMinor } from './money.ts'
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
  state: EpisodeState
  stage: 0 | 1 | 2
  start: { source: string; eventId: string }
  startedMs: number
  lastActivityMs: number
  abandonedMs: number | undefined
  closedMs: number | undefined
  lines: Map<string, Line>
  prices: Map<string, LinePrice>
  declaredMinor: number | null
  flags: Set<string>
  marketing: boolean | null
  anonymousId: string | null
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

export class CartLedger {
  readonly carts = new Map<string, Cart>()
  readonly #settings: Settings
  /** R20: orders that have been looked at for carts, by person. */
  readonly #orders = new Set<string>()
  /** R20: an order never closes a second cart through the same cartId. */
  readonly #ordersById = new Set<string>()
  #index = 0

  constructor(settings: Settings) {
    this.#settings = settings
  }

  record(act: Act): void {
    if (!act.counts) return
    this.#index++
    this.expire(act.timeMs)
    if (act.linksVisitor !== undefined) this.#takeOver(act.linksVisitor, act)
    const named = this.#namedCart(act)
    if (act.isActivity) this.#extend(act, named)
    if (act.event.name === 'purchase') this.#purchase(act)
    else if (act.event.name === 'cart_merge') return
    else if (cartNames.has(act.event.name)) this.#change(act, named as Cart)
  }

  /** R14: what nobody extended until its deadline is abandoned at it. */
  expire(nowMs: number): void {
    for (const episode of this.#open()) {
      const deadlineMs = this.deadlineMs(episode)
      if (deadlineMs > nowMs) continue
      episode.state = 'abandoned'
      episode.abandonedMs = deadlineMs
    }
  }

  /** R13. */
  deadlineMs(episode: Episode): number {
    const { abandonAfterMs, maxCartAgeMs } = this.#settings
    return Math.min(episode.lastActivityMs + abandonAfterMs, episode.startedMs + maxCartAgeMs)
  }

  /** R1, R5: the cart that a cart or checkout event names or means; its first one says whose it is. */
  #namedCart(act: Act): Cart | undefined {
    if (!cartNames.has(act.event.name)) return undefined
    const { cartId } = act.event
    const key = cartId === undefined ? act.person : `c:${cartId}`
    return this.#cart(key, act.person, cartId ?? null)
  }

  #cart(key: string, owner: string, cartId: string | null): Cart {
    const known = this.carts.get(key)
    if (known) return known
    const cart: Cart = { key, cartId, owner, episodes: [] }
    this.carts.set(key, cart)
    return cart
  }

  /** R12, R5: all of the owner's carts, and the event's own cart whoever owns it. */
  #extend(act: Act, named: Cart | undefined): void {
    for (const episode of this.#open()) {
      const isOwners = episode.cart.owner === act.person
      if (!isOwners && episode.cart !== named) continue
      episode.lastActivityMs = act.timeMs
      if (isOwners) noteConsent(episode, act)
    }
  }

  /** R4: what the browser owned becomes the user's; an open cart without an id is folded into the user's. */
  #takeOver(visitor: string, act: Act): void {
    const own = this.carts.get(visitor)
    for (const cart of this.carts.values()) if (cart.owner === visitor) cart.owner = act.person
    const episode = own?.episodes.at(-1)
    if (!own || own.cartId !== null || episode?.state !== 'open') return
    const users = this.#cart(act.person, act.person, null)
    const target = users.episodes.at(-1)
    if (target?.state === 'open') fold(episode, target, this.#settings.mergePolicy)
    else
      users.episodes.push({ ...continued(episode), cart: users, number: users.episodes.length + 1 })
    episode.state = 'merged'
    episode.closedMs = act.timeMs
  }

  #change(act: Act, cart: Cart): void {
    const { event } = act
    const snapshot = snapshotOf(act)
    const isCheckout = event.name === 'begin_checkout' || event.name === 'checkout_step'
    const isContent = event.name !== 'view_cart' || snapshot !== undefined
    const starts = event.name === 'add_to_cart' || (snapshot !== undefined && snapshot.length > 0)
    const open = cart.episodes.at(-1)?.state === 'open' ? cart.episodes.at(-1) : undefined
    const episode = open ?? (isContent ? this.#begin(act, cart, starts) : undefined)
    if (!episode) return
    if (isCheckout) episode.stage = Math.max(episode.stage, stageOf(act)) as Episode['stage']
    if (snapshot !== undefined) replaceLines(episode, snapshot, act, this.#index)
    else if (event.name === 'add_to_cart') addLines(episode, act, this.#index)
    else if (event.name === 'remove_from_cart') removeLines(episode, act, this.#index)
    this.#touch(episode, act)
    if (episode.lines.size === 0) {
      episode.state = 'emptied'
      episode.closedMs = act.timeMs
    }
  }

  /** R22: goes on with what was abandoned, within its time; else a new episode where the event can start one. */
  #begin(act: Act, cart: Cart, starts: boolean): Episode | undefined {
    const last = cart.episodes.at(-1)
    const isBack = last !== undefined && this.#isRecoverable(last, act.timeMs)
    if (!isBack && !starts) return undefined
    const episode = newEpisode(cart, act)
    if (isBack) {
      last.isReanimated = true
      episode.from = last
      for (const [key, line] of last.lines) episode.lines.set(key, { ...line })
      for (const [key, price] of last.prices) episode.prices.set(key, price)
    }
    cart.episodes.push(episode)
    return episode
  }

  #isRecoverable(episode: Episode, nowMs: number): boolean {
    const { state, abandonedMs, isReanimated } = episode
    if (state !== 'abandoned' || abandonedMs === undefined || isReanimated) return false
    return nowMs < abandonedMs + this.#settings.recoveryWindowMs
  }

  #touch(episode: Episode, act: Act): void {
    episode.touched = this.#index
    if (act.person === episode.cart.owner) {
      noteConsent(episode, act)
      if (act.event.anonymousId !== undefined) episode.anonymousId = act.event.anonymousId
    }
    const declared = act.event.data.cartTotalMinor
    if (declared === undefined) return
    episode.declaredMinor = declared
    const value = valueOf(episode)
    if (value !== null && value !== declared) episode.flags.add('totalMismatch')
  }

  /** Rule P. */
  #purchase(act: Act): void {
    const orderId = act.event.data.orderId as string
    const seen = `${act.person}\n${orderId}`
    if (this.#orders.has(seen)) return
    this.#orders.add(seen)
    const episode = this.#boughtById(act, orderId) ?? this.#boughtByContent(act)
    if (episode) this.#close(episode, act)
  }

  /** R16. Undefined: go on with R17. */
  #boughtById(act: Act, orderId: string): Episode | undefined {
    const { cartId } = act.event
    const cart = cartId === undefined ? undefined : this.carts.get(`c:${cartId}`)
    const episode = cart?.episodes.at(-1)
    if (!cart || !episode) return undefined
    if (episode.state !== 'open' && !this.#isRecoverable(episode, act.timeMs)) return undefined
    const once = `${orderId}\n${cart.key}`
    if (this.#ordersById.has(once)) return undefined
    this.#ordersById.add(once)
    return episode
  }

  /** R17: the person's own, most recently touched one that shares a product with the order. */
  #boughtByContent(act: Act): Episode | undefined {
    const named =
      act.event.cartId === undefined ? undefined : this.carts.get(`c:${act.event.cartId}`)
    if (named && named.owner !== act.person) return undefined
    const bought = act.event.data.items?.map((item) => item.productId)
    let best: Episode | undefined
    for (const cart of this.carts.values()) {
      const episode = cart.episodes.at(-1)
      if (!episode || cart.owner !== act.person) continue
      if (episode.state !== 'open' && !this.#isRecoverable(episode, act.timeMs)) continue
      const shares = [...episode.lines.values()].some(
        (line) => bought?.includes(line.productId) ?? true,
      )
      if (shares && (!best || episode.touched > best.touched)) best = episode
    }
    return best
  }

  /** R19: converted, or recovered with all that it was reanimated from. */
  #close(episode: Episode, act: Act): void {
    const { data } = act.event
    const order = {
      orderId: data.orderId as string,
      atMs: act.timeMs,
      merchandiseMinor: merchandiseMinor(data),
      currency: data.currency as string,
    }
    if (act.person === episode.cart.owner) noteConsent(episode, act)
    for (let each: Episode | undefined = episode; each; each = each.from) {
      if (each.state === 'open') each.state = 'converted'
      else if (act.timeMs < (each.abandonedMs as number) + this.#settings.recoveryWindowMs) {
        each.state = 'recovered'
      } else continue
      each.order = order
      each.closedMs = act.timeMs
    }
  }

  *#open(): Generator<Episode> {
    for (const cart of this.carts.values()) {
      const last = cart.episodes.at(-1)
      if (last?.state === 'open') yield last
    }
  }
}

const cartNames = new Set([
  'add_to_cart',
  'remove_from_cart',
  'cart_update',
  'view_cart',
  'begin_checkout',
  'checkout_step',
])

function newEpisode(cart: Cart, { event, timeMs }: Act): Episode {
  return {
    cart,
    number: cart.episodes.length + 1,
    state: 'open',
    stage: 0,
    start: { source: event.source, eventId: event.eventId },
    startedMs: timeMs,
    lastActivityMs: timeMs,
    abandonedMs: undefined,
    closedMs: undefined,
    lines: new Map(),
    prices: new Map(),
    declaredMinor: null,
    flags: new Set(),
    marketing: null,
    anonymousId: null,
    touched: 0,
    from: undefined,
    isReanimated: false,
    order: undefined,
  }
}

function continued(episode: Episode): Episode {
  return { ...episode, lines: new Map(episode.lines), prices: new Map(episode.prices) }
}

/** R4: earlier start, later activity, furthest stage, the later price of each line. */
function fold(from: Episode, into: Episode, policy: Settings['mergePolicy']): void {
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
  into.from ??= from.from
}

function snapshotOf({ event }: Act): readonly Item[] | undefined {
  const { items } = event.data
  if (event.name === 'cart_update') return items ?? []
  const canBe = event.name === 'view_cart' || event.name === 'begin_checkout'
  return canBe && items !== undefined && items.length > 0 ? items : undefined
}

function stageOf({ event }: Act): number {
  return event.name === 'checkout_step' && event.data.option === 'payment' ? 2 : 1
}

/** R6. */
function addLines(episode: Episode, act: Act, index: number): void {
  for (const item of act.event.data.items ?? []) {
    const line = episode.lines.get(lineKey(item)) ?? emptyLine(item)
    line.quantity += item.quantity ?? 1
    episode.lines.set(lineKey(item), line)
    notePrice(episode, item, act, index)
  }
}

function removeLines(episode: Episode, act: Act, index: number): void {
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
function replaceLines(episode: Episode, items: readonly Item[], act: Act, index: number): void {
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

function noteConsent(episode: Episode, { event }: Act): void {
  const marketing = event.context?.consent?.marketing
  if (typeof marketing === 'boolean') episode.marketing = marketing
}

/** R8. Null where a line has no price; the simulator never mixes currencies in a cart. */
function valueOf(episode: Episode): number | null {
  let value = 0
  for (const [key, line] of episode.lines) {
    const price = episode.prices.get(key)
    if (!price) return null
    value += line.quantity * (price.unitPriceMinor - price.discountMinor)
  }
  return value
}

const stages = ['cart', 'checkout', 'payment'] as const

export type CartRow = Record<string, unknown>

/** The row of an episode as of a time; `closed_at` and state of what is lost by then (R23). */
export function cartRow(
  ledger: CartLedger,
  episode: Episode,
  asOfMs: number,
  settings: Settings,
): CartRow {
  const { cart, state, abandonedMs, order } = episode
  const lostMs = (abandonedMs ?? Infinity) + settings.recoveryWindowMs
  const isLost = state === 'abandoned' && asOfMs >= lostMs
  const wasAbandoned = abandonedMs !== undefined
  const row = {
    cart_key: cart.key,
    episode: episode.number,
    state: isLost ? 'lost' : state,
    started_at: iso(episode.startedMs),
    closed_at: isLost ? iso(lostMs) : timeOrNull(episode.closedMs),
  }
  // What a folded row still shows of its content is nobody's business: the cart lives on in another.
  if (state === 'merged') return row
  return {
    ...row,
    person_id: cart.owner,
    cart_id: cart.cartId,
    anonymous_id: episode.anonymousId,
    stage: stages[episode.stage],
    last_activity_at: iso(episode.lastActivityMs),
    deadline_at: iso(ledger.deadlineMs(episode)),
    abandonment_id: wasAbandoned
      ? abandonmentId(cart.key, episode.start.source, episode.start.eventId)
      : null,
    abandoned_at: timeOrNull(abandonedMs),
    ...contentColumns(episode),
    order_id: order?.orderId ?? null,
    recovered_at: state === 'recovered' ? timeOrNull(order?.atMs) : null,
    recovered_value_minor: state === 'recovered' ? (order?.merchandiseMinor ?? null) : null,
    recovered_currency: state === 'recovered' ? (order?.currency ?? null) : null,
    contactable: episode.marketing === true,
    flags: [...episode.flags].sort(),
  }
}

function contentColumns(episode: Episode): CartRow {
  const items = [...episode.lines].map(([key, line]) => {
    const price = episode.prices.get(key)
    return {
      ...line,
      unitPriceMinor: price?.unitPriceMinor ?? null,
      discountMinor: price?.discountMinor ?? null,
      valueMinor: price ? line.quantity * (price.unitPriceMinor - price.discountMinor) : null,
      currency: price?.currency ?? null,
    }
  })
  items.sort(
    (a, b) => compare(a.productId, b.productId) || compare(a.variantId ?? '', b.variantId ?? ''),
  )
  const units = items.reduce((sum, item) => sum + item.quantity, 0)
  const content = {
    items,
    item_count: items.length,
    units,
    declared_value_minor: episode.declaredMinor,
  }
  // Of an emptied cart only that it is worth nothing is sure; which currency that is, is not.
  if (items.length === 0) return { ...content, value_minor: 0 }
  return { ...content, value_minor: valueOf(episode), currency: items[0]?.currency ?? null }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : iso(ms)
}
