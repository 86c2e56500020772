// Refunds of one order (2.7, R21), in order of (eventTime, receivedAt, eventId, source): the amount sent; else its
// items at their own price, else at the order's; else all that is left. Never more than is left of the order.

import { isoTime } from '#stack/base/units.ts'
import type { RefundRow } from '#stack/contract/tables.ts'
import { compareMoney } from './facts.ts'
import type { PurchaseFact, RefundFact } from './facts.ts'
import type { Derived } from './order.ts'
import { merchandiseMinor } from './value.ts'
import type { MoneyItem } from './value.ts'

export function foldRefunds(
  facts: readonly RefundFact[],
  purchase: PurchaseFact | undefined,
): Derived<RefundRow>[] {
  let left = purchase === undefined ? null : merchandiseOf(purchase)
  const seen = new Set<string>()
  const refunds: Derived<RefundRow>[] = []
  for (const fact of [...facts].sort(compareMoney)) {
    if (seen.has(fact.refundId)) continue
    seen.add(fact.refundId)
    const row = refundRow(fact, purchase, left)
    if (left !== null) left -= row.amount_minor
    refunds.push({ row, input: fact.input })
  }
  return refunds
}

/** An order whose price is unknown has brought no revenue, so there is nothing to take off. */
function merchandiseOf(purchase: PurchaseFact): number {
  const { items, itemsTotalMinor, discountMinor } = purchase
  return (
    merchandiseMinor({
      items,
      itemsTotalMinor: itemsTotalMinor ?? undefined,
      discountMinor: discountMinor ?? undefined,
    }) ?? 0
  )
}

/** `left` is null for an orphan: it counts as sent. */
function refundRow(
  fact: RefundFact,
  purchase: PurchaseFact | undefined,
  left: number | null,
): RefundRow {
  const currency = fact.currency ?? purchase?.currency ?? null
  const isFull = fact.amountMinor === null && fact.items === null
  const isForeign = purchase !== undefined && currency !== purchase.currency
  const asked = isForeign ? 0 : isFull ? (left ?? 0) : askedMinor(fact, purchase)
  const amount = left === null ? asked : Math.min(asked, left)
  const excess = asked - amount
  const flags: string[] = []
  if (isForeign) flags.push('currencyMismatch')
  else if (excess > 0 || (isFull && left === 0)) flags.push('excess')
  return {
    order_id: fact.orderId,
    refund_id: fact.refundId,
    refunded_at: isoTime(fact.timeMs),
    amount_minor: amount,
    excess_minor: excess,
    currency,
    is_full: isFull,
    is_orphan: purchase === undefined,
    reason: fact.reason,
    flags,
    anonymous_id: fact.anonymousId,
    user_id: fact.userId,
    is_bot: fact.isBot,
    is_test: fact.isTest,
  }
}

function askedMinor(fact: RefundFact, purchase: PurchaseFact | undefined): number {
  if (fact.amountMinor !== null) return fact.amountMinor
  return (fact.items ?? []).reduce((sum, item) => {
    const price = item.unitPriceMinor === null ? orderPrice(item, purchase) : ownPrice(item)
    return sum + item.quantity * (price ?? 0)
  }, 0)
}

function ownPrice(item: MoneyItem): number | null {
  return item.unitPriceMinor === null ? null : item.unitPriceMinor - item.discountMinor
}

/** The order's line of the same variant, else of the same product. */
function orderPrice(item: MoneyItem, purchase: PurchaseFact | undefined): number | null {
  const lines = purchase?.items.filter((line) => line.productId === item.productId) ?? []
  const line = lines.find((each) => each.variantId === item.variantId) ?? lines[0]
  return line === undefined ? null : ownPrice(line)
}
