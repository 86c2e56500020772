// RFC 3339 in, UTC milliseconds out.
import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { canonicalTime, parseTime } from './time.ts'

describe('parseTime', () => {
  test('agrees with the language on every time from 1970 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
        const text = new Date(ms).toISOString()
        expect(parseTime(text)).toBe(ms)
        expect(canonicalTime(text, ms)).toBe(text)
      }),
    )
  })

  test.each([
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['2024-05-06T10:00:00.1Z', '2024-05-06T10:00:00.100Z'],
    ['2024-05-06T10:00:00.123456789Z', '2024-05-06T10:00:00.123Z'],
    ['2024-05-06T00:30:00+01:00', '2024-05-05T23:30:00.000Z'],
    ['2024-05-06T23:30:00-05:45', '2024-05-07T05:15:00.000Z'],
    ['2024-05-06 10:00:00Z', '2024-05-06T10:00:00.000Z'],
    ['1970-01-01T00:00:00-00:00', '1970-01-01T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    const ms = parseTime(text)
    expect(canonicalTime(text, ms as number)).toBe(expected)
  })

  test.each([
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-05-00T00:00:00Z',
    '2024-05-06T24:00:00Z',
    '2024-05-06T10:60:00Z',
    '2024-05-06T10:00:60Z',
    '2024-05-06T10:00:00',
    '2024-05-06T10:00:00.Z',
    '2024-05-06T10:00:00.000',
    '2024-05-06T10:00:00+0100',
    '2024-05-06T10:00:00+24:00',
    '2024-05-06T10:00:00ZZ',
    '2024-05-06T10:00Z',
    '2024-05-06',
    '20x4-05-06T10:00:00Z',
    '2024-5-06T10:00:00Z0',
    '1969-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00+00:01',
    'yesterday',
    '',
  ])('"%s" is no time', (text) => {
    expect(parseTime(text)).toBeUndefined()
  })
})
