// The weekly sale: two hours, counted from the shop's opening, which lies in the middle of one. Traffic, prices of the
// storefront and the annotations on the charts all ask here.

import { dayMs, hourMs } from '#stack/base/units.ts'

export interface Sale {
  fromMs: number
  toMs: number
  percentOff: number
  label: string
}

export const saleLengthMs = 2 * hourMs
const saleEveryMs = 7 * dayMs
const percentOff = 15

/** The sale that is on at a time, or null. Half-open. */
export function saleAt(openingMs: number, timeMs: number): Sale | null {
  const firstMs = openingMs - saleLengthMs / 2
  const fromMs = firstMs + Math.floor((timeMs - firstMs) / saleEveryMs) * saleEveryMs
  if (timeMs >= fromMs + saleLengthMs) return null
  return { fromMs, toMs: fromMs + saleLengthMs, percentOff, label: `Sale: ${percentOff} % off` }
}

/** Sales that overlap [fromMs, toMs), oldest first. */
export function salesBetween(openingMs: number, fromMs: number, toMs: number): Sale[] {
  const sales: Sale[] = []
  const firstMs = openingMs - saleLengthMs / 2
  let startMs = firstMs + Math.floor((fromMs - firstMs) / saleEveryMs) * saleEveryMs
  for (; startMs < toMs; startMs += saleEveryMs) {
    const sale = saleAt(openingMs, startMs)
    if (sale && sale.toMs > fromMs) sales.push(sale)
  }
  return sales
}

/** What the sale takes off a unit price. */
export function saleDiscountMinor(sale: Sale | null, unitPriceMinor: number): number {
  return sale ? Math.round((unitPriceMinor * sale.percentOff) / 100) : 0
}
