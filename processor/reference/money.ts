// For tests: orders, their lines and refunds by the formulas of events.md 2.7. An unknown amount is NaN, and so is what is
// computed from it.

import type { Item } from '#stack/contract/events.ts'
import { priceOf } from './carts.ts'
import { at, campaignOf, originOf, row } from './columns.ts'
import type { Row } from './columns.ts'
import { ascending, sum } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'
import { sessionKeyOf } from './sessions.ts'

function linesOf({ data, ms }: Fact, { listingOf }: Surroundings) {
  return (data.items ?? []).map((item) => {
    const { productId, variantId = '', quantity = 1 } = item
    const listed = listingOf(productId, ms)
    const price = priceOf(item, data.currency, listed)
    const key = JSON.stringify([productId, variantId])
    return { item, listed, price, quantity, key, valueMinor: quantity * price.netMinor }
  })
}

/** 2.7: merchandise amount. */
export function merchandiseOf(purchase: Fact, around: Surroundings): number {
  const { itemsTotalMinor, discountMinor = 0 } = purchase.data
  const linesMinor = sum(linesOf(purchase, around).map(({ valueMinor }) => valueMinor))
  return itemsTotalMinor ?? Math.max(0, linesMinor - discountMinor)
}

export function moneyRows(facts: readonly Fact[], carts: readonly Row[], around: Surroundings) {
  const rows = { orders: [] as Row[], order_lines: [] as Row[], refunds: [] as Row[] }
  const paid = facts.filter(({ name }) => name === 'purchase' || name === 'refund')
  for (const own of Map.groupBy(paid, ({ data }) => data.orderId).values()) {
    const [purchases, refunded] = ['purchase', 'refund'].map((name) =>
      own.filter((fact) => fact.name === name),
    ) as [Fact[], Fact[]]
    const isNobodys = ({ isBot, isTest }: Fact): number => Number(isBot || isTest)
    const [first] = purchases.toSorted(ascending((fact) => [isNobodys(fact), ...byTime(fact)])) // R20
    const refunds = refundRows(refunded, first, around)
    rows.refunds.push(...refunds)
    if (!first) continue
    const { isBot, isTest } = first
    const told = purchases.filter((each) => each.isBot === isBot && each.isTest === isTest)
    const refundedMinor = sum(refunds.map((refund) => Number(refund['amount_minor'])))
    rows.orders.push({ ...orderRow(first, told, carts, around), refunded_minor: refundedMinor })
    rows.order_lines.push(...lineRows(first, around))
  }
  return rows
}

function byTime({ ms, receivedMs, eventId, source }: Fact) {
  return [ms, receivedMs, eventId, source]
}

function orderRow(purchase: Fact, told: Fact[], carts: readonly Row[], around: Surroundings): Row {
  const { data, ms, receivedMs, isBot, isTest, anonymousId, userId, session = [] } = purchase
  const { orderId, currency, discountMinor, taxMinor, shippingMinor, coupon, paymentMethod } = data
  const merchandiseMinor = merchandiseOf(purchase, around)
  const chargedMinor = merchandiseMinor + (taxMinor ?? 0) + (shippingMinor ?? 0)
  const closed = carts.filter((cart) => cart['order_id'] === orderId)
  const rankOf = ({ state }: Row) => (state === 'converted' ? 0 : 1)
  closed.sort(
    ascending((cart) => [rankOf(cart), String(cart['cart_key']), -Number(cart['episode'])]),
  )
  const { cart_key: cartKey, episode } = closed[0] ?? {}
  const items = linesOf(purchase, around)
  return row(
    { orderId, personId: purchase.hasConsent ? purchase.personId : null, anonymousId, userId },
    { orderedAt: at(ms), receivedAt: at(receivedMs), isBot, isTest, coupon, paymentMethod },
    { currency, merchandiseMinor, discountMinor, taxMinor, shippingMinor },
    { totalMinor: data.totalMinor ?? chargedMinor },
    { units: sum(items.map(({ quantity }) => quantity)), lineCount: items.length },
    { ...originOf(told), ...campaignOf([...told, ...session]) },
    { sessionKey: sessionKeyOf(purchase), cartKey, episode },
  )
}

