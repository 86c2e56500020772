// For tests: R1 to R23 as they stand in the rules. Every event of the world, one after another in the order T3; each rule
// looks at every cart there is.

import type { EventName, Item } from '#stack/contract/events.ts'
import { abandonmentId } from '#stack/contract/ids.ts'
import type { Row } from '#stack/contract/tables.ts'
import { byBytes, byT3, isLink, originOf, timeText } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'
import { merchandiseOf } from './money.ts'
import type { Session } from './sessions.ts'

type State =
  | 'open'
  | 'converted'
  | 'abandoned'
  | 'recovered'
  | 'emptied'
  | 'merged'
  | 'ignored_small'

/** What the episode was told of a line, kept when the line is gone (R8): each with the event that told it last. */
interface Known {
  item: Item
  named: Fact
  price?: { by: Fact; unitMinor: number; discountMinor: number }
  currency?: { by: Fact; code: string }
}

interface Episode {
  cartKey: string
  number: number
  owner: string
  start: Fact
  lastMs: number
  stage: number
  quantities: Map<string, number>
  known: Map<string, Known>
  /** Its cart and checkout events. */
  touches: Fact[]
  /** Of these and of what extended it, the owner's. */
  ownersTouches: Fact[]
  ownersEvents: Fact[]
  declared?: { by: Fact; minor: number; isOther: boolean }
  hasUnderflow: boolean
  state: State
  /** Every episode it was reanimated from, over all its steps (R19). */
  ancestors: Episode[]
  isReanimated: boolean
  closedMs: number | null
  purchase?: Fact
}

const stages = ['cart', 'checkout', 'payment']
const snapshots: readonly EventName[] = ['cart_update', 'view_cart', 'begin_checkout']
const checkoutNames: readonly EventName[] = ['begin_checkout', 'checkout_step']
const touching: readonly EventName[] = [
  'add_to_cart',
  'remove_from_cart',
  ...snapshots,
  'checkout_step',
]
export const cartNames: readonly EventName[] = [...touching, 'cart_merge', 'purchase']

/** R1. */
export function cartKeyOf({ event, person }: Fact): string {
  return event.cartId === undefined ? (person as string) : `c:${event.cartId}`
}

