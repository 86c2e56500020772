// The storefront's cart: lines with quantities, and how it lies in a cookie, so that neither a reload nor a restart of
// the shop forgets it. Prices are never kept: they are those of the moment.

import type { Item } from '#stack/contract/events.ts'
import { itemOf } from './offers.ts'
import type { Offers } from './offers.ts'

export interface CartLine {
  productId: string
  variantId: string | undefined
  quantity: number
}

export interface Cart {
  cartId: string
  lines: readonly CartLine[]
}

/** A cookie holds no more. */
export const linesMost = 40
export const quantityMost = 99

export function withAdded(cart: Cart, added: CartLine): Cart {
  const known = lineOf(cart, added)
  if (!known && cart.lines.length >= linesMost) return cart
  return withQuantity(cart, { ...added, quantity: (known?.quantity ?? 0) + added.quantity })
}

/** 0 takes the line away. */
export function withQuantity(cart: Cart, wanted: CartLine): Cart {
  const quantity = Math.min(quantityMost, wanted.quantity)
  const isKnown = lineOf(cart, wanted) !== undefined
  const lines = isKnown
    ? cart.lines.map((line) => (isSameLine(line, wanted) ? { ...line, quantity } : line))
    : [...cart.lines, { ...wanted, quantity }]
  return { ...cart, lines: lines.filter((line) => line.quantity > 0) }
}

export function lineOf(cart: Cart, wanted: Omit<CartLine, 'quantity'>): CartLine | undefined {
  return cart.lines.find((line) => isSameLine(line, wanted))
}

export function unitsOf(cart: Cart): number {
  return cart.lines.reduce((sum, line) => sum + line.quantity, 0)
}

/** Lines that the catalogue still knows, as event items with the prices of the moment. */
export function itemsOf(cart: Cart, offers: Offers): Item[] {
  return cart.lines.flatMap(({ productId, variantId, quantity }) => {
    const offer = offers.of(productId)
    return offer ? [itemOf(offer, quantity, variantId)] : []
  })
}

export function totalMinor(items: readonly Item[]): number {
  let total = 0
  for (const { quantity = 1, unitPriceMinor = 0, discountMinor = 0 } of items) {
    total += quantity * (unitPriceMinor - discountMinor)
  }
  return total
}

/** `cartId~product.variant.quantity~…`, each part escaped. */
export function encodeCart(cart: Cart): string {
  const lines = cart.lines.map(({ productId, variantId = '', quantity }) =>
    [productId, variantId, String(quantity)].map(escapePart).join('.'),
  )
  return [escapePart(cart.cartId), ...lines].join('~')
}

/** Undefined for what is no cart; a cookie is anybody's to write. */
export function decodeCart(text: string): Cart | undefined {
  const [cartId, ...parts] = text.split('~')
  if (cartId === undefined || !/^[A-Za-z0-9._:-]{1,64}$/.test(unescapePart(cartId)))
    return undefined
  const lines = parts.slice(0, linesMost).flatMap((part) => {
    const [productId, variantId = '', amount] = part.split('.').map(unescapePart)
    const quantity = Number(amount)
    const isLine = productId !== undefined && Number.isInteger(quantity) && quantity >= 1
    if (!isLine || quantity > quantityMost) return []
    return [{ productId, variantId: variantId === '' ? undefined : variantId, quantity }]
  })
  return { cartId: unescapePart(cartId), lines }
}

function isSameLine(a: Omit<CartLine, 'quantity'>, b: Omit<CartLine, 'quantity'>): boolean {
  return a.productId === b.productId && a.variantId === b.variantId
}

function escapePart(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E').replaceAll('~', '%7E')
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
