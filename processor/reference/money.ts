// For tests: orders, their lines and refunds by the formulas of events.md 2.7.

import type { EventData, Item } from '#stack/contract/events.ts'
import type { OrderLineRow, OrderRow, RefundRow } from '#stack/contract/tables.ts'
import type { CartRow } from './carts.ts'
import { byBytes, campaignColumns, originOf, timeText } from './facts.ts'
import type { Fact, Surroundings } from './facts.ts'
import type { Session } from './sessions.ts'

export interface Money {
  orders: OrderRow[]
  order_lines: OrderLineRow[]
  refunds: RefundRow[]
}

/** An item's own price, else the catalogue's in the order's currency (R9), less its discount. */
function priceIn({ event, ms }: Fact, item: Item, { listingOf }: Surroundings) {
  const list = listingOf(item.productId, ms)
  if (item.unitPriceMinor !== undefined) {
    return { unitMinor: item.unitPriceMinor, discountMinor: item.discountMinor ?? 0 }
  }
  if (list?.currency !== event.data.currency || list === undefined) return undefined
  return { unitMinor: list.unitPriceMinor, discountMinor: 0 }
}

function valueIn(purchase: Fact, item: Item, around: Surroundings): number | null {
  const price = priceIn(purchase, item, around)
  return price ? (item.quantity ?? 1) * (price.unitMinor - price.discountMinor) : null
}

