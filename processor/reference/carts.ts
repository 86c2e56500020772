// For tests: R1 to R23 as they stand in the rules. Every event of the world, one after another in the order T3; each rule
// looks at every cart there is. An unknown amount is NaN, and so is what is computed from it.

import type { CatalogueLine } from '#stack/contract/catalogue.ts'
import type { Item } from '#stack/contract/events.ts'
import { ascending, sum, t3 } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'

/** An event of an episode: its first, another that acted on it, or one that only extended it. */
interface Entry {
  fact: Fact
  kind: 'start' | 'touch' | 'activity'
  isOwners: boolean
  /** Of its items, and what the cart was worth right after it. */
  currency?: string | undefined
  valueMinor?: number
  hasUnderflow?: boolean
}

export interface Episode {
  cartKey: string
  episode: number
  owner: string
  quantities: Map<string, number>
  entries: Entry[]
  /** What it was reanimated from, and what that was (R19). */
  ancestors: Episode[]
  /** Since its deadline. */
  verdict?: 'abandoned' | 'ignored_small'
  end?: { state: 'converted' | 'recovered' | 'emptied' | 'merged'; by: Fact }
}

const snapshots = ['cart_update', 'view_cart', 'begin_checkout']
export const checkouts = ['begin_checkout', 'checkout_step']
const touching = ['add_to_cart', 'remove_from_cart', ...snapshots, ...checkouts]
export const cartNames = [...touching, 'cart_merge', 'purchase']

/** R1. */
export function cartKeyOf({ cartId, personId }: Fact): string {
  return cartId === undefined ? personId : `c:${cartId}`
}

/** The carts that it acts on. */
function keysOf(fact: Fact): string[] {
  if (fact.name === 'cart_merge') return [`c:${fact.data.fromCartId}`, `c:${fact.data.intoCartId}`]
  return cartNames.includes(fact.name) ? [cartKeyOf(fact)] : []
}

/** R6. */
const lineOf = ({ productId, variantId }: Item): string => JSON.stringify([productId, variantId])
const itemsOf = ({ name, data }: Fact): Item[] =>
  name === 'checkout_step' ? [] : (data.items ?? [])
export const touchesOf = ({ entries }: Episode): Entry[] =>
  entries.filter(({ kind }) => kind !== 'activity')
export const startOf = (cart: Episode): Fact => (touchesOf(cart)[0] as Entry).fact
const inT3 = ascending<Entry>(({ fact }) => t3(fact))

function addTo({ entries, owner }: Episode, fact: Fact, kind: Entry['kind']): Entry {
  const entry: Entry = { fact, kind, isOwners: owner === fact.personId }
  entries.push(entry)
  return entry
}

/** Its start counts, whoever reports it (R12). */
export function lastMsOf({ entries }: Episode): number {
  const extending = entries.filter(({ kind, fact }) => kind === 'start' || fact.isActivity)
  return Math.max(...extending.map(({ fact }) => fact.ms))
}

/** R13. */
export function deadlineOf(cart: Episode, { settings }: Surroundings): number {
  const { abandonAfterMs, maxCartAgeMs } = settings
  return Math.min(lastMsOf(cart) + abandonAfterMs, startOf(cart).ms + maxCartAgeMs)
}

