// Orders and refunds of the live window, and what they are worth (events.md 2.7). An order is the first purchase
// with its id by (eventTime, receivedAt, eventId, source) (R20); what a better first changes is simply replaced.
// Left out: a refund of an order older than the window that names neither an amount nor items has no known value.

import type { EnrichedEvent, Item } from '../../../stack/contract/events.ts'
import { compareBytes } from '../../../stack/contract/order.ts'

export interface OrderLine {
  productId: string
  variantId: string
  name: string
  quantity: number
  /** Price minus discount of one unit. */
  unitMinor: number | null
  /** The line's share of the merchandise amount; null where that is unknown. */
  netMinor: number | null
}

interface First {
  timeMs: number
  receivedMs: number
  eventId: string
  source: string
}

export interface LiveOrder extends First {
  orderId: string
  visitor: string
  sessionKey: string | null
  currency: string
  merchandiseMinor: number | null
  lines: OrderLine[]
}

export interface LiveRefund extends First {
  orderId: string
  visitor: string
  currency: string | null
  /** As sent or by its own items; null: by the order. */
  amountMinor: number | null
  items: { productId: string; variantId: string; quantity: number }[] | null
}

export function compareFirst(a: First, b: First): number {
  return (
    a.timeMs - b.timeMs ||
    a.receivedMs - b.receivedMs ||
    compareBytes(a.eventId, b.eventId) ||
    compareBytes(a.source, b.source)
  )
}

export function orderOf(event: EnrichedEvent, visitor: string): LiveOrder | undefined {
  const { orderId, currency } = event.data
  if (event.name !== 'purchase' || orderId === undefined || currency === undefined) return undefined
  const lines = (event.data.items ?? []).map((item, i) => pricedLine(event, item, i))
  const merchandiseMinor = merchandiseAmount(event, lines)
  return {
    ...firstOf(event),
    orderId,
    visitor,
    sessionKey: event.session?.key ?? null,
    currency,
    merchandiseMinor,
    lines: spread(lines, merchandiseMinor),
  }
}

export function refundOf(event: EnrichedEvent, visitor: string): LiveRefund | undefined {
  const { orderId, amountMinor, items, currency } = event.data
  if (event.name !== 'refund' || orderId === undefined) return undefined
  const lines = items?.map((item, i) => pricedLine(event, item, i))
  const ofItems = lines?.every((line) => line.valueMinor !== null)
    ? lines.reduce((sum, line) => sum + (line.valueMinor as number), 0)
    : null
  return {
    ...firstOf(event),
    orderId,
    visitor,
    currency: currency ?? null,
    amountMinor: amountMinor ?? ofItems,
    items:
      items?.map(({ productId, variantId, quantity }) => ({
        productId,
        variantId: variantId ?? '',
        quantity: quantity ?? 1,
      })) ?? null,
  }
}

/** R21: the same (orderId, refundId, else eventId) again is ignored. */
export function refundKey(event: EnrichedEvent): string {
  return `${event.data.orderId}\n${event.data.refundId ?? event.eventId}`
}

/**
 * Of the refunds of one order, sorted by (eventTime, receivedAt, eventId, source): never more than is left of it; all of
 * it when neither amount nor items are named. Null: unknown. Another currency than the order's: 0.
 */
export function refundAmounts(
  refunds: readonly LiveRefund[],
  order: LiveOrder | undefined,
): (number | null)[] {
  let leftMinor = order?.merchandiseMinor ?? null
  return refunds.map((refund) => {
    if (order && refund.currency !== null && refund.currency !== order.currency) return 0
    const wanted = refund.amountMinor ?? itemsAtOrderPrice(refund, order) ?? leftMinor
    if (wanted === null || leftMinor === null) return wanted
    const amount = Math.min(wanted, leftMinor)
    leftMinor -= amount
    return amount
  })
}

interface PricedLine extends Omit<OrderLine, 'netMinor'> {
  position: number
  valueMinor: number | null
}

function firstOf(event: EnrichedEvent): First {
  return {
    timeMs: Date.parse(event.eventTime),
    receivedMs: Date.parse(event.receivedAt),
    eventId: event.eventId,
    source: event.source,
  }
}

