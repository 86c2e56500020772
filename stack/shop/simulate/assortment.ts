// What shoppers find in the shop: products drawn by popularity (Zipf-Mandelbrot over a seeded ranking) and the price
// of a moment, sale included. The shift is chosen for a range of about 120 products, so that the best-selling fifth
// carries 60 to 80 % of the lines.

import type { Catalogue, Product } from '#stack/contract/catalogue.ts'
import { Random } from '#stack/base/random.ts'
import { invariant } from '#stack/base/invariant.ts'
import { saleAt, saleDiscountMinor } from './sales.ts'

const exponent = 1
const shift = 1.2

export interface Price {
  unitPriceMinor: number
  discountMinor: number
}

export interface Assortment {
  pick(random: Random): Product
  /** Null where the catalogue has no price in that currency at that time. */
  priceAt(productId: string, currency: string, timeMs: number): Price | null
}

export function createAssortment(
  catalogue: Catalogue,
  { seed, openingMs }: { seed: number; openingMs: number },
): Assortment {
  invariant(catalogue.products.length > 0, 'a shop without products')
  const ranked = new Random(`${seed}/ranking`).shuffle(catalogue.products)
  const cumulated: number[] = []
  let total = 0
  ranked.forEach((_, rank) => {
    total += 1 / (rank + 1 + shift) ** exponent
    cumulated.push(total)
  })
  return {
    pick: (random) => ranked[firstAbove(cumulated, random.float() * total)] as Product,
    priceAt(productId, currency, timeMs) {
      const list = catalogue.listPriceAt(productId, timeMs, currency)
      if (list?.currency !== currency) return null
      const { unitPriceMinor } = list
      const sale = saleAt(openingMs, timeMs)
      return { unitPriceMinor, discountMinor: saleDiscountMinor(sale, unitPriceMinor) }
    },
  }
}

function firstAbove(cumulated: readonly number[], value: number): number {
  let low = 0
  let high = cumulated.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cumulated[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}