export function foldCarts(facts: readonly Fact[], around: Surroundings): Episode[] {
  const { settings } = around
  const episodes: Episode[] = []
  /** Carts with a cartId, and orders: whose they are. */
  const owned: { what: string; owner: string }[] = []
  const closedByName = new Set<string>()
  const ownerOf = (key: string) => owned.find(({ what }) => what === key)?.owner
  const ofKey = (key: string) => episodes.filter(({ cartKey }) => cartKey === key)
  const isOpen = ({ verdict, end }: Episode) => !verdict && !end
  const openCart = (key: string) => ofKey(key).find(isOpen)
  const endMsOf = (cart: Episode) => deadlineOf(cart, around) + settings.recoveryWindowMs
  const isAlive = (cart: Episode, { ms }: Fact) => !cart.end && ms < endMsOf(cart)
  /** R17, R22. */
  const isRecoverable = (cart: Episode, fact: Fact) =>
    !isOpen(cart) && isAlive(cart, fact) && !episodes.some((e) => e.ancestors.includes(cart))

  for (const fact of facts.filter(({ isRuled }) => isRuled)) {
    expire(fact.ms)
    follow(fact)
    for (const what of fact.name === 'purchase' ? [] : keysOf(fact)) {
      if (ownerOf(what) === undefined) owned.push({ what, owner: fact.personId }) // R5
    }
    extend(fact)
    if (fact.name === 'purchase') buy(fact)
    if (fact.name === 'cart_merge') mergeByName(fact)
    if (touching.includes(fact.name)) touch(fact)
  }
  expire(around.watermarkMs)
  return episodes

  /** R13, R14, R23: at t >= deadline it is abandoned, or too small to be told of. */
  function expire(ms: number): void {
    for (const cart of episodes.filter((each) => isOpen(each) && ms >= deadlineOf(each, around))) {
      const isSmall = contentOf(cart, around).valueMinor < settings.minCartValueMinor // R9
      cart.verdict = isSmall ? 'ignored_small' : 'abandoned'
    }
  }

  /** R4: on the first link of A to U everything of `a:A` becomes U's, but what has ended. */
  function follow(fact: Fact): void {
    const { visitor, personId } = fact
    if (fact !== facts.find((each) => each.isLink && each.visitor === visitor)) return
    for (const each of [...owned, ...episodes.filter((cart) => isAlive(cart, fact))]) {
      if (each.owner === visitor) each.owner = personId
    }
    const cart = openCart(visitor)
    if (cart) merge(cart, personId, fact)
  }

  /** R12, R13. */
  function extend(fact: Fact): void {
    for (const cart of fact.isActivity ? episodes.filter(isOpen) : []) {
      const isNear = settings.activityScope === 'person' && cart.owner === fact.personId
      if (isNear || keysOf(fact).includes(cart.cartKey)) addTo(cart, fact, 'activity')
    }
  }

  /** With the lines of what it was reanimated from (R22). */
  function newEpisode(cartKey: string, owner: string, last?: Episode): Episode {
    const ancestors = last ? [last, ...last.ancestors] : []
    const [episode, quantities] = [ofKey(cartKey).length + 1, new Map(last?.quantities)]
    const cart: Episode = { cartKey, episode, owner, quantities, entries: [], ancestors }
    episodes.push(cart)
    return cart
  }

  /** A cart or checkout event under its key: starts, reanimates, changes. */
  function touch(fact: Fact): void {
    const { name, data } = fact
    const items = itemsOf(fact)
    const isSnapshot = name === 'cart_update' || (snapshots.includes(name) && items.length > 0) // R7
    const isStart = items.length > 0 && (isSnapshot || name === 'add_to_cart') // R6, R7, R15
    const [key, open] = [cartKeyOf(fact), openCart(cartKeyOf(fact))]
    const canReanimate = isSnapshot || name !== 'view_cart' // R22
    const last = canReanimate ? ofKey(key).at(-1) : undefined
    const from = last && isRecoverable(last, fact) ? last : undefined
    if (!open && !from && !isStart) return
    const cart = open ?? newEpisode(key, ownerOf(key) ?? key, from)
    const entry = addTo(cart, fact, open ? 'touch' : 'start')
    entry.currency = data.currency
    if (snapshots.includes(name)) entry.currency ??= contentOf(cart, around).currency // 1.3
    if (isSnapshot) cart.quantities.clear()
    for (const item of items) {
      const held = cart.quantities.get(lineOf(item)) ?? 0
      const { quantity = name === 'remove_from_cart' ? held || 1 : 1 } = item
      const left = name === 'remove_from_cart' ? held - quantity : held + quantity
      cart.quantities.set(lineOf(item), Math.max(0, left))
      if (left < 0) entry.hasUnderflow = true
    }
    const { lines, valueMinor } = contentOf(cart, around)
    entry.valueMinor = valueMinor
    if (lines.length === 0) cart.end = { state: 'emptied', by: fact } // R11
  }

  /** R4: an open cart into another of the same owner. */
  function mergeByName(fact: Fact): void {
    const [from, into] = keysOf(fact) as [string, string]
    const cart = openCart(from)
    if (!cart || from === into || ownerOf(from) !== ownerOf(into)) return
    addTo(merge(cart, into, fact, fact.data.policy), fact, 'touch')
  }

  /** R4: both become one episode; or it goes on as the next one of the other key. */
  function merge(from: Episode, key: string, by: Fact, policy = settings.mergePolicy): Episode {
    const into = openCart(key) ?? newEpisode(key, from.owner)
    for (const line of new Set([...into.quantities.keys(), ...from.quantities.keys()])) {
      const [a, b] = [into.quantities.get(line) ?? 0, from.quantities.get(line) ?? 0]
      into.quantities.set(line, { max: Math.max(a, b), sum: a + b, replace: b }[policy])
    }
    into.entries = [...into.entries, ...from.entries].sort(inT3)
    into.ancestors.push(...from.ancestors)
    from.end = { state: 'merged', by }
    return into
  }

  /** Rule P: R16 to R20. */
  function buy(fact: Fact): void {
    const { cartId, personId, data } = fact
    const [key, order] = [`c:${cartId}`, `order ${data.orderId}`]
    const isRepeated = owned.some(({ what, owner }) => what === order && owner === personId)
    owned.push({ what: order, owner: personId })
    if (isRepeated || closedByName.has(`${key} ${order}`)) return // R20
    const carts = episodes.filter((cart) => isOpen(cart) || isRecoverable(cart, fact))
    carts.sort(ascending((cart) => t3((touchesOf(cart).at(-1) as Entry).fact)))
    const named = openCart(key) ?? carts.findLast(({ cartKey }) => cartKey === key)
    if (named) closedByName.add(`${key} ${order}`)
    const isStrangers = (ownerOf(key) ?? personId) !== personId // R18
    const bought = (data.items ?? []).map(({ productId }) => productId)
    const matched = carts.findLast((cart) => {
      const { lines } = contentOf(cart, around)
      const shares =
        bought.length === 0 || lines.some(({ productId }) => bought.includes(productId))
      return cart.owner === personId && !isStrangers && shares // R17
    })
    const closed = named ?? matched
    for (const cart of closed ? [closed, ...closed.ancestors] : []) {
      const state = cart.verdict === 'abandoned' ? 'recovered' : 'converted' // R19, R23
      if (isAlive(cart, fact)) cart.end = { state, by: fact }
    }
  }
}