/** The event's own price; else the catalogue's, if in the event's currency (R9). */
function pricedLine(event: EnrichedEvent, item: Item, position: number): PricedLine {
  const listed = event.listPrices?.[position]
  const listMinor = listed && listed.currency === event.data.currency ? listed.unitPriceMinor : null
  const priceMinor = item.unitPriceMinor ?? listMinor
  const unitMinor = priceMinor === null ? null : Math.max(0, priceMinor - (item.discountMinor ?? 0))
  const quantity = item.quantity ?? 1
  return {
    productId: item.productId,
    variantId: item.variantId ?? '',
    position,
    name: item.name ?? item.productId,
    quantity,
    unitMinor,
    valueMinor: unitMinor === null ? null : quantity * unitMinor,
  }
}

function merchandiseAmount(event: EnrichedEvent, lines: readonly PricedLine[]): number | null {
  if (event.data.itemsTotalMinor !== undefined) return event.data.itemsTotalMinor
  let sum = 0
  for (const line of lines) {
    if (line.valueMinor === null) return null
    sum += line.valueMinor
  }
  return Math.max(0, sum - (event.data.discountMinor ?? 0))
}

/**
 * Each line's share of the merchandise amount: the difference to the sum of the lines is spread by their value,
 * largest remainder; where a price is unknown or all are 0, the amount itself is spread by units. Lines add up to
 * the order exactly.
 */
function spread(lines: readonly PricedLine[], merchandiseMinor: number | null): OrderLine[] {
  const bare = lines.map(({ productId, variantId, name, quantity, unitMinor }) => ({
    productId,
    variantId,
    name,
    quantity,
    unitMinor,
  }))
  if (merchandiseMinor === null) return bare.map((line) => ({ ...line, netMinor: null }))
  const values = lines.map((line) => line.valueMinor)
  const known = values.every((value) => value !== null)
  const total = known ? values.reduce((sum, value) => sum + value, 0) : 0
  const weights = total > 0 ? (values as number[]) : lines.map((line) => line.quantity)
  const base = total > 0 ? (values as number[]) : lines.map(() => 0)
  const difference = merchandiseMinor - total
  const shares = largestRemainder(Math.abs(difference), weights, lines)
  return bare.map((line, i) => ({
    ...line,
    netMinor: (base[i] as number) + Math.sign(difference) * (shares[i] as number),
  }))
}

function largestRemainder(
  amount: number,
  weights: readonly number[],
  lines: readonly PricedLine[],
): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total === 0) return weights.map(() => 0)
  // Integers through BigInt: amount × weight may pass 2^53.
  const parts = weights.map((weight) => {
    const product = BigInt(amount) * BigInt(weight)
    return { share: Number(product / BigInt(total)), rest: Number(product % BigInt(total)) }
  })
  const shares = parts.map((part) => part.share)
  let left = amount - shares.reduce((sum, share) => sum + share, 0)
  const byRest = parts.map((_, i) => i).sort((a, b) => compareRest(parts, lines, a, b))
  for (const i of byRest) {
    if (left === 0) break
    shares[i] = (shares[i] as number) + 1
    left--
  }
  return shares
}

function compareRest(
  parts: readonly { rest: number }[],
  lines: readonly PricedLine[],
  a: number,
  b: number,
): number {
  const [lineA, lineB] = [lines[a] as PricedLine, lines[b] as PricedLine]
  return (
    (parts[b] as { rest: number }).rest - (parts[a] as { rest: number }).rest ||
    compareBytes(lineA.productId, lineB.productId) ||
    compareBytes(lineA.variantId, lineB.variantId) ||
    lineA.position - lineB.position
  )
}

function itemsAtOrderPrice(refund: LiveRefund, order: LiveOrder | undefined): number | null {
  if (refund.items === null || order === undefined) return null
  let sum = 0
  for (const item of refund.items) {
    const line = order.lines.find(
      (each) => each.productId === item.productId && each.variantId === item.variantId,
    )
    if (!line || line.unitMinor === null) return null
    sum += line.unitMinor * item.quantity
  }
  return sum
}
