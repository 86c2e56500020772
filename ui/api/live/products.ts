// Who looked at which product in the last hour, and the ranking of products by what their lines brought in a window
// (refunds not taken off, events.md 2.7), with the rank of the window before where that is known.

import { minuteMs } from '../../../stack/base/units.ts'
import { compareBytes } from '../../../stack/contract/order.ts'
import type { LiveWindowMin, TopProduct, TopProducts } from './frame.ts'
import { liveWindowsMin } from './frame.ts'
import type { LiveOrder } from './orders.ts'

/** Views kept at most; beyond it the share of viewers who bought is not known and is not shown. */
const viewsMax = 200_000
const rows = 10

interface Sums {
  productId: string
  netMinor: number
  units: number
  buyers: Set<string>
}

export class LiveProducts {
  /** Product → session → newest view. */
  readonly #views = new Map<string, Map<string, number>>()
  readonly #names: Map<string, string>
  #viewCount = 0

  constructor(names: ReadonlyMap<string, string> = new Map()) {
    this.#names = new Map(names)
  }

  readonly nameOf = (productId: string): string => this.#names.get(productId) ?? productId

  name(productId: string, name: string | undefined): void {
    if (name !== undefined) this.#names.set(productId, name)
  }

  view(productId: string, sessionKey: string, timeMs: number): void {
    let sessions = this.#views.get(productId)
    if (!sessions) this.#views.set(productId, (sessions = new Map()))
    const known = sessions.get(sessionKey)
    if (known === undefined) {
      if (this.#viewCount >= viewsMax) return
      this.#viewCount++
    }
    sessions.set(sessionKey, Math.max(known ?? timeMs, timeMs))
  }

  prune(beforeMs: number): void {
    for (const [productId, sessions] of this.#views) {
      for (const [sessionKey, timeMs] of sessions) {
        if (timeMs < beforeMs && sessions.delete(sessionKey)) this.#viewCount--
      }
      if (sessions.size === 0) this.#views.delete(productId)
    }
  }

  /** `knownFromMs`: a window before it has no figures. */
  ranking(
    orders: readonly LiveOrder[],
    currency: string,
    nowMs: number,
    knownFromMs: number,
  ): TopProducts {
    const byWindow = Object.fromEntries(
      liveWindowsMin.map((minutes) => [
        minutes,
        this.#window(orders, currency, nowMs, minutes * minuteMs, knownFromMs),
      ]),
    ) as Record<LiveWindowMin, TopProduct[]>
    return { currency, byWindow }
  }

  #window(
    orders: readonly LiveOrder[],
    currency: string,
    nowMs: number,
    windowMs: number,
    knownFromMs: number,
  ): TopProduct[] {
    const fromMs = nowMs - windowMs
    const ranked = ranks(orders, currency, fromMs, nowMs)
    const beforeMs = fromMs - windowMs
    const before =
      beforeMs >= knownFromMs
        ? ranks(orders, currency, beforeMs, fromMs).map((sums) => sums.productId)
        : undefined
    return ranked.slice(0, rows).map((sums) => {
      const rank = before?.indexOf(sums.productId)
      return {
        productId: sums.productId,
        name: this.nameOf(sums.productId),
        netMinor: sums.netMinor,
        units: sums.units,
        ...(rank === undefined ? {} : { rankBefore: rank < 0 ? null : rank + 1 }),
        viewers: this.#viewers(sums.productId, fromMs),
        buyers: sums.buyers.size,
      }
    })
  }

  #viewers(productId: string, fromMs: number): number {
    if (this.#viewCount >= viewsMax) return 0
    let count = 0
    for (const timeMs of this.#views.get(productId)?.values() ?? []) if (timeMs >= fromMs) count++
    return count
  }
}

function ranks(
  orders: readonly LiveOrder[],
  currency: string,
  fromMs: number,
  toMs: number,
): Sums[] {
  const products = new Map<string, Sums>()
  for (const order of orders) {
    if (order.currency !== currency || order.timeMs < fromMs || order.timeMs >= toMs) continue
    for (const line of order.lines) {
      let sums = products.get(line.productId)
      if (!sums) {
        sums = { productId: line.productId, netMinor: 0, units: 0, buyers: new Set() }
        products.set(line.productId, sums)
      }
      sums.netMinor += line.netMinor ?? 0
      sums.units += line.quantity
      if (order.sessionKey !== null) sums.buyers.add(order.sessionKey)
    }
  }
  return [...products.values()].sort(
    (a, b) => b.netMinor - a.netMinor || compareBytes(a.productId, b.productId),
  )
}
