// The catalogue answers with the price that held at a time.
import { describe, expect, test } from 'vitest'
import { OperatingError } from '../base/errors.ts'
import { createCatalogue, loadCatalogue, parseCatalogue } from './catalogue.ts'

const atMs = (iso: string) => Date.parse(iso)

describe('a catalogue', () => {
  const catalogue = createCatalogue([
    {
      productId: 'P',
      unitPriceMinor: 1200,
      currency: 'EUR',
      validFrom: '2024-02-01T00:00:00.000Z',
    },
    {
      productId: 'P',
      unitPriceMinor: 1000,
      currency: 'EUR',
      validFrom: '2024-01-01T00:00:00.000Z',
    },
    { productId: 'P', unitPriceMinor: 1100, currency: 'USD' },
    { productId: 'K', unitPriceMinor: 700, currency: 'EUR' },
  ])

  test('gives the price that held at the time, from its first millisecond on', () => {
    const february = atMs('2024-02-01T00:00:00.000Z')
    expect(catalogue.listPriceAt('P', february)?.unitPriceMinor).toBe(1200)
    expect(catalogue.listPriceAt('P', february - 1)?.unitPriceMinor).toBe(1000)
    expect(catalogue.listPriceAt('P', atMs('2023-12-31T23:59:59.999Z'))).toBeNull()
  })

  test('prefers the currency asked for, else the currency of the first line', () => {
    const time = atMs('2024-03-01T00:00:00.000Z')
    expect(catalogue.listPriceAt('P', time, 'USD')).toEqual({
      unitPriceMinor: 1100,
      currency: 'USD',
    })
    expect(catalogue.listPriceAt('P', time, 'JPY')?.currency).toBe('EUR')
  })

  test('knows no price of an unknown product, and any time of an undated price', () => {
    expect(catalogue.listPriceAt('Z', 0)).toBeNull()
    expect(catalogue.listPriceAt('K', 0)?.unitPriceMinor).toBe(700)
  })

  test('names the line that is wrong', () => {
    const text = '{"productId":"P","unitPriceMinor":1,"currency":"EUR"}\n{"productId":"Q"}\n'
    expect(() => parseCatalogue(text, 'mine')).toThrow(OperatingError)
    expect(() => parseCatalogue('nope')).toThrow('a catalogue line is no JSON')
    expect(() => loadCatalogue('/does/not/exist')).toThrow('the catalogue cannot be read')
  })
})

describe('the default catalogue', () => {
  const catalogue = loadCatalogue()

  test('has about 120 products with a name, a brand, a category and a price in every currency', () => {
    expect(catalogue.products.length).toBeGreaterThanOrEqual(115)
    const time = atMs('2026-01-01T00:00:00.000Z')
    for (const { productId, name, brand, category } of catalogue.products) {
      expect([name, brand, category].every((text) => text !== null && text !== '')).toBe(true)
      for (const currency of ['EUR', 'USD', 'GBP', 'JPY']) {
        expect(catalogue.listPriceAt(productId, time, currency)?.currency).toBe(currency)
      }
    }
  })
})
