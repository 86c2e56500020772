// Orders, their lines and what was paid back, as they should come out (2.7, R20, R21), over everything valid whatever
// its lateness. Money is whole minor units; a refund never takes more than is left.

import { compareBytes } from '#stack/contract/order.ts'
import type { EventData, Item } from '#stack/contract/events.ts'
import type { Act } from './acts.ts'

export interface TrueOrder {
  act: Act
  orderId: string
  currency: string
  merchandiseMinor: number | null
  lines: TrueLine[]
  refundedMinor: number
}

export interface TrueLine {
  item: Item
  /** Its share of what was taken off the order as a whole. */
  orderDiscountMinor: number
  netMinor: number | null
}

export interface TrueRefund {
  act: Act
  refundId: string
  order: TrueOrder | undefined
  amountMinor: number
  excessMinor: number
  currency: string | null
  isFull: boolean
  isOrphan: boolean
  flags: string[]
}

/** itemsTotalMinor if sent, else the lines less the order's discount; null if a price is unknown. */
export function merchandiseMinor(data: EventData): number | null {
  if (data.itemsTotalMinor !== undefined) return data.itemsTotalMinor
  let sum = 0
  for (const item of data.items ?? []) {
    const value = lineValue(item)
    if (value === null) return null
    sum += value
  }
  return Math.max(0, sum - (data.discountMinor ?? 0))
}

/** First report of each order; a person's before one of a bot or a test. */
export function ordersOf(acts: readonly Act[]): Map<string, TrueOrder> {
  const purchases = acts.filter(({ event }) => event.name === 'purchase').sort(compareMoney)
  purchases.sort((a, b) => Number(isNobody(a)) - Number(isNobody(b)))
  const orders = new Map<string, TrueOrder>()
  for (const act of purchases) {
    const { data } = act.event
    const orderId = data.orderId as string
    if (orders.has(orderId)) continue
    const merchandise = merchandiseMinor(data)
    const lines = linesOf(data.items ?? [], merchandise)
    const currency = data.currency as string
    orders.set(orderId, {
      act,
      orderId,
      currency,
      merchandiseMinor: merchandise,
      lines,
      refundedMinor: 0,
    })
  }
  return orders
}

/** In the order of 2.7; adds to `refundedMinor` of the orders. */
export function refundsOf(acts: readonly Act[], orders: Map<string, TrueOrder>): TrueRefund[] {
  const refunds: TrueRefund[] = []
  const seen = new Set<string>()
  const events = acts.filter(({ event }) => event.name === 'refund').sort(compareMoney)
  for (const act of events) {
    const { orderId, refundId = act.event.eventId } = act.event.data
    const key = `${orderId}\n${refundId}`
    if (seen.has(key)) continue
    seen.add(key)
    refunds.push(refundOf(act, refundId, orders.get(orderId as string)))
  }
  return refunds
}

function refundOf(act: Act, refundId: string, order: TrueOrder | undefined): TrueRefund {
  const { data } = act.event
  const isFull = data.amountMinor === undefined && data.items === undefined
  const currency = data.currency ?? order?.currency ?? null
  const refund = { act, refundId, order, currency, isFull, isOrphan: order === undefined }
  if (order && currency !== order.currency) {
    return { ...refund, amountMinor: 0, excessMinor: 0, flags: ['currencyMismatch'] }
  }
  const left = order ? (order.merchandiseMinor ?? 0) - order.refundedMinor : Infinity
  const asked = data.amountMinor ?? itemsAmount(data.items, order) ?? (order ? left : 0)
  const amountMinor = Math.min(asked, left)
  const isExcess = asked > left || (isFull && left === 0)
  if (order) order.refundedMinor += amountMinor
  const excessMinor = asked - amountMinor
  return { ...refund, amountMinor, excessMinor, flags: isExcess ? ['excess'] : [] }
}

/** Items at their own price, else at the order's. */
function itemsAmount(
  items: readonly Item[] | undefined,
  order: TrueOrder | undefined,
): number | undefined {
  if (items === undefined) return undefined
  let sum = 0
  for (const item of items) {
    const own = unitNet(item)
    const bought = order?.lines.find(
      (line) => line.item.productId === item.productId && line.item.variantId === item.variantId,
    )
    sum += (item.quantity ?? 1) * (own ?? (bought && unitNet(bought.item)) ?? 0)
  }
  return sum
}

/** Spreads what the order took off over its lines, largest remainder first. */
function linesOf(items: readonly Item[], merchandise: number | null): TrueLine[] {
  const values = items.map(lineValue)
  const sum = values.reduce<number>((total, value) => total + (value ?? 0), 0)
  if (merchandise === null || sum === 0 || values.includes(null)) {
    const shares = spread(
      merchandise ?? 0,
      items.map((item) => item.quantity ?? 1),
      items,
    )
    return items.map((item, i) => {
      const netMinor = merchandise === null ? null : (shares[i] as number)
      return { item, orderDiscountMinor: 0, netMinor }
    })
  }
  const shares = spread(sum - merchandise, values as number[], items)
  return items.map((item, i) => {
    const share = shares[i] as number
    return { item, orderDiscountMinor: share, netMinor: (values[i] as number) - share }
  })
}

function spread(amount: number, weights: readonly number[], items: readonly Item[]): number[] {
  const total = weights.reduce((a, b) => a + b, 0)
  if (total === 0) return weights.map(() => 0)
  const sign = Math.sign(amount)
  const size = Math.abs(amount)
  // Products stay below 2^53: amounts and weights of simulated orders are small.
  const shares = weights.map((weight) => Math.floor((size * weight) / total))
  const order = weights
    .map((weight, i) => ({ i, rest: (size * weight) % total, item: items[i] as Item }))
    .sort((a, b) => b.rest - a.rest || compareItems(a.item, b.item) || a.i - b.i)
  let missing = size - shares.reduce((a, b) => a + b, 0)
  for (const { i } of order) {
    if (missing-- <= 0) break
    shares[i] = (shares[i] as number) + 1
  }
  return shares.map((share) => (share === 0 ? 0 : sign * share))
}

function compareItems(a: Item, b: Item): number {
  return (
    compareBytes(a.productId, b.productId) || compareBytes(a.variantId ?? '', b.variantId ?? '')
  )
}

export function lineValue(item: Item): number | null {
  const net = unitNet(item)
  return net === undefined ? null : (item.quantity ?? 1) * net
}

function unitNet(item: Item): number | undefined {
  if (item.unitPriceMinor === undefined) return undefined
  return item.unitPriceMinor - (item.discountMinor ?? 0)
}

/** (eventTime, receivedAt, eventId, source). */
function compareMoney(a: Act, b: Act): number {
  return (
    a.timeMs - b.timeMs ||
    a.receivedMs - b.receivedMs ||
    compareBytes(a.event.eventId, b.event.eventId) ||
    compareBytes(a.event.source, b.event.source)
  )
}

function isNobody(act: Act): boolean {
  return act.isCrawler || act.isTest
}
