// Decimal text in, minor units out.
import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { currencyDigits } from './currency.ts'
import { minorUnits } from './money.ts'

describe('minorUnits', () => {
  test.each([
    ['19.99', 2, 1999, false],
    ['1000', 0, 1000, false],
    ['1.234', 3, 1234, false],
    ['33.333', 2, 3333, true],
    ['0.005', 2, 1, true],
    ['0.0049', 2, 0, true],
    ['1.005', 2, 101, true],
    ['19.990000', 2, 1999, false],
    ['1999.0', 0, 1999, false],
    ['1e3', 2, 100_000, false],
    ['1.5E-1', 2, 15, false],
    ['0', 2, 0, false],
    ['-0.00', 2, 0, false],
    ['+5', 2, 500, false],
    ['.5', 2, 50, false],
    ['5.', 2, 500, false],
    ['0.30000000000000004', 2, 30, true],
    ['90071992547409.91', 2, 9_007_199_254_740_991, false],
    ['000000000000000000001', 2, 100, false],
  ])('%s with %i digits is %i', (text, digits, minor, rounded) => {
    expect(minorUnits(text, digits)).toEqual({ minor, rounded })
  })

  test.each([
    '',
    '.',
    '-1',
    '-0.01',
    '1,5',
    '1e400',
    '90071992547409.92',
    'x',
    '0x10',
    '1 ',
    'NaN',
  ])('"%s" is no amount', (text) => {
    expect(minorUnits(text, 2)).toBeUndefined()
  })

  test('an amount of any currency, written out, comes back', () => {
    const amount = fc.record({
      minor: fc.maxSafeNat(),
      currency: fc.constantFrom('JPY', 'EUR', 'KWD', 'CLF'),
    })
    fc.assert(
      fc.property(amount, ({ minor, currency }) => {
        const digits = currencyDigits(currency) ?? Number.NaN
        const padded = String(minor).padStart(digits + 1, '0')
        const point = padded.length - digits
        const text = `${padded.slice(0, point)}${digits > 0 ? '.' : ''}${padded.slice(point)}`
        expect(minorUnits(text, digits)).toEqual({ minor, rounded: false })
      }),
    )
  })
})
