// What is in a cart (R6–R10): quantities by line, and beside them what is known of each line (price, currency, list
// price), which outlives the line itself within an episode (R8). `at` is the place in T3 order of the event that said
// it: the later word wins, also when two carts are folded into one.

import type { CartLine, CurrencyValue } from '#stack/contract/cart.ts'
import type { MergePolicy } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { CartItem } from '../model.ts'

interface LineFacts {
  productId: string
  variantId: string | null
  price: { unitPriceMinor: number; discountMinor: number; at: number } | null
  currency: { code: string; at: number } | null
  list: { unitPriceMinor: number; currency: string; at: number } | null
}

export interface Content {
  quantities: Map<string, number>
  facts: Map<string, LineFacts>
}

/** Items as an event names them, at its place in T3 order. */
export interface Named {
  items: readonly CartItem[]
  currency: string | undefined
  at: number
}

export interface Totals {
  /** 0 for an empty cart; null when unknown (R9) or in several currencies (R10). */
  valueMinor: number | null
  currency: string | null
  currencyMixed: boolean
  valueByCurrency: CurrencyValue[]
}

export function emptyContent(): Content {
  return { quantities: new Map(), facts: new Map() }
}

/** Facts are replaced, never changed, so a shallow copy is enough. */
export function copyContent(content: Content): Content {
  return { quantities: new Map(content.quantities), facts: new Map(content.facts) }
}

export function addLines(content: Content, named: Named): void {
  for (const item of named.items) {
    const key = learn(content, item, named)
    content.quantities.set(key, (content.quantities.get(key) ?? 0) + (item.quantity ?? 1))
  }
}

/** R6. Answers whether something was taken that was not there (flag `underflow`). */
export function removeLines(content: Content, named: Named): boolean {
  let isUnderflow = false
  for (const item of named.items) {
    const key = learn(content, item, named)
    const held = content.quantities.get(key) ?? 0
    // Without a quantity the whole line goes (events.md 1.3).
    const left = held - (item.quantity ?? Math.max(held, 1))
    if (left < 0) isUnderflow = true
    if (left > 0) content.quantities.set(key, left)
    else content.quantities.delete(key)
  }
  return isUnderflow
}

/** R7: a snapshot replaces all lines and adds up those it names twice. */
export function replaceLines(content: Content, named: Named): void {
  content.quantities.clear()
  addLines(content, named)
}

/** R4: folds `from` into `into`; with `replace` the lines of `from` take the place of those of `into`. */
export function mergeLines(into: Content, from: Content, policy: MergePolicy): void {
  if (policy === 'replace') into.quantities.clear()
  for (const [key, quantity] of from.quantities) {
    const held = into.quantities.get(key) ?? 0
    into.quantities.set(key, policy === 'sum' ? held + quantity : Math.max(held, quantity))
  }
  for (const [key, facts] of from.facts) {
    const known = into.facts.get(key)
    into.facts.set(key, known === undefined ? facts : laterFacts(known, facts))
  }
}

/** The lines as they are published: by productId, variantId (a line without variant first). */
export function linesOf(content: Content): CartLine[] {
  const lines: CartLine[] = []
  for (const [key, quantity] of content.quantities) {
    const facts = content.facts.get(key)
    if (facts !== undefined) lines.push(lineOf(facts, quantity))
  }
  return lines.sort(compareLines)
}

export function totalsOf(lines: readonly CartLine[]): Totals {
  const sums = new Map<string | null, number>()
  let isKnown = true
  for (const line of lines) {
    if (line.valueMinor === null) isKnown = false
    sums.set(line.currency, (sums.get(line.currency) ?? 0) + (line.valueMinor ?? 0))
  }
  const currencyMixed = sums.size > 1
  const [only] = sums.keys()
  return {
    valueMinor: isKnown && !currencyMixed ? (sums.get(only ?? null) ?? 0) : null,
    currency: currencyMixed ? null : (only ?? null),
    currencyMixed,
    // A cart with an unknown line counts as cart, not as value (R9).
    valueByCurrency: isKnown ? byCurrency(sums) : [],
  }
}

/** The value right now; null while unknown or mixed. */
export function valueOf(content: Content): number | null {
  return totalsOf(linesOf(content)).valueMinor
}

/** R10: the one currency of the cart, which events without one of their own mean (events.md 1.3, view_cart). */
export function currencyOf(content: Content): string | undefined {
  return totalsOf(linesOf(content)).currency ?? undefined
}

/** R17: whether an order names a product that lies in the cart. */
export function sharesProduct(content: Content, items: readonly CartItem[]): boolean {
  for (const key of content.quantities.keys()) {
    const productId = content.facts.get(key)?.productId
    if (items.some((item) => item.productId === productId)) return true
  }
  return false
}

function learn(content: Content, item: CartItem, { currency, at }: Named): string {
  const variantId = item.variantId ?? null
  const key = variantId === null ? item.productId : `${item.productId}\n${variantId}`
  const known = content.facts.get(key)
  content.facts.set(key, {
    productId: item.productId,
    variantId,
    price: priceOf(item, at) ?? known?.price ?? null,
    currency: currency === undefined ? (known?.currency ?? null) : { code: currency, at },
    list: item.listPrice === undefined ? (known?.list ?? null) : { ...item.listPrice, at },
  })
  return key
}

function priceOf(item: CartItem, at: number): LineFacts['price'] {
  if (item.unitPriceMinor === undefined) return null
  return { unitPriceMinor: item.unitPriceMinor, discountMinor: item.discountMinor ?? 0, at }
}

function laterFacts(a: LineFacts, b: LineFacts): LineFacts {
  return {
    ...a,
    price: later(a.price, b.price),
    currency: later(a.currency, b.currency),
    list: later(a.list, b.list),
  }
}

function later<T extends { at: number }>(a: T | null, b: T | null): T | null {
  if (a === null || b === null) return a ?? b
  return b.at > a.at ? b : a
}

function lineOf(facts: LineFacts, quantity: number): CartLine {
  const currency = facts.currency?.code ?? null
  const price = facts.price ?? listPriceOf(facts, currency)
  // An amount without a currency is no money: its value is unknown.
  const isKnown = price !== null && currency !== null
  return {
    productId: facts.productId,
    variantId: facts.variantId,
    quantity,
    unitPriceMinor: price?.unitPriceMinor ?? null,
    discountMinor: price?.discountMinor ?? null,
    valueMinor: isKnown ? quantity * (price.unitPriceMinor - price.discountMinor) : null,
    currency,
  }
}

/** R9: nobody gave a price; the catalogue's, if it is in the line's currency. */
function listPriceOf(
  { list }: LineFacts,
  currency: string | null,
): { unitPriceMinor: number; discountMinor: number } | null {
  if (list === null || list.currency !== currency) return null
  return { unitPriceMinor: list.unitPriceMinor, discountMinor: 0 }
}

function compareLines(a: CartLine, b: CartLine): number {
  return (
    compareBytes(a.productId, b.productId) || compareBytes(a.variantId ?? '', b.variantId ?? '')
  )
}

function byCurrency(sums: Map<string | null, number>): CurrencyValue[] {
  const values: CurrencyValue[] = []
  for (const [currency, valueMinor] of sums) {
    if (currency !== null) values.push({ currency, valueMinor })
  }
  return values.sort((a, b) => compareBytes(a.currency, b.currency))
}
