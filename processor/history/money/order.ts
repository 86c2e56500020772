// One order from everything that names it (R20): its row, its lines and its refunds. Pure: the same facts in any order
// give the same rows. The first purchase by (eventTime, receivedAt, eventId, source) is the order, one of a person
// before one of a bot or test; further ones change nothing.

import { isoTime } from '#stack/base/units.ts'
import type { InputPosition } from '#stack/contract/events.ts'
import { compareT3 } from '#stack/contract/order.ts'
import type { OrderLineRow, OrderRow, RefundRow } from '#stack/contract/tables.ts'
import { compareMoney, orderedFact } from './facts.ts'
import type { Campaign, MoneyFact, PurchaseFact, RefundFact } from './facts.ts'
import { foldRefunds } from './refund.ts'
import { spread } from './spread.ts'
import { lineValue, merchandiseMinor } from './value.ts'

/** What other tables say about an order: its person, session and cart. */
export interface OrderLinks {
  personId: string | null
  sessionKey: string | null
  cartKey: string | null
  episode: number | null
  /** Of the session. */
  campaign: Campaign | null
}

/** A derived row with the position of the event that made it. */
export interface Derived<Row> {
  row: Row
  input: InputPosition
}

export interface FoldedOrder {
  order: Derived<OrderRow> | null
  lines: Derived<OrderLineRow>[]
  refunds: Derived<RefundRow>[]
}

export function foldOrder(facts: readonly MoneyFact[], links: OrderLinks): FoldedOrder {
  const purchase = firstPurchase(facts)
  const refundFacts = facts.filter((fact): fact is RefundFact => fact.name === 'refund')
  const refunds = foldRefunds(refundFacts, purchase)
  if (purchase === undefined) return { order: null, lines: [], refunds }
  const refundedMinor = refunds.reduce((sum, { row }) => sum + row.amount_minor, 0)
  const { input } = purchase
  const order = {
    ...orderRow(purchase, facts, links.campaign),
    ...linkColumns(links),
    refunded_minor: refundedMinor,
  }
  const lines = orderLines(purchase).map((row) => ({ row, input }))
  return { order: { row: order, input }, lines, refunds }
}

/** R20, money: an order of a person before one of a bot or test. */
export function firstPurchase(facts: readonly MoneyFact[]): PurchaseFact | undefined {
  const purchases = facts.filter((fact): fact is PurchaseFact => fact.name === 'purchase')
  const isPersons = (fact: PurchaseFact) => !fact.isBot && !fact.isTest
  return purchases.sort(
    (a, b) => Number(isPersons(b)) - Number(isPersons(a)) || compareMoney(a, b),
  )[0]
}

type OwnColumns = Omit<
  OrderRow,
  'person_id' | 'session_key' | 'cart_key' | 'episode' | 'refunded_minor'
>

/** The campaign is the one that brought the session, where no purchase event names one: only a landing page does. */
function orderRow(
  purchase: PurchaseFact,
  facts: readonly MoneyFact[],
  campaignOfSession: Campaign | null,
): OwnColumns {
  const merchandise = amountOf(purchase)
  const place = placeOf(purchase, facts)
  const campaign = place.campaign ?? campaignOfSession
  return {
    order_id: purchase.orderId,
    anonymous_id: purchase.anonymousId,
    user_id: purchase.userId,
    ordered_at: isoTime(purchase.timeMs),
    received_at: isoTime(purchase.receivedMs),
    currency: purchase.currency,
    merchandise_minor: merchandise,
    discount_minor: purchase.discountMinor,
    tax_minor: purchase.taxMinor,
    shipping_minor: purchase.shippingMinor,
    total_minor:
      purchase.totalMinor ??
      (merchandise === null
        ? null
        : merchandise + (purchase.taxMinor ?? 0) + (purchase.shippingMinor ?? 0)),
    units: purchase.items.reduce((sum, { quantity }) => sum + quantity, 0),
    line_count: purchase.items.length,
    coupon: purchase.coupon,
    payment_method: purchase.paymentMethod,
    country: place.country,
    device: place.device,
    campaign_source: campaign?.source ?? null,
    campaign_medium: campaign?.medium ?? null,
    campaign_name: campaign?.name ?? null,
    is_bot: purchase.isBot,
    is_test: purchase.isTest,
  }
}

function linkColumns(links: OrderLinks): Omit<OrderRow, keyof OwnColumns | 'refunded_minor'> {
  return {
    person_id: links.personId,
    session_key: links.sessionKey,
    cart_key: links.cartKey,
    episode: links.episode,
  }
}

function amountOf(purchase: PurchaseFact): number | null {
  return merchandiseMinor({
    items: purchase.items,
    itemsTotalMinor: purchase.itemsTotalMinor ?? undefined,
    discountMinor: purchase.discountMinor ?? undefined,
  })
}

/** Of the first of its purchase events (T3) that has one; an order service knows no device, the browser does. */
function placeOf(
  purchase: PurchaseFact,
  facts: readonly MoneyFact[],
): Pick<PurchaseFact, 'country' | 'device' | 'campaign'> {
  const alike = facts
    .filter(
      (fact) =>
        fact.name === 'purchase' &&
        fact.isBot === purchase.isBot &&
        fact.isTest === purchase.isTest,
    )
    .sort((a, b) => compareT3(orderedFact(a), orderedFact(b)))
  const first = <K extends 'country' | 'device' | 'campaign'>(key: K) =>
    alike.find((fact) => fact[key] !== null)?.[key] ?? null
  return { country: first('country'), device: first('device'), campaign: first('campaign') }
}

/**
 * The lines, and what of the order's discount falls on each: D, the sum of line values less the merchandise amount, is
 * spread by line value and taken off (added where it is negative). Where a price is unknown or nothing has a value,
 * the merchandise amount itself is spread by units.
 */
function orderLines(purchase: PurchaseFact): OrderLineRow[] {
  const merchandise = amountOf(purchase)
  const values = purchase.items.map(lineValue)
  const nets = netAmounts(purchase, values, merchandise)
  return purchase.items.map((item, i) => {
    const value = values[i] as number | null
    const net = nets[i] as number | null
    return {
      order_id: purchase.orderId,
      line: i + 1,
      ordered_at: isoTime(purchase.timeMs),
      product_id: item.productId,
      variant_id: item.variantId,
      name: item.name,
      brand: item.brand,
      category: item.category,
      quantity: item.quantity,
      unit_price_minor: item.unitPriceMinor,
      discount_minor: item.unitPriceMinor === null ? null : item.discountMinor,
      order_discount_minor: value === null || net === null ? null : value - net,
      net_minor: net,
      currency: purchase.currency,
    }
  })
}

function netAmounts(
  { items }: PurchaseFact,
  values: readonly (number | null)[],
  merchandise: number | null,
): (number | null)[] {
  if (items.length === 0) return []
  if (merchandise === null) return items.map(() => null)
  const known = values.filter((value) => value !== null)
  const sum = known.reduce((total, value) => total + value, 0)
  const weigh = (weights: readonly number[]) =>
    items.map((item, i) => ({ ...item, weight: weights[i] as number }))
  if (known.length < items.length || sum === 0) {
    return spread(merchandise, weigh(items.map(({ quantity }) => quantity)))
  }
  const difference = sum - merchandise
  const shares = spread(Math.abs(difference), weigh(known))
  return known.map((value, i) => value - Math.sign(difference) * (shares[i] as number))
}