/** R9: its own price less its discount, else the catalogue's, if in this currency. */
export function priceOf(item?: Item, currency?: string, listed?: CatalogueLine) {
  const isListed = listed !== undefined && listed.currency === currency
  const listMinor = isListed ? listed.unitPriceMinor : Number.NaN
  const { unitPriceMinor = listMinor } = item ?? {}
  const discountMinor = item?.unitPriceMinor === undefined ? 0 : (item.discountMinor ?? 0)
  const netMinor = unitPriceMinor - discountMinor
  return { unitPriceMinor, discountMinor: unitPriceMinor - netMinor, netMinor }
}

/** R8 to R10: lines, and what they are worth. */
export function contentOf(cart: Episode, { listingOf }: Surroundings) {
  const touches = [cart, ...cart.ancestors].flatMap(touchesOf).sort(inT3)
  const named = touches.flatMap(({ fact, currency }) =>
    itemsOf(fact).map((item) => ({ ...item, currency, ms: fact.ms })),
  )
  const held = [...cart.quantities].filter(([, quantity]) => quantity > 0)
  const lines = held.map(([line, quantity]) => {
    const own = named.filter((item) => lineOf(item) === line)
    const { productId, variantId, ms } = own.at(-1) as (typeof own)[0]
    const currency = own.findLast((item) => item.currency !== undefined)?.currency
    const priced = own.findLast((item) => item.unitPriceMinor !== undefined)
    const { netMinor, ...price } = priceOf(priced, currency, listingOf(productId, ms))
    const valueMinor = currency === undefined ? Number.NaN : quantity * netMinor
    return { productId, variantId, quantity, ...price, valueMinor, currency }
  })
  lines.sort(ascending(({ productId, variantId = '' }) => [productId, variantId]))
  const byCurrency = [...Map.groupBy(lines, ({ currency = '' }) => currency)]
  const totals = byCurrency.map(([currency, of]) => ({ currency, valueMinor: valueOf(of) }))
  totals.sort(ascending(({ currency }) => [currency]))
  const isMixed = totals.length > 1
  const [valueMinor, currency] = isMixed ? [Number.NaN] : [valueOf(lines), lines[0]?.currency]
  return { lines, valueMinor, currency, isMixed, totals: valueOf(lines) >= 0 ? totals : [] }
}

function valueOf(lines: readonly { valueMinor: number }[]): number {
  return sum(lines.map(({ valueMinor }) => valueMinor))
}

/** Told within `cooldownMs` of an earlier one of the same owner that was not suppressed (2.3). */
export function suppressedOf(episodes: readonly Episode[], around: Surroundings): Set<Episode> {
  const inOrder = ascending<Episode>((cart) => [deadlineOf(cart, around), ...t3(startOf(cart))])
  const told = episodes.filter(({ verdict }) => verdict === 'abandoned').sort(inOrder)
  const suppressed = new Set<Episode>()
  for (const cart of told) {
    const earlier = told.slice(0, told.indexOf(cart)).filter((each) => !suppressed.has(each))
    const last = earlier.findLast(({ owner }) => owner === cart.owner)
    const sinceMs = last && deadlineOf(cart, around) - deadlineOf(last, around)
    if (sinceMs !== undefined && sinceMs < around.settings.cooldownMs) suppressed.add(cart)
  }
  return suppressed
}