function total(values: readonly (number | null)[]): number | null {
  return values.includes(null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
}

/** 2.7: merchandise amount. */
export function merchandiseOf(purchase: Fact, around: Surroundings): number | null {
  const { items = [], itemsTotalMinor, discountMinor = 0 } = purchase.event.data
  if (itemsTotalMinor !== undefined) return itemsTotalMinor
  const sum = total(items.map((item) => valueIn(purchase, item, around)))
  return sum === null ? null : Math.max(0, sum - discountMinor)
}

/** R20: an order of a person before one of a bot or test; then by time. */
function byMoney(a: Fact, b: Fact): number {
  const isNobody = ({ isBot, isTest }: Fact): number => (isBot || isTest ? 1 : 0)
  return isNobody(a) - isNobody(b) || byTime(a, b)
}

function byTime(a: Fact, b: Fact): number {
  return (
    a.ms - b.ms ||
    a.receivedMs - b.receivedMs ||
    byBytes(a.event.eventId, b.event.eventId) ||
    byBytes(a.event.source, b.event.source)
  )
}

export function moneyOf(
  facts: readonly Fact[],
  { carts, sessions }: { carts: readonly CartRow[]; sessions: ReadonlyMap<Fact, Session> },
  around: Surroundings,
): Money {
  const money: Money = { orders: [], order_lines: [], refunds: [] }
  const named = facts.filter(({ event }) => event.name === 'purchase' || event.name === 'refund')
  for (const [orderId = '', own] of Map.groupBy(named, ({ event }) => event.data.orderId)) {
    const purchases = own.filter(({ event }) => event.name === 'purchase')
    const purchase = purchases.toSorted(byMoney)[0]
    const refunds = refundsOf(
      own.filter(({ event }) => event.name === 'refund'),
      purchase,
      around,
    )
    money.refunds.push(...refunds)
    if (!purchase) continue
    const refundedMinor = refunds.reduce((sum, { amount_minor: amount }) => sum + amount, 0)
    const cart = carts
      .filter((each) => each.order_id === orderId)
      .sort(
        (a, b) =>
          isConverted(b) - isConverted(a) ||
          byBytes(a.cart_key, b.cart_key) ||
          b.episode - a.episode,
      )[0]
    const session = sessions.get(purchase)
    const origin = originOf(
      purchases.filter((each) => each.isBot === purchase.isBot && each.isTest === purchase.isTest),
    )
    money.orders.push({
      ...orderOf(purchase, around),
      ...origin,
      ...(isWithoutCampaign(origin) && session ? campaignColumns(session.facts) : {}),
      refunded_minor: refundedMinor,
      session_key: session?.key ?? null,
      cart_key: cart?.cart_key ?? null,
      episode: cart?.episode ?? null,
    })
    money.order_lines.push(...linesOf(purchase, around))
  }
  return money
}

const isWithoutCampaign = (origin: ReturnType<typeof originOf>): boolean =>
  origin.campaign_source === null &&
  origin.campaign_medium === null &&
  origin.campaign_name === null

const isConverted = ({ state }: CartRow): number => (state === 'converted' ? 1 : 0)

function orderOf(purchase: Fact, around: Surroundings) {
  const { event, person, ms, receivedMs, isBot, isTest } = purchase
  const { data } = event
  const merchandiseMinor = merchandiseOf(purchase, around)
  const charged =
    merchandiseMinor === null
      ? null
      : merchandiseMinor + (data.taxMinor ?? 0) + (data.shippingMinor ?? 0)
  return {
    order_id: data.orderId as string,
    person_id: person,
    anonymous_id: event.anonymousId ?? null,
    user_id: event.userId ?? null,
    ordered_at: timeText(ms),
    received_at: timeText(receivedMs),
    currency: data.currency as string,
    merchandise_minor: merchandiseMinor,
    discount_minor: data.discountMinor ?? null,
    tax_minor: data.taxMinor ?? null,
    shipping_minor: data.shippingMinor ?? null,
    total_minor: data.totalMinor ?? charged,
    units: (data.items ?? []).reduce((sum, { quantity = 1 }) => sum + quantity, 0),
    line_count: data.items?.length ?? 0,
    coupon: data.coupon ?? null,
    payment_method: data.paymentMethod ?? null,
    is_bot: isBot,
    is_test: isTest,
  }
}

/** 2.7, top products: what the order differs from its lines is spread so that lines add up to it exactly. */
function linesOf(purchase: Fact, around: Surroundings): OrderLineRow[] {
  const { orderId = '', currency = '', items = [] } = purchase.event.data
  const values = items.map((item) => valueIn(purchase, item, around))
  const merchandise = merchandiseOf(purchase, around)
  const sum = total(values)
  const isByValue = sum !== null && sum > 0
  const weights = items.map((item, i) => (isByValue ? (values[i] as number) : (item.quantity ?? 1)))
  const spreadMinor = merchandise === null ? null : isByValue ? sum - merchandise : merchandise
  const shares = spreadMinor === null ? [] : spread(spreadMinor, weights, items)
  return items.map((item, i) => {
    const [value, share] = [values[i] ?? null, shares[i] ?? null]
    const net = share === null ? null : isByValue ? (value as number) - share : share
    const price = priceIn(purchase, item, around)
    const listing = around.listingOf(item.productId, purchase.ms)
    return {
      order_id: orderId,
      line: i + 1,
      ordered_at: timeText(purchase.ms),
      product_id: item.productId,
      variant_id: item.variantId ?? null,
      name: item.name ?? listing?.name ?? listing?.productId ?? null,
      brand: item.brand ?? listing?.brand ?? null,
      category: item.category ?? listing?.category ?? null,
      quantity: item.quantity ?? 1,
      unit_price_minor: price?.unitMinor ?? null,
      discount_minor: price?.discountMinor ?? null,
      order_discount_minor: value === null || net === null ? null : value - net,
      net_minor: net,
      currency,
    }
  })
}

/** Largest remainder; ties by productId, variantId, position. In whole numbers throughout. */
function spread(amount: number, weights: readonly number[], items: readonly Item[]): number[] {
  const whole = BigInt(weights.reduce((sum, weight) => sum + weight, 0))
  const size = BigInt(Math.abs(amount))
  const parts = weights.map((weight, i) => {
    const exact = size * BigInt(weight)
    return { i, item: items[i] as Item, share: Number(exact / whole), rest: exact % whole }
  })
  const left = Math.abs(amount) - parts.reduce((sum, { share }) => sum + share, 0)
  const byRest = parts.toSorted(
    (a, b) =>
      (a.rest === b.rest ? 0 : a.rest > b.rest ? -1 : 1) ||
      byBytes(a.item.productId, b.item.productId) ||
      byBytes(a.item.variantId ?? '', b.item.variantId ?? '') ||
      a.i - b.i,
  )
  for (const part of byRest.slice(0, left)) part.share++
  return parts.map(({ share }) => (amount < 0 ? -share : share))
}

/** 2.7 and R21: in their order, never more than is left. */
function refundsOf(facts: Fact[], purchase: Fact | undefined, around: Surroundings): RefundRow[] {
  // An order of unknown amount brought nothing in, so nothing is left of it.
  let left = purchase ? (merchandiseOf(purchase, around) ?? 0) : null
  const told = new Set<string>()
  return facts.sort(byTime).flatMap((fact) => {
    const { data, eventId, anonymousId = null, userId = null } = fact.event
    const refundId = data.refundId ?? eventId
    if (told.has(refundId)) return []
    told.add(refundId)
    const currency = data.currency ?? purchase?.event.data.currency ?? null
    const isOther = purchase !== undefined && currency !== purchase.event.data.currency
    const isFull = data.amountMinor === undefined && (data.items ?? []).length === 0
    const sent = isFull ? (left ?? 0) : sentAmount(data, fact, { purchase, around })
    const amount = isOther ? 0 : Math.min(sent, left ?? Infinity)
    const isExcess = !isOther && (sent > amount || (isFull && left === 0))
    if (left !== null) left -= amount
    return {
      order_id: data.orderId as string,
      refund_id: refundId,
      refunded_at: timeText(fact.ms),
      amount_minor: amount,
      excess_minor: isOther ? 0 : sent - amount,
      currency,
      is_full: isFull,
      is_orphan: purchase === undefined,
      reason: data.reason ?? null,
      flags: isOther ? ['currencyMismatch'] : isExcess ? ['excess'] : [],
      anonymous_id: anonymousId,
      user_id: userId,
      is_bot: fact.isBot,
      is_test: fact.isTest,
    }
  })
}

/** `amountMinor`, else items at their own price, else at the order's. */
function sentAmount(
  { amountMinor, items = [] }: EventData,
  refund: Fact,
  { purchase, around }: { purchase: Fact | undefined; around: Surroundings },
): number {
  if (amountMinor !== undefined) return amountMinor
  return items.reduce((sum, item) => {
    const bought = purchase?.event.data.items?.find(
      (each) => each.productId === item.productId && each.variantId === item.variantId,
    )
    const own = item.unitPriceMinor === undefined ? undefined : priceIn(refund, item, around)
    const price = own ?? (bought && purchase ? priceIn(purchase, bought, around) : undefined)
    return sum + (item.quantity ?? 1) * (price ? price.unitMinor - price.discountMinor : 0)
  }, 0)
}