/** 2.7, top products: what the order differs from its lines is spread so that lines add up to it exactly. */
function lineRows(purchase: Fact, around: Surroundings): Row[] {
  const { orderId, currency } = purchase.data
  const lines = linesOf(purchase, around)
  const linesMinor = sum(lines.map(({ valueMinor }) => valueMinor))
  const isByValue = linesMinor > 0
  const spreadMinor = (isByValue ? linesMinor : 0) - merchandiseOf(purchase, around)
  const weights = lines.map(({ valueMinor, quantity }) => (isByValue ? valueMinor : quantity))
  const shares = sharesOf(spreadMinor, weights, lines)
  return lines.map(({ item, listed, price, quantity, valueMinor }, i) => {
    const { productId, variantId } = item
    const { name = productId, brand, category } = { ...listed, ...item }
    const netMinor = (isByValue ? valueMinor : 0) - (shares[i] as number)
    return row(
      { orderId, line: i + 1, orderedAt: at(purchase.ms), currency, productId, variantId },
      { name: listed ? name : item.name, brand, category, quantity },
      { ...price, netMinor, orderDiscountMinor: valueMinor - netMinor },
    )
  })
}

/** Largest remainder; ties by productId, variantId, position. */
function sharesOf(amount: number, weights: number[], lines: readonly { item: Item }[]): number[] {
  const [size, whole] = [Math.abs(amount), sum(weights)]
  const rests = weights.map((weight) => (size * weight) % whole)
  const shares = weights.map((weight, i) => (size * weight - (rests[i] as number)) / whole)
  const left = size - sum(shares)
  const inOrder = lines.map(({ item: { productId, variantId = '' } }, i) => {
    return { i, key: [-(rests[i] as number), productId, variantId, i] }
  })
  inOrder.sort(ascending(({ key }) => key))
  for (const { i } of inOrder.slice(0, left)) shares[i] = (shares[i] as number) + 1
  return shares.map((share) => share * Math.sign(amount))
}

/** 2.7 and R21: in their order, never more than is left. */
function refundRows(refunds: Fact[], purchase: Fact | undefined, around: Surroundings): Row[] {
  // An order of unknown amount brought nothing in, so nothing is left of it.
  let leftMinor = purchase ? merchandiseOf(purchase, around) || 0 : Infinity
  const bought = purchase ? linesOf(purchase, around) : []
  const idOf = ({ data, eventId }: Fact): string => data.refundId ?? eventId
  refunds.sort(ascending(byTime))
  const once = refunds.filter((a, i) => i === refunds.findIndex((b) => idOf(a) === idOf(b)))
  return once.map((refund) => {
    const { data, anonymousId, userId, isBot, isTest } = refund
    const { orderId, reason, currency = purchase?.data.currency } = data
    const lines = linesOf(refund, around).map(({ item, key, price, quantity }) => {
      const isProduct = (line: { item: Item }): boolean => line.item.productId === item.productId
      const ordered = (bought.find((line) => line.key === key) ?? bought.find(isProduct))?.price
      return quantity * ((item.unitPriceMinor === undefined ? ordered : price)?.netMinor || 0)
    })
    const isFull = data.amountMinor === undefined && lines.length === 0
    const sentMinor = data.amountMinor ?? (isFull && purchase ? leftMinor : sum(lines))
    const isOther = purchase !== undefined && currency !== purchase.data.currency
    const amountMinor = isOther ? 0 : Math.min(sentMinor, leftMinor)
    const excessMinor = isOther ? 0 : sentMinor - amountMinor
    const isExcess = excessMinor > 0 || (isFull && leftMinor === 0)
    const flag = isOther ? ['currencyMismatch'] : isExcess ? ['excess'] : []
    leftMinor -= amountMinor
    return row(
      { orderId, refundId: idOf(refund), refundedAt: at(refund.ms), amountMinor, excessMinor },
      { currency, isFull, isOrphan: !purchase, reason, flags: flag },
      { anonymousId, userId, isBot, isTest },
    )
  })
}
