// The link: what it says, what it falls back to, and the time it stands for.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RangeSpec, UrlState } from './url-state.ts'
import {
  comparedSpan,
  compareChoices,
  defaults,
  grainChoices,
  grainFor,
  parseRange,
  parseUrl,
  printRange,
  printUrl,
  sourceChoices,
  spanOf,
  stepped,
  windowChoices,
} from './url-state.ts'

const nowMs = Date.parse('2026-11-24T12:34:56.000Z')
const zone = 'Europe/Amsterdam'
const iso = (ms: number) => new Date(ms).toISOString()
const minute = (text: string) => Date.parse(text)

describe('the link', () => {
  test('printed and read again is the same, whatever was chosen', () => {
    const range: fc.Arbitrary<RangeSpec> = fc.oneof(
      fc.record({
        kind: fc.constant('last' as const),
        amount: fc.integer({ min: 1, max: 9999 }),
        unit: fc.constantFrom('m', 'h', 'd', 'mo'),
      }),
      fc
        .tuple(fc.integer({ min: 0, max: 40_000_000 }), fc.integer({ min: 1, max: 100_000 }))
        .map(([from, length]) => ({
          kind: 'span' as const,
          fromMs: from * 60_000,
          toMs: (from + length) * 60_000,
        })),
      fc
        .integer({ min: 0, max: 40_000_000 })
        .map((from) => ({ kind: 'span' as const, fromMs: from * 60_000, toMs: 'now' as const })),
    )
    const state: fc.Arbitrary<UrlState> = fc.record({
      source: fc.constantFrom(...sourceChoices),
      range,
      zone: fc.constantFrom('', 'UTC', 'Europe/Amsterdam', 'America/Argentina/Buenos_Aires'),
      grain: fc.constantFrom(...grainChoices),
      compare: fc.constantFrom(...compareChoices),
      currency: fc.constantFrom('', 'EUR', 'JPY'),
      windowMin: fc.constantFrom(...windowChoices),
    })
    fc.assert(
      fc.property(state, (given) => {
        expect(parseUrl(printUrl(given))).toEqual({ state: given, problems: [] })
      }),
    )
  })

  test('the usual setting needs no words', () => expect(printUrl(defaults)).toBe(''))

  test('what makes no sense falls back and is told', () => {
    const { state, problems } = parseUrl(
      '?src=moon&r=yesterday&tz=Mars/Base&g=year&cmp=x&cur=euro&w=7',
    )
    expect(state).toEqual(defaults)
    expect(problems).toHaveLength(7)
    expect(problems[0]).toContain('src=moon')
  })

  test.each([
    ['last 36 h', { kind: 'last', amount: 36, unit: 'h' }],
    ['3 weeks', { kind: 'last', amount: 21, unit: 'd' }],
    ['2 months', { kind: 'last', amount: 2, unit: 'mo' }],
    ['90min', { kind: 'last', amount: 90, unit: 'm' }],
    ['0d', undefined],
    ['2026-11-08..2026-11-01', undefined],
    ['2026-11-01..2026-11-08..2026-11-09', undefined],
    ['', undefined],
  ])('“%s” is read', (text, range) => expect(parseRange(text)).toEqual(range))
})

describe('a range in time', () => {
  test('of days is whole days of the zone, today included', () => {
    const span = spanOf({ kind: 'last', amount: 7, unit: 'd' }, nowMs, zone)
    expect(iso(span.fromMs)).toBe('2026-11-17T23:00:00.000Z')
    expect(iso(span.toMs)).toBe('2026-11-24T12:35:00.000Z')
    expect(span.endsNow).toBe(true)
  })

  test('of hours rolls with the clock', () => {
    const span = spanOf({ kind: 'last', amount: 6, unit: 'h' }, nowMs, zone)
    expect(span.toMs - span.fromMs).toBe(6 * 3_600_000)
  })

  test('is compared with as much time as has passed', () => {
    const range: RangeSpec = { kind: 'last', amount: 7, unit: 'd' }
    const span = spanOf(range, nowMs, zone)
    const before = comparedSpan(span, 'prev', range, zone)
    expect(before && [iso(before.fromMs), iso(before.toMs)]).toEqual([
      '2026-11-10T23:00:00.000Z',
      '2026-11-17T12:35:00.000Z',
    ])
    const year = comparedSpan(span, 'year', range, zone)
    expect(year && new Date(year.fromMs).getUTCDay()).toBe(new Date(span.fromMs).getUTCDay())
    expect(comparedSpan(span, 'none', range, zone)).toBeUndefined()
  })

  test('over the change of the clocks is compared by the wall clock', () => {
    const range: RangeSpec = { kind: 'last', amount: 2, unit: 'd' }
    const span = spanOf(range, minute('2026-03-29T10:00:00Z'), zone)
    const before = comparedSpan(span, 'week', range, zone)
    expect(before && iso(before.fromMs)).toBe('2026-03-20T23:00:00.000Z')
    expect(before && iso(before.toMs)).toBe('2026-03-22T11:01:00.000Z')
  })

  test.each([
    ['1h', 'minute'],
    ['24h', 'hour'],
    ['7d', 'day'],
    ['90d', 'day'],
    ['12mo', 'week'],
  ])('of %s is shown by %s', (text, grain) => {
    const span = spanOf(parseRange(text) as RangeSpec, nowMs, zone)
    expect(grainFor('auto', span)).toBe(grain)
  })

  test('a grain that would make more points than a chart holds is not taken', () => {
    const span = spanOf({ kind: 'last', amount: 90, unit: 'd' }, nowMs, zone)
    expect(grainFor('minute', span)).toBe('day')
    expect(grainFor('week', span)).toBe('week')
  })

  test('a step back and forth again ends where it began, and never in the future', () => {
    const back = stepped({ kind: 'last', amount: 6, unit: 'h' }, -1, nowMs, zone)
    expect(printRange(back)).toBe('2026-11-24T00:35Z..2026-11-24T06:35Z')
    expect(printRange(stepped(back, 1, nowMs, zone))).toBe('2026-11-24T06:35Z..now')
    const last: RangeSpec = { kind: 'last', amount: 6, unit: 'h' }
    expect(stepped(last, 1, nowMs, zone)).toBe(last)
  })
})
