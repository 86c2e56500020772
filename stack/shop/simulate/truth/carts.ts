// Carts as they should come out (R1 to R23), from acts in T3 order: a ledger of one person and whoever shares their
// carts. It is the simulator's own bookkeeping and shares nothing with the processor but the words of events.md.

import type { Settings } from '#stack/contract/settings.ts'
import type { Act } from './acts.ts'
import {
  addLines,
  continued,
  fold,
  newEpisode,
  noteConsent,
  removeLines,
  replaceLines,
  snapshotOf,
  stageOf,
  valueOf,
} from './episode.ts'
import type { Cart, Episode } from './episode.ts'
import { merchandiseMinor } from './money.ts'

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
    if (act.isActivity) this.#extend(act, named ?? this.#boughtCart(act))
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

  #boughtCart({ event }: Act): Cart | undefined {
    const names = event.name === 'purchase' && event.cartId !== undefined
    return names ? this.carts.get(`c:${event.cartId}`) : undefined
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
    for (const cart of this.carts.values()) {
      if (cart.owner !== visitor) continue
      cart.owner = act.person
      // What is over by now is nobody's to inherit: its row says whose it was.
      for (const each of cart.episodes) if (!this.#isOver(each, act.timeMs)) each.owner = act.person
    }
    const episode = own?.episodes.at(-1)
    if (!own || own.cartId !== null || episode?.state !== 'open') return
    const users = this.#cart(act.person, act.person, null)
    const target = users.episodes.at(-1)
    if (target?.state === 'open') fold(episode, target, this.#settings.mergePolicy)
    else users.episodes.push(continued(episode, users))
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

  #isOver({ state, abandonedMs = Infinity }: Episode, nowMs: number): boolean {
    if (state === 'abandoned') return nowMs >= abandonedMs + this.#settings.recoveryWindowMs
    return state !== 'open'
  }

  #touch(episode: Episode, act: Act): void {
    episode.touched = this.#index
    episode.acts.push(act)
    if (act.person === episode.cart.owner) {
      noteConsent(episode, act)
      if (act.event.anonymousId !== undefined) episode.anonymousId = act.event.anonymousId
    }
    const declared = act.event.data.cartTotalMinor
    if (declared === undefined) return
    const value = valueOf(episode)
    const isMismatch = value !== null && value !== declared
    episode.declared = { totalMinor: declared, isMismatch, orderIndex: this.#index }
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
