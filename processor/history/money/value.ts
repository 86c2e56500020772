// What lines are worth (events.md 2.7, R9): quantity times unit price less discount; a price nobody named is the
// catalogue's at the event's time, if in the same currency; else unknown, and so is the sum.

import type { EnrichedEvent, EventData } from '#stack/contract/events.ts'

/** A line of a purchase or refund as money sees it. */
export interface MoneyItem {
  productId: string
  variantId: string | null
  name: string | null
  brand: string | null
  category: string | null
  quantity: number
  /** As sent, else the list price; null where unknown. */
  unitPriceMinor: number | null
  discountMinor: number
}

/** The items of an event; with what the catalogue says, prices and names that nobody named are the catalogue's. */
export function moneyItems(
  { items = [], currency }: EventData,
  { listPrices, products }: Pick<EnrichedEvent, 'listPrices' | 'products'> = {},
): MoneyItem[] {
  return items.map((item, i) => {
    const list = listPrices?.[i]
    const product = products?.[i]
    const listPrice = list && list.currency === currency ? list.unitPriceMinor : null
    return {
      productId: item.productId,
      variantId: item.variantId ?? null,
      name: item.name ?? product?.name ?? null,
      brand: item.brand ?? product?.brand ?? null,
      category: item.category ?? product?.category ?? null,
      quantity: item.quantity ?? 1,
      unitPriceMinor: item.unitPriceMinor ?? listPrice,
      discountMinor: item.unitPriceMinor === undefined ? 0 : (item.discountMinor ?? 0),
    }
  })
}

/** Null where the price is unknown. */
export function lineValue(item: MoneyItem): number | null {
  return item.unitPriceMinor === null
    ? null
    : item.quantity * (item.unitPriceMinor - item.discountMinor)
}

/** Null where one price is unknown. */
export function valueOfItems(items: readonly MoneyItem[]): number | null {
  let sum = 0
  for (const item of items) {
    const value = lineValue(item)
    if (value === null) return null
    sum += value
  }
  return sum
}

/** Merchandise amount of an order: as sent, else its lines less the order's discount, never below nothing. */
export function merchandiseMinor(order: {
  items: readonly MoneyItem[]
  itemsTotalMinor?: number | undefined
  discountMinor?: number | undefined
}): number | null {
  if (order.itemsTotalMinor !== undefined) return order.itemsTotalMinor
  const value = valueOfItems(order.items)
  return value === null ? null : Math.max(0, value - (order.discountMinor ?? 0))
}
