// Orders and refunds of the live window by their ids, with every candidate for "the first purchase with this id", so
// that a candidate whose visitor turns out to be a bot gives way to the next (R20). Sums are per currency and never
// across currencies.

import type { EnrichedEvent } from '../../../stack/contract/events.ts'
import type { CurrencyMoney } from './frame.ts'
import type { LiveOrder, LiveRefund } from './orders.ts'
import { compareFirst, orderOf, refundAmounts, refundKey, refundOf } from './orders.ts'

type IsBot = (visitor: string) => boolean

/** Copies of one order kept: a shop and an order service both report it; more are noise. */
const candidatesMax = 8

export class LiveMoney {
  readonly #orders = new Map<string, LiveOrder[]>()
  readonly #refunds = new Map<string, LiveRefund>()

  apply(event: EnrichedEvent, visitor: string): void {
    if (event.name === 'purchase') this.#addOrder(orderOf(event, visitor))
    if (event.name === 'refund') this.#addRefund(refundKey(event), refundOf(event, visitor))
  }

  prune(beforeMs: number): void {
    for (const [orderId, candidates] of this.#orders) {
      if (candidates.every((order) => order.timeMs < beforeMs)) this.#orders.delete(orderId)
    }
    for (const [key, refund] of this.#refunds) {
      if (refund.timeMs < beforeMs) this.#refunds.delete(key)
    }
  }

  orders(isBot: IsBot): LiveOrder[] {
    const orders: LiveOrder[] = []
    for (const candidates of this.#orders.values()) {
      const first = candidates.find((order) => !isBot(order.visitor))
      if (first) orders.push(first)
    }
    return orders
  }

  count(fromMs: number, toMs: number, isBot: IsBot): number {
    return this.orders(isBot).filter((order) => order.timeMs >= fromMs && order.timeMs < toMs)
      .length
  }

  /** Most orders first; a refund counts when it happened, whatever the age of its order. */
  byCurrency(fromMs: number, toMs: number, isBot: IsBot): CurrencyMoney[] {
    const byCurrency = new Map<string, CurrencyMoney>()
    const of = (currency: string): CurrencyMoney => {
      let money = byCurrency.get(currency)
      if (!money) {
        money = { currency, orders: 0, grossMinor: 0, refundsMinor: 0, unknown: 0 }
        byCurrency.set(currency, money)
      }
      return money
    }
    const orders = new Map(this.orders(isBot).map((order) => [order.orderId, order]))
    for (const order of orders.values()) {
      if (order.timeMs < fromMs || order.timeMs >= toMs) continue
      const money = of(order.currency)
      money.orders++
      if (order.merchandiseMinor === null) money.unknown++
      else money.grossMinor += order.merchandiseMinor
    }
    for (const [orderId, refunds] of this.#refundsByOrder(isBot)) {
      const order = orders.get(orderId)
      const amounts = refundAmounts(refunds, order)
      refunds.forEach((refund, i) => {
        const currency = refund.currency ?? order?.currency
        if (currency === undefined || refund.timeMs < fromMs || refund.timeMs >= toMs) return
        const amount = amounts[i] ?? null
        if (amount === null) of(currency).unknown++
        else of(currency).refundsMinor += amount
      })
    }
    return [...byCurrency.values()].sort(
      (a, b) => b.orders - a.orders || (a.currency < b.currency ? -1 : 1),
    )
  }

  #refundsByOrder(isBot: IsBot): Map<string, LiveRefund[]> {
    const byOrder = new Map<string, LiveRefund[]>()
    for (const refund of this.#refunds.values()) {
      if (isBot(refund.visitor)) continue
      const list = byOrder.get(refund.orderId)
      if (list) list.push(refund)
      else byOrder.set(refund.orderId, [refund])
    }
    for (const refunds of byOrder.values()) refunds.sort(compareFirst)
    return byOrder
  }

  #addOrder(order: LiveOrder | undefined): void {
    if (!order) return
    const candidates = this.#orders.get(order.orderId) ?? []
    candidates.push(order)
    candidates.sort(compareFirst)
    this.#orders.set(order.orderId, candidates.slice(0, candidatesMax))
  }

  #addRefund(key: string, refund: LiveRefund | undefined): void {
    if (!refund) return
    const known = this.#refunds.get(key)
    if (!known || compareFirst(refund, known) < 0) this.#refunds.set(key, refund)
  }
}
