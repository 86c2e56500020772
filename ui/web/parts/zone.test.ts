// Days, weeks and months by the clock of a zone, daylight saving included.

import { describe, expect, test } from 'vitest'
import { addUnits, clockTime, fromWall, parts, startOf } from './zone.ts'

const amsterdam = 'Europe/Amsterdam'
const at = (text: string) => Date.parse(text)
const iso = (ms: number) => new Date(ms).toISOString()

describe('the zone', () => {
  test('a day starts at its own midnight, before and after the clocks change', () => {
    expect(iso(startOf('day', at('2026-03-29T12:00:00Z'), amsterdam))).toBe(
      '2026-03-28T23:00:00.000Z',
    )
    expect(iso(startOf('day', at('2026-03-30T12:00:00Z'), amsterdam))).toBe(
      '2026-03-29T22:00:00.000Z',
    )
  })

  test('a day further is 23 hours in spring and 25 in autumn', () => {
    const spring = at('2026-03-28T23:00:00Z')
    expect(addUnits(spring, 1, 'day', amsterdam) - spring).toBe(23 * 3_600_000)
    const autumn = at('2026-10-24T22:00:00Z')
    expect(addUnits(autumn, 1, 'day', amsterdam) - autumn).toBe(25 * 3_600_000)
    expect(addUnits(autumn, 25, 'hour', amsterdam)).toBe(addUnits(autumn, 1, 'day', amsterdam))
  })

  test('weeks start on Monday, months on the first', () => {
    const sunday = at('2026-11-22T10:00:00Z')
    expect(iso(startOf('week', sunday, 'UTC'))).toBe('2026-11-16T00:00:00.000Z')
    expect(iso(startOf('month', sunday, 'UTC'))).toBe('2026-11-01T00:00:00.000Z')
    expect(iso(addUnits(at('2026-01-15T06:00:00Z'), -1, 'month', 'UTC'))).toBe(
      '2025-12-15T06:00:00.000Z',
    )
  })

  test('hours of a zone with half an hour start at its full hour', () => {
    expect(iso(startOf('hour', at('2026-11-24T12:10:00Z'), 'Asia/Kolkata'))).toBe(
      '2026-11-24T11:30:00.000Z',
    )
  })

  test('a wall time that the clocks skip is the moment after the gap', () => {
    const ms = fromWall({ year: 2026, month: 3, day: 29, hour: 2, minute: 30 }, amsterdam)
    expect(clockTime(ms, amsterdam)).toBe('03:30:00')
  })

  test('parts are of the zone', () => {
    expect(parts(at('2026-12-31T23:30:00Z'), amsterdam)).toEqual({
      year: 2027,
      month: 1,
      day: 1,
      hour: 0,
      minute: 30,
      second: 0,
      weekday: 4,
    })
  })
})
