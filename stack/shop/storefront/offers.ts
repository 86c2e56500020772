// What the storefront sells at a moment: products of the catalogue with their price in the shopper's currency, the
// sale taken off, and the words people search by.

import type { Catalogue, Product } from '#stack/contract/catalogue.ts'
import type { Item } from '#stack/contract/events.ts'
import { saleDiscountMinor } from '../simulate/sales.ts'
import type { Sale } from '../simulate/sales.ts'

export interface Offer {
  product: Product
  unitPriceMinor: number
  /** Per unit, while a sale is on. */
  discountMinor: number
  currency: string
}

export interface Offers {
  readonly sale: Sale | null
  all(): Offer[]
  of(productId: string): Offer | undefined
  inCategory(slug: string): Offer[]
  search(words: string): Offer[]
}

export interface Moment {
  nowMs: number
  currency: string
  sale: Sale | null
}

export const currencies = ['EUR', 'USD', 'GBP', 'JPY'] as const

export function offersAt(catalogue: Catalogue, { nowMs, currency, sale }: Moment): Offers {
  const of = (productId: string): Offer | undefined => {
    const product = catalogue.product(productId)
    const price = product && catalogue.listPriceAt(productId, nowMs, currency)
    if (!product || !price) return undefined
    const { unitPriceMinor } = price
    const discountMinor = saleDiscountMinor(sale, unitPriceMinor)
    return { product, unitPriceMinor, discountMinor, currency: price.currency }
  }
  const all = () => catalogue.products.flatMap(({ productId }) => of(productId) ?? [])
  return {
    sale,
    all,
    of,
    inCategory: (slug) => all().filter(({ product }) => categorySlug(product) === slug),
    search: (words) => all().filter(({ product }) => matches(product, words)),
  }
}

/** The first part of the category's path. */
export function categoryName(product: Product): string {
  return (product.category ?? 'Other').split('/')[0] as string
}

export function categorySlug(product: Product): string {
  return categoryName(product).toLowerCase().replaceAll(' ', '-')
}

export function categoriesOf(catalogue: Catalogue): { name: string; slug: string }[] {
  const bySlug = new Map(
    catalogue.products.map((product) => [categorySlug(product), categoryName(product)]),
  )
  return [...bySlug].map(([slug, name]) => ({ slug, name }))
}

export function itemOf(offer: Offer, quantity: number, variantId: string | undefined): Item {
  const { product } = offer
  return {
    productId: product.productId,
    ...(variantId !== undefined && { variantId }),
    name: product.name,
    ...(product.brand !== null && { brand: product.brand }),
    ...(product.category !== null && { category: product.category }),
    quantity,
    unitPriceMinor: offer.unitPriceMinor,
    ...(offer.discountMinor > 0 && { discountMinor: offer.discountMinor }),
  }
}

function matches(product: Product, words: string): boolean {
  const text = [product.name, product.brand, product.category].join(' ').toLowerCase()
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return wanted.length > 0 && wanted.every((word) => text.includes(word))
}