export function foldCarts(facts: readonly Fact[], around: Surroundings): Episode[] {
  const { settings, watermarkMs } = around
  const { abandonAfterMs, maxCartAgeMs, recoveryWindowMs } = settings
  const episodes: Episode[] = []
  const owners = new Map<string, string>()
  const linked = new Set<string>()
  const ordered = new Map<string, Set<string>>()
  const closedByName = new Set<string>()

  const deadlineOf = ({ lastMs, start }: Episode): number =>
    Math.min(lastMs + abandonAfterMs, start.ms + maxCartAgeMs) // R13
  const endOf = (cart: Episode): number => deadlineOf(cart) + recoveryWindowMs
  const newest = (key: string): Episode | undefined => episodes.findLast((e) => e.cartKey === key)
  const openCart = (key: string): Episode | undefined => {
    const cart = newest(key)
    return cart?.state === 'open' ? cart : undefined
  }
  /** At t: abandoned and neither out of time nor gone on with (R17, R22). */
  const isRecoverable = (cart: Episode, ms: number): boolean =>
    isAbandoned(cart) && !cart.isReanimated && ms < endOf(cart)

  for (const fact of facts) {
    if (!fact.isRuled) continue
    expire(fact.ms)
    follow(fact)
    own(fact)
    extend(fact)
    if (fact.event.name === 'purchase') buy(fact)
    else if (fact.event.name === 'cart_merge') mergeByName(fact)
    else if (touching.includes(fact.event.name)) touch(fact)
  }
  expire(watermarkMs)
  return episodes

  /** R13, R14, R23: at t >= deadline it is abandoned, or too small to be told of. */
  function expire(ms: number): void {
    for (const cart of episodes) {
      if (cart.state !== 'open' || ms < deadlineOf(cart)) continue
      const { valueMinor } = contentOf(cart, around)
      const isSmall = valueMinor !== null && valueMinor < settings.minCartValueMinor // R9
      cart.state = isSmall ? 'ignored_small' : 'abandoned'
    }
  }

  /** R4: on the first link of A to U everything of `a:A` becomes U's. */
  function follow(fact: Fact): void {
    const [from, to] = [fact.visitor, fact.person as string]
    if (!isLink(fact) || linked.has(from)) return
    linked.add(from)
    for (const [id, owner] of owners) if (owner === from) owners.set(id, to)
    for (const cart of episodes) {
      // What has ended has its owner (T5: nobody remembers it for ever).
      const hasEnded = !(cart.state === 'open' || isAbandoned(cart)) || fact.ms >= endOf(cart)
      if (cart.owner === from && !hasEnded) cart.owner = to
    }
    ordered.set(to, (ordered.get(to) ?? new Set()).union(ordered.get(from) ?? new Set()))
    const cart = openCart(from)
    if (cart) merge(cart, to, fact)
  }

  /** R5: a cart with a cartId is of the first who names it. */
  function own({ event, person }: Fact): void {
    const { cartId, name, data } = event
    const ids = touching.includes(name) ? [cartId] : []
    if (name === 'cart_merge') ids.push(data.fromCartId, data.intoCartId)
    for (const id of ids) {
      if (id !== undefined && !owners.has(`c:${id}`)) owners.set(`c:${id}`, person as string)
    }
  }

  /** R12, R13. */
  function extend(fact: Fact): void {
    const { name, data } = fact.event
    const keys = touching.includes(name) || name === 'purchase' ? [cartKeyOf(fact)] : []
    if (name === 'cart_merge') keys.push(`c:${data.fromCartId}`, `c:${data.intoCartId}`)
    if (!fact.isActivity) return
    for (const cart of episodes) {
      const isOwners = cart.owner === fact.person
      const counts =
        keys.includes(cart.cartKey) || (settings.activityScope === 'person' && isOwners)
      if (cart.state !== 'open' || !counts) continue
      cart.lastMs = fact.ms
      if (isOwners) cart.ownersEvents.push(fact)
    }
  }

  /** A cart or checkout event under its key: starts, reanimates, changes (R6, R7, R11, R15, R22). */
  function touch(fact: Fact): void {
    const { name, data } = fact.event
    const items = data.items ?? []
    const isSnapshot = name === 'cart_update' || (snapshots.includes(name) && items.length > 0)
    const hasLines = name === 'add_to_cart' || (isSnapshot && items.length > 0)
    const key = cartKeyOf(fact)
    let cart = openCart(key)
    const last = newest(key)
    const isContent = hasLines || isSnapshot || name === 'remove_from_cart'
    const canReanimate = isContent || checkoutNames.includes(name)
    if (!cart && last && canReanimate && isRecoverable(last, fact.ms)) cart = reanimate(last, fact)
    if (!cart && hasLines) cart = start(key, fact)
    if (!cart) return
    noteTouch(cart, fact)
    const before = contentOf(cart, around).currency
    if (isSnapshot) cart.quantities.clear() // R7
    for (const item of isContent ? items : []) change(cart, item, { fact, before })
    if (checkoutNames.includes(name)) cart.stage = Math.max(cart.stage, 1)
    if (name === 'checkout_step' && data.option === 'payment') cart.stage = 2
    if (data.cartTotalMinor !== undefined) {
      const { valueMinor } = contentOf(cart, around)
      const isOther = valueMinor !== null && valueMinor !== data.cartTotalMinor
      cart.declared = { by: fact, minor: data.cartTotalMinor, isOther } // R8
    }
    if (cart.quantities.size === 0) Object.assign(cart, { state: 'emptied', closedMs: fact.ms })
  }

  function noteTouch(cart: Episode, fact: Fact): void {
    cart.touches.push(fact)
    if (cart.owner !== fact.person) return
    cart.ownersTouches.push(fact)
    cart.ownersEvents.push(fact)
  }

  function start(cartKey: string, fact: Fact): Episode {
    const cart: Episode = {
      cartKey,
      number: episodes.filter((e) => e.cartKey === cartKey).length + 1,
      owner: owners.get(cartKey) ?? (fact.person as string),
      start: fact,
      lastMs: fact.ms,
      stage: 0,
      quantities: new Map(),
      known: new Map(),
      touches: [],
      ownersTouches: [],
      ownersEvents: [],
      hasUnderflow: false,
      state: 'open',
      ancestors: [],
      isReanimated: false,
      closedMs: null,
    }
    episodes.push(cart)
    return cart
  }

  /** R22: the next episode, with the same lines and prices. */
  function reanimate(last: Episode, fact: Fact): Episode {
    last.isReanimated = true
    return Object.assign(start(last.cartKey, fact), {
      quantities: new Map(last.quantities),
      known: new Map(last.known),
      ancestors: [last, ...last.ancestors],
    })
  }

  /** R6 to R10: what one line of an event does. */
  function change(
    cart: Episode,
    item: Item,
    { fact, before }: { fact: Fact; before: string | null },
  ): void {
    const { name, data } = fact.event
    const key = lineKey(item)
    const held = cart.quantities.get(key)
    if (name === 'remove_from_cart') {
      const left = (held ?? 0) - (item.quantity ?? held ?? 1)
      if (left < 0) cart.hasUnderflow = true
      if (left > 0) cart.quantities.set(key, left)
      else cart.quantities.delete(key)
    } else cart.quantities.set(key, (held ?? 0) + (item.quantity ?? 1))
    const { unitPriceMinor: unitMinor, discountMinor = 0 } = item
    const known: Known = { ...cart.known.get(key), item, named: fact }
    if (unitMinor !== undefined) known.price = { by: fact, unitMinor, discountMinor }
    // 1.3: `currency`, else the cart's.
    const code = data.currency ?? (snapshots.includes(name) ? before : null) ?? undefined
    if (code !== undefined) known.currency = { by: fact, code }
    cart.known.set(key, known)
  }

  /** `cart_merge`: an open cart into another of the same owner. */
  function mergeByName(fact: Fact): void {
    const { fromCartId, intoCartId, policy } = fact.event.data
    const [from, into] = [`c:${fromCartId}`, `c:${intoCartId}`]
    const cart = openCart(from)
    if (!cart || from === into || owners.get(from) !== owners.get(into)) return
    noteTouch(merge(cart, into, fact, policy), fact)
  }

  /** R4: both become one episode; or it goes on as the next one of the other key. */
  function merge(from: Episode, key: string, fact: Fact, policy = settings.mergePolicy): Episode {
    const into = openCart(key)
    const number = episodes.filter((e) => e.cartKey === key).length + 1
    const next: Episode = into ?? {
      ...from,
      cartKey: key,
      number,
      ...copyOf(from),
    }
    Object.assign(from, { state: 'merged', closedMs: fact.ms })
    if (!into) {
      episodes.push(next)
      return next
    }
    if (policy === 'replace') into.quantities = new Map(from.quantities)
    else {
      for (const [line, more] of from.quantities) {
        const held = into.quantities.get(line) ?? 0
        into.quantities.set(line, policy === 'sum' ? held + more : Math.max(held, more))
      }
    }
    for (const [line, known] of from.known) into.known.set(line, later(known, into.known.get(line)))
    if (byT3(from.start, into.start) < 0) into.start = from.start
    into.lastMs = Math.max(into.lastMs, from.lastMs)
    into.stage = Math.max(into.stage, from.stage)
    into.hasUnderflow ||= from.hasUnderflow
    const declared = newestOf(from.declared, into.declared)
    if (declared) into.declared = declared
    for (const field of ['touches', 'ownersTouches', 'ownersEvents'] as const) {
      into[field] = [...into[field], ...from[field]].sort(byT3)
    }
    into.ancestors = [...into.ancestors, ...from.ancestors]
    return into
  }

  /** Rule P: R16 to R20. */
  function buy(fact: Fact): void {
    const { event, ms } = fact
    const person = fact.person as string
    const { orderId = '', items = [] } = event.data
    const orders = ordered.get(person) ?? new Set()
    const canClose = (cart: Episode): boolean => cart.state === 'open' || isRecoverable(cart, ms)
    const lastTouched = (carts: Episode[]): Episode | undefined =>
      carts.filter(canClose).sort((a, b) => byT3(touchOf(a), touchOf(b))).at(-1) // prettier-ignore
    const key = `c:${event.cartId}`
    const named = openCart(key) ?? lastTouched(episodes.filter((e) => e.cartKey === key))
    const isStrangers = owners.has(key) && owners.get(key) !== person
    if (orders.has(orderId)) return // R20
    ordered.set(person, orders.add(orderId))
    if (owners.has(key)) {
      if (closedByName.has(`${orderId}\n${key}`)) return
      if (named) {
        closedByName.add(`${orderId}\n${key}`)
        return close(named, fact)
      }
      if (isStrangers) return // R18
    }
    const wanted = new Set(items.map(({ productId }) => productId))
    const shares = ({ quantities, known }: Episode): boolean =>
      [...quantities.keys()].some((line) => wanted.has((known.get(line) as Known).item.productId))
    const own = episodes.filter((e) => e.owner === person && (wanted.size === 0 || shares(e)))
    const matched = lastTouched(own)
    if (matched) close(matched, fact)
  }

  /** R19: with every abandoned episode that it was reanimated from. */
  function close(matched: Episode, purchase: Fact): void {
    for (const cart of [matched, ...matched.ancestors]) {
      if (cart.state !== 'open' && !isAbandoned(cart)) continue
      if (purchase.ms >= endOf(cart)) continue
      const state = cart.state === 'abandoned' ? 'recovered' : 'converted' // R23
      Object.assign(cart, { state, purchase, closedMs: purchase.ms })
    }
  }
}

