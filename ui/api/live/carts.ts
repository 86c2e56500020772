// Carts of the live window by episode, newest revision of each, and what is counted from them: how many are open now,
// and what became of those that closed lately. A cart that was recovered stays an abandonment (events.md 2.7, A); an
// episode that was reanimated from an abandoned one is a recovery, not a conversion (C).

import type { CartRecord } from '../../../stack/contract/cart.ts'
import { episodeKey } from '../../../stack/contract/cart.ts'
import { minuteMs } from '../../../stack/base/units.ts'
import type { CartCounts } from './frame.ts'

interface LiveCart {
  cartKey: string
  revision: number
  state: CartRecord['state']
  inCheckout: boolean
  visitor: string
  afterAbandonment: boolean
  startedMs: number
  lastActivityMs: number
  deadlineMs: number
  abandonedMs: number | null
  closedMs: number | null
  recoveredMs: number | null
  value: { currency: string; valueMinor: number }[]
  isPriced: boolean
}

export interface CartMinutes {
  abandoned: Map<number, number>
  converted: Map<number, number>
}

/**
 * A verdict comes this long after its deadline: the watermark's slack and the way through the stages. A cart that
 * still stands open later belongs to past traffic that is being caught up with, not to now.
 */
const verdictGraceMs = 2 * minuteMs

const abandonedStates: ReadonlySet<string> = new Set(['abandoned', 'recovered', 'lost'])

export class LiveCarts {
  readonly #byEpisode = new Map<string, LiveCart>()

  get size(): number {
    return this.#byEpisode.size
  }

  /** Null is a tombstone. */
  apply(key: string, cart: CartRecord | null): void {
    if (cart === null) {
      this.#byEpisode.delete(key)
      return
    }
    const known = this.#byEpisode.get(episodeKey(cart.cartKey, cart.episode))
    if (known && known.revision > cart.revision) return
    this.#byEpisode.set(episodeKey(cart.cartKey, cart.episode), liveCart(cart))
  }

  /** Forgets closed carts that no window reaches, and open ones that nothing was heard of since. */
  prune(beforeMs: number): void {
    for (const [key, cart] of this.#byEpisode) {
      const lastMs = cart.recoveredMs ?? cart.closedMs ?? cart.abandonedMs ?? cart.lastActivityMs
      if (lastMs < beforeMs) this.#byEpisode.delete(key)
    }
  }

  counts(fromMs: number, toMs: number, isBot: (visitor: string) => boolean): CartCounts {
    const counts: CartCounts = {
      open: 0,
      checkout: 0,
      openValue: [],
      openUnpriced: 0,
      started: 0,
      converted: 0,
      abandoned: 0,
      recovered: 0,
      emptied: 0,
    }
    const within = (ms: number | null) => ms !== null && ms >= fromMs && ms < toMs
    const value = new Map<string, number>()
    for (const cart of this.#byEpisode.values()) {
      if (isBot(cart.visitor)) continue
      if (cart.state !== 'merged' && within(cart.startedMs)) counts.started++
      if (cart.state === 'open' && cart.deadlineMs > toMs - verdictGraceMs) {
        countOpen(counts, value, cart)
      }
      if (isConversion(cart) && within(cart.closedMs)) counts.converted++
      if (abandonedStates.has(cart.state) && within(cart.abandonedMs)) counts.abandoned++
      if (cart.state === 'recovered' && within(cart.recoveredMs)) counts.recovered++
      if (cart.state === 'emptied' && within(cart.closedMs)) counts.emptied++
    }
    counts.openValue = [...value]
      .map(([currency, valueMinor]) => ({ currency, valueMinor }))
      .sort((a, b) => b.valueMinor - a.valueMinor)
    return counts
  }

  /** Abandonments and conversions by minute. */
  minutes(isBot: (visitor: string) => boolean): CartMinutes {
    const minutes: CartMinutes = { abandoned: new Map(), converted: new Map() }
    const count = (into: Map<number, number>, ms: number | null) => {
      if (ms === null) return
      const at = Math.floor(ms / minuteMs)
      into.set(at, (into.get(at) ?? 0) + 1)
    }
    for (const cart of this.#byEpisode.values()) {
      if (isBot(cart.visitor)) continue
      if (abandonedStates.has(cart.state)) count(minutes.abandoned, cart.abandonedMs)
      if (isConversion(cart)) count(minutes.converted, cart.closedMs)
    }
    return minutes
  }
}

/** R19: the purchase of an episode that goes on from an abandoned one is that one's recovery. */
function isConversion({ state, afterAbandonment }: LiveCart): boolean {
  return state === 'converted' && !afterAbandonment
}

function countOpen(counts: CartCounts, value: Map<string, number>, cart: LiveCart): void {
  if (cart.inCheckout) counts.checkout++
  else counts.open++
  if (!cart.isPriced) counts.openUnpriced++
  for (const { currency, valueMinor } of cart.value) {
    value.set(currency, (value.get(currency) ?? 0) + valueMinor)
  }
}

function liveCart(cart: CartRecord): LiveCart {
  const priced = cart.valueMinor !== null && cart.currency !== null
  return {
    cartKey: cart.cartKey,
    revision: cart.revision,
    state: cart.state,
    inCheckout: cart.stage !== 'cart',
    visitor: cart.anonymousId === null ? cart.personId : `a:${cart.anonymousId}`,
    afterAbandonment: cart.afterAbandonment,
    startedMs: Date.parse(cart.startedAt),
    lastActivityMs: Date.parse(cart.lastActivityAt),
    deadlineMs: Date.parse(cart.deadlineAt),
    abandonedMs: timeOrNull(cart.abandonedAt),
    closedMs: timeOrNull(cart.closedAt),
    recoveredMs: timeOrNull(cart.recoveredAt),
    value: priced
      ? [{ currency: cart.currency as string, valueMinor: cart.valueMinor as number }]
      : cart.valueByCurrency.map(({ currency, valueMinor }) => ({ currency, valueMinor })),
    isPriced: priced || cart.valueByCurrency.length > 0,
  }
}

function timeOrNull(text: string | null): number | null {
  return text === null ? null : Date.parse(text)
}
