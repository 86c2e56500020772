import { describe, expect, test } from 'vitest'
import { bucketBounds, isZone, startOfDate } from './calendar.ts'
import type { Grain } from './metrics/definition.ts'

const bounds = (from: string, to: string, grain: Grain, zone: string, max = 1000) =>
  bucketBounds(Date.parse(from), Date.parse(to), { grain, zone, max })
const iso = (list: number[] | undefined) => list?.map((ms) => new Date(ms).toISOString())
const day = (date: string, zone: string) => new Date(startOfDate(date, zone)).toISOString()

describe('buckets', () => {
  test('are hours of a day, cut to the window at both ends', () => {
    const list = bounds('2024-05-06T10:30:00Z', '2024-05-06T12:15:00Z', 'hour', 'UTC')
    expect(iso(list)).toEqual([
      '2024-05-06T10:30:00.000Z',
      '2024-05-06T11:00:00.000Z',
      '2024-05-06T12:00:00.000Z',
      '2024-05-06T12:15:00.000Z',
    ])
  })

  test.each([
    ['2024-03-31', '2024-04-01', 23],
    ['2024-10-27', '2024-10-28', 25],
    ['2024-05-06', '2024-05-07', 24],
  ])('of the hours of %s in Berlin are %s up to %i', (from, to, hours) => {
    const zone = 'Europe/Berlin'
    expect(bounds(day(from, zone), day(to, zone), 'hour', zone)).toHaveLength(hours + 1)
    expect(bounds(day(from, zone), day(to, zone), 'day', zone)).toHaveLength(2)
  })

  test('begin at midnight of the zone, also around a change of the clocks', () => {
    const zone = 'America/New_York'
    expect(iso(bounds('2024-11-02T04:00:00Z', '2024-11-05T05:00:00Z', 'day', zone))).toEqual([
      '2024-11-02T04:00:00.000Z',
      '2024-11-03T04:00:00.000Z',
      '2024-11-04T05:00:00.000Z',
      '2024-11-05T05:00:00.000Z',
    ])
  })

  test('begin after midnight where the clocks skip it', () => {
    // Cairo goes from 23:59:59 on 25 April 2024 to 01:00 on the 26th.
    expect(day('2024-04-26', 'Africa/Cairo')).toBe('2024-04-25T22:00:00.000Z')
    const list = bounds('2024-04-24T22:00:00Z', '2024-04-26T21:00:00Z', 'day', 'Africa/Cairo')
    expect(iso(list)).toEqual([
      '2024-04-24T22:00:00.000Z',
      '2024-04-25T22:00:00.000Z',
      '2024-04-26T21:00:00.000Z',
    ])
  })

  test('are hours of a zone half an hour off', () => {
    const list = bounds('2024-05-06T18:30:00Z', '2024-05-06T20:30:00Z', 'hour', 'Asia/Kolkata')
    expect(iso(list)?.[1]).toBe('2024-05-06T19:30:00.000Z')
  })

  test('are weeks from Monday and months of the calendar', () => {
    expect(iso(bounds('2024-05-08T00:00:00Z', '2024-05-20T00:00:00Z', 'week', 'UTC'))).toEqual([
      '2024-05-08T00:00:00.000Z',
      '2024-05-13T00:00:00.000Z',
      '2024-05-20T00:00:00.000Z',
    ])
    expect(iso(bounds('2024-01-31T00:00:00Z', '2024-04-01T00:00:00Z', 'month', 'UTC'))).toEqual([
      '2024-01-31T00:00:00.000Z',
      '2024-02-01T00:00:00.000Z',
      '2024-03-01T00:00:00.000Z',
      '2024-04-01T00:00:00.000Z',
    ])
  })

  test('are none where there would be too many', () => {
    expect(
      bounds('2024-05-06T00:00:00Z', '2024-05-06T00:10:00Z', 'minute', 'UTC', 9),
    ).toBeUndefined()
    expect(
      bounds('2024-05-06T00:00:00Z', '2024-05-06T00:10:00Z', 'minute', 'UTC', 10),
    ).toHaveLength(11)
  })
})

test('a zone is one that Intl knows', () => {
  expect([isZone('Europe/Berlin'), isZone('Europe/Nowhere')]).toEqual([true, false])
})