function copyOf({ quantities, known, touches, ownersTouches, ownersEvents }: Episode) {
  return {
    quantities: new Map(quantities),
    known: new Map(known),
    touches: [...touches],
    ownersTouches: [...ownersTouches],
    ownersEvents: [...ownersEvents],
  }
}

/** There is a verdict on it. */
function isToldOf({ state }: Episode): boolean {
  return state === 'abandoned' || state === 'recovered'
}

function isAbandoned({ state }: Episode): boolean {
  return state === 'abandoned' || state === 'ignored_small'
}

const touchOf = ({ touches, start }: Episode): Fact => touches.at(-1) ?? start

const lineKey = ({ productId, variantId }: Item): string => `${productId}\n${variantId ?? ''}`

function newestOf<T extends { by: Fact }>(a: T | undefined, b: T | undefined): T | undefined {
  return a && b ? (byT3(a.by, b.by) > 0 ? a : b) : (a ?? b)
}

function later(a: Known, b: Known | undefined): Known {
  if (!b) return a
  const { item, named } = byT3(a.named, b.named) > 0 ? a : b
  const [price, currency] = [newestOf(a.price, b.price), newestOf(a.currency, b.currency)]
  return { item, named, ...(price && { price }), ...(currency && { currency }) }
}

/** R8 to R10: lines, and what they are worth. */
function contentOf(cart: Episode, { listingOf }: Surroundings) {
  const lines = [...cart.quantities].map(([line, quantity]) => {
    const { item, named, price, currency } = cart.known.get(line) as Known
    const { productId, variantId = null } = item
    const list = listingOf(productId, named.ms)
    const isListed = price === undefined && list?.currency === currency?.code
    const unitPriceMinor = price?.unitMinor ?? (isListed ? list?.unitPriceMinor : null) ?? null
    const discountMinor = unitPriceMinor === null ? null : (price?.discountMinor ?? 0)
    const code = currency?.code ?? null
    const isKnown = unitPriceMinor !== null && code !== null
    const valueMinor = isKnown ? quantity * (unitPriceMinor - (discountMinor ?? 0)) : null
    return {
      productId,
      variantId,
      quantity,
      unitPriceMinor,
      discountMinor,
      valueMinor,
      currency: code,
    }
  })
  lines.sort(
    (a, b) => byBytes(a.productId, b.productId) || byBytes(a.variantId ?? '', b.variantId ?? ''),
  )
  const codes = [...new Set(lines.map(({ currency }) => currency))]
  const isMixed = codes.length > 1
  const sum = (of: typeof lines): number | null =>
    of.reduce<number | null>((total, { valueMinor }) => total === null || valueMinor === null ? null : total + valueMinor, 0) // prettier-ignore
  return {
    lines,
    valueMinor: isMixed ? null : sum(lines),
    currency: isMixed ? null : (codes[0] ?? null),
    isMixed,
    byCurrency: codes
      .sort((a, b) => byBytes(a ?? '', b ?? ''))
      .flatMap((currency) => {
        const valueMinor = sum(lines.filter((line) => line.currency === currency))
        return currency === null || sum(lines) === null
          ? []
          : [{ currency, valueMinor: valueMinor as number }]
      }),
  }
}

