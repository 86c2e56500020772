// Numbers as the page prints them.

import { describe, expect, test } from 'vitest'
import { axisMoney, count, duration, exact, exactMoney, money, percent } from './format.ts'

describe('numbers', () => {
  test.each([
    [0, '0'],
    [3, '3'],
    [2.456, '2.46'],
    [99.96, '100'],
    [739, '739'],
    [12345.6, '12,346'],
    [99_999, '99,999'],
    [100_000, '100K'],
    [1_234_567, '1.235M'],
    [-42, '−42'],
    [null, '—'],
    [undefined, '—'],
    [NaN, '—'],
  ])('a count of %s is %s', (value, text) => expect(count(value)).toBe(text))

  test.each([
    [0, 'EUR', '€0.00'],
    [1999, 'EUR', '€19.99'],
    [123_456, 'EUR', '€1,235'],
    [15_120_000, 'EUR', '€151.2K'],
    [500, 'JPY', '¥500'],
    [1234, 'KWD', 'KWD 1.234'],
    [-1999, 'EUR', '−€19.99'],
    [null, 'EUR', '—'],
  ])('%s minor units of %s are %s on a tile', (minor, currency, text) =>
    expect(money(minor, currency).replaceAll('\u00a0', ' ')).toBe(text),
  )

  test('every digit of an amount is there on hover, and of a mean two more', () => {
    expect(exactMoney(15_120_049, 'EUR')).toBe('€151,200.49')
    expect(exactMoney(1234.5678, 'EUR')).toBe('€12.3457')
  })

  test('an axis has no fractions where its steps are whole', () => {
    expect([0, 500, 2_000_00, 30_000_00].map((minor) => axisMoney(minor, 'EUR'))).toEqual([
      '€0',
      '€5.00',
      '€2,000',
      '€30K',
    ])
  })

  test.each([
    [0, '0.0 %'],
    [0.7019, '70.2 %'],
    [0.0042, '0.42 %'],
    [-0.5, '−50.0 %'],
    [null, '—'],
  ])('a rate of %s is %s', (ratio, text) => expect(percent(ratio)).toBe(text))

  test.each([
    [800, '0.8 s'],
    [42_000, '42 s'],
    [200_000, '3 min 20 s'],
    [180_000, '3 min'],
    [18_600_000, '5 h 10 min'],
    [273_600_000, '3 d 4 h'],
    [-1500, '−1.5 s'],
  ])('%s ms are %s', (ms, text) => expect(duration(ms)).toBe(text))

  test('exact keeps what a computer keeps', () => expect(exact(0.1)).toBe('0.1'))
})
