// The catalogue: one NDJSON line per product, currency and price, each price valid from a time on. Shop and processor
// read it at start; after that it is a pure look-up. The default beside this file is of a shop that does not exist.
// Lines of one product repeat its name, brand, category and variants; the last line read wins for those.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { OperatingError } from '../base/errors.ts'

/** As it stands in the file. Only productId, unitPriceMinor and currency are needed. */
export interface CatalogueLine {
  productId: string
  name?: string
  brand?: string
  /** A path with `/`. */
  category?: string
  variants?: readonly string[]
  unitPriceMinor: number
  currency: string
  /** Since always, if absent. */
  validFrom?: string
}

export interface ListPrice {
  unitPriceMinor: number
  currency: string
}

export interface Product {
  productId: string
  name: string
  brand: string | null
  category: string | null
  variants: readonly string[]
}

export interface Catalogue {
  /** In the order of the file. */
  readonly products: readonly Product[]
  product(productId: string): Product | undefined
  /**
   * The list price that held at a time; of a product with prices in several currencies the one in `currency`, else in
   * the currency of its first line. Null: unknown product, or no price yet.
   */
  listPriceAt(productId: string, timeMs: number, currency?: string): ListPrice | null
}

interface DatedPrice {
  fromMs: number
  price: ListPrice
}

export const defaultCataloguePath = fileURLToPath(new URL('catalogue.ndjson', import.meta.url))

export function loadCatalogue(path: string = defaultCataloguePath): Catalogue {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new OperatingError('the catalogue cannot be read', {
      where: path,
      hint: 'SLIPWAY_CATALOGUE names the file; without it the default is used',
      cause: error,
    })
  }
  return createCatalogue(parseCatalogue(text, path))
}

export function parseCatalogue(text: string, where = 'catalogue'): CatalogueLine[] {
  return text
    .split('\n')
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => parseLine(line, `${where}:${number}`))
}

export function createCatalogue(lines: readonly CatalogueLine[]): Catalogue {
  const products = new Map<string, Product>()
  const prices = new Map<string, Map<string, DatedPrice[]>>()
  for (const line of lines) {
    products.set(line.productId, productOf(line))
    addPrice(prices, line)
  }
  return {
    products: [...products.values()],
    product: (productId) => products.get(productId),
    listPriceAt(productId, timeMs, currency) {
      const byCurrency = prices.get(productId)
      if (!byCurrency) return null
      const dated =
        (currency === undefined ? undefined : byCurrency.get(currency)) ??
        byCurrency.values().next().value
      return dated?.findLast(({ fromMs }) => fromMs <= timeMs)?.price ?? null
    },
  }
}

function parseLine(text: string, where: string): CatalogueLine {
  const hint = 'each line is {"productId","unitPriceMinor","currency","validFrom", …}'
  let line: Partial<CatalogueLine>
  try {
    line = JSON.parse(text) as Partial<CatalogueLine>
  } catch (error) {
    throw new OperatingError('a catalogue line is no JSON', { where, hint, cause: error })
  }
  const complete =
    typeof line.productId === 'string' &&
    Number.isSafeInteger(line.unitPriceMinor) &&
    (line.unitPriceMinor as number) >= 0 &&
    typeof line.currency === 'string' &&
    (line.validFrom === undefined || !Number.isNaN(Date.parse(line.validFrom)))
  if (!complete) throw new OperatingError('a catalogue line is incomplete', { where, hint })
  return line as CatalogueLine
}

function productOf(line: CatalogueLine): Product {
  return {
    productId: line.productId,
    name: line.name ?? line.productId,
    brand: line.brand ?? null,
    category: line.category ?? null,
    variants: line.variants ?? [],
  }
}

function addPrice(prices: Map<string, Map<string, DatedPrice[]>>, line: CatalogueLine): void {
  const byCurrency = prices.get(line.productId) ?? new Map<string, DatedPrice[]>()
  prices.set(line.productId, byCurrency)
  const dated = byCurrency.get(line.currency) ?? []
  byCurrency.set(line.currency, dated)
  const fromMs = line.validFrom === undefined ? -Infinity : Date.parse(line.validFrom)
  const { unitPriceMinor, currency } = line
  dated.push({ fromMs, price: { unitPriceMinor, currency } })
  dated.sort((a, b) => a.fromMs - b.fromMs)
}