export type CartRow = Omit<Row<'carts'>, 'reason'>

export function cartRows(
  episodes: readonly Episode[],
  sessions: ReadonlyMap<Fact, Session>,
  around: Surroundings,
): CartRow[] {
  const { settings, watermarkMs } = around
  const deadlines = new Map(
    episodes.map((e) => [
      e,
      Math.min(e.lastMs + settings.abandonAfterMs, e.start.ms + settings.maxCartAgeMs),
    ]),
  )
  const told = episodes.filter(isToldOf)
  const suppressed = new Set<Episode>()
  const lastTold = new Map<string, number>()
  told.sort((a, b) => deadlines.get(a)! - deadlines.get(b)! || byT3(a.start, b.start))
  for (const cart of told) {
    const at = deadlines.get(cart) as number
    if (at - (lastTold.get(cart.owner) ?? -Infinity) < settings.cooldownMs) suppressed.add(cart)
    else lastTold.set(cart.owner, at)
  }
  return episodes.map((cart) => {
    const deadlineMs = deadlines.get(cart) as number
    const lostMs = deadlineMs + settings.recoveryWindowMs
    const isTold = told.includes(cart) && deadlineMs <= watermarkMs
    const isLost = cart.state === 'abandoned' && lostMs <= watermarkMs // R23
    const isOpen = isAbandoned(cart) && deadlineMs > watermarkMs // R14
    const isSmall = cart.state === 'ignored_small'
    const wasSmall =
      cart.state === 'converted' && cart.purchase !== undefined && cart.purchase.ms >= deadlineMs
    const content = contentOf(cart, around)
    const amount =
      cart.state === 'recovered' && cart.purchase ? merchandiseOf(cart.purchase, around) : null
    const closedMs = isLost ? lostMs : isSmall && !isOpen ? deadlineMs : cart.closedMs
    const keys = cart.touches.flatMap((fact) => sessions.get(fact)?.key ?? [])
    const flags = [
      ...(cart.declared?.isOther ? ['totalMismatch'] : []),
      ...(cart.hasUnderflow ? ['underflow'] : []),
    ]
    const consents = cart.ownersEvents.flatMap(
      ({ event }) => event.context?.consent?.marketing ?? [],
    )
    const anonymous = cart.ownersTouches.flatMap(({ event }) => event.anonymousId ?? [])
    return {
      cart_key: cart.cartKey,
      episode: cart.number,
      abandonment_id: isTold
        ? abandonmentId(cart.cartKey, cart.start.event.source, cart.start.event.eventId)
        : null,
      state: isOpen ? 'open' : isLost ? 'lost' : cart.state,
      after_abandonment: cart.ancestors.some(isToldOf),
      stage: stages[cart.stage] as string,
      person_id: cart.owner,
      cart_id: cart.cartKey.startsWith('c:') ? cart.cartKey.slice(2) : null,
      anonymous_id: anonymous.at(-1) ?? null,
      user_id: cart.owner.startsWith('u:') ? cart.owner.slice(2) : null,
      started_at: timeText(cart.start.ms),
      last_activity_at: timeText(cart.lastMs),
      deadline_at: timeText(deadlineMs),
      abandoned_at: (isTold || isSmall || wasSmall) && !isOpen ? timeText(deadlineMs) : null,
      closed_at: closedMs === null ? null : timeText(closedMs),
      items: content.lines,
      item_count: content.lines.length,
      units: content.lines.reduce((sum, { quantity }) => sum + quantity, 0),
      value_minor: content.valueMinor,
      currency: content.currency,
      currency_mixed: content.isMixed,
      value_by_currency: content.byCurrency,
      declared_value_minor: cart.declared?.minor ?? null,
      order_id: cart.purchase?.event.data.orderId ?? null,
      recovered_at: cart.state === 'recovered' ? timeText(cart.closedMs as number) : null,
      recovered_value_minor: amount,
      recovered_currency:
        cart.state === 'recovered' ? (cart.purchase?.event.data.currency ?? null) : null,
      session_keys: [...new Set(keys)].sort(byBytes),
      ...originOf(cart.touches),
      contactable: consents.at(-1) ?? false,
      suppressed: suppressed.has(cart),
      flags,
    }
  })
}
