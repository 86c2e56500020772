// Arithmetic on answers of history.

import { describe, expect, test } from 'vitest'
import type { Bucket, MetricAnswer } from '../../../../stack/contract/metrics/definition.ts'
import {
  alignedValues,
  csvText,
  darkestFrom,
  heatCells,
  inOrder,
  isSplit,
  keyLabel,
  longLabel,
  ranking,
} from './figures.ts'

const bucket = (from: string, to: string, value: number | null): Bucket => ({
  from,
  to,
  value,
  numerator: value ?? 0,
  denominator: null,
  provisional: false,
})
const answer = (numerator: number, keys: readonly [string | null, number][]) =>
  ({
    numerator,
    by: keys.map(([key, value]) => ({
      key,
      value,
      numerator: value,
      denominator: null,
      buckets: [],
    })),
  }) as unknown as MetricAnswer

describe('a ranking', () => {
  test('shows the largest, their share of the whole and the change; the rest in one row', () => {
    const now = answer(100, [
      ['a', 50],
      ['b', 30],
      [null, 15],
      ['c', 5],
    ])
    const before = answer(10, [['b', 10]])
    expect(ranking(now, before, 3)).toEqual([
      { key: 'a', restOf: 0, value: 50, share: 0.5, before: 0 },
      { key: 'b', restOf: 0, value: 30, share: 0.3, before: 10 },
      { key: null, restOf: 0, value: 15, share: 0.15, before: 0 },
      { key: null, restOf: 1, value: 5, share: 0.05, before: null },
    ])
  })

  test('of nothing has no shares', () => {
    expect(ranking(answer(0, [['a', 0]]), undefined, 3)).toEqual([
      { key: 'a', restOf: 0, value: 0, share: null, before: null },
    ])
  })

  test('names countries, says in words what nobody said, and is no split where nobody said anything', () => {
    expect(keyLabel('country', 'NL')).toBe('Netherlands')
    expect(keyLabel('country', null)).toBe('not known')
    expect(keyLabel('campaign_source', null)).toBe('no campaign')
    expect(keyLabel('device', 'tablet')).toBe('tablet')
    expect(isSplit(ranking(answer(5, [[null, 5]]), undefined, 3))).toBe(false)
    expect(isSplit(ranking(answer(5, [['a', 5]]), undefined, 3))).toBe(true)
  })
})

describe('bands', () => {
  test('come in their order, unknown ones behind', () => {
    const rows = [{ key: '100 +' }, { key: 'odd' }, { key: '< 10' }]
    expect(inOrder(rows, ['< 10', '100 +']).map(({ key }) => key)).toEqual(['< 10', '100 +', 'odd'])
  })
})

describe('columns', () => {
  test('a shorter comparison leaves gaps, a longer one is cut', () => {
    const buckets = [bucket('', '', 1), bucket('', '', null)]
    expect([...alignedValues(buckets, 3)]).toEqual([1, NaN, NaN])
    expect([...alignedValues(buckets, 1)]).toEqual([1])
    expect([...alignedValues(undefined, 1)]).toEqual([NaN])
  })

  test('a provisional bucket says so in its name', () => {
    const day = bucket('2026-11-23T23:00:00Z', '2026-11-24T23:00:00Z', 1)
    expect(longLabel(day, 'day', 'Europe/Amsterdam')).toBe('Tue, 24 Nov 2026')
    expect(longLabel({ ...day, provisional: true }, 'day', 'Europe/Amsterdam')).toContain(
      '(provisional)',
    )
  })
})

describe('the heat map', () => {
  test('is darkest from the busiest twentieth on, so that one hour does not make all others pale', () => {
    const hours = Array.from({ length: 100 }, (_, i) => i + 1)
    expect(darkestFrom([...hours, 9000])).toBe(96)
    expect(darkestFrom([0, 0])).toBe(0)
  })

  test('is by weekday and hour of the zone; an hour under way counts by its part', () => {
    const hours = [
      bucket('2026-11-23T23:00:00Z', '2026-11-24T00:00:00Z', 10),
      bucket('2026-11-16T23:00:00Z', '2026-11-17T00:00:00Z', 30),
      bucket('2026-11-24T00:00:00Z', '2026-11-24T01:00:00Z', 5),
      bucket('2026-11-24T01:00:00Z', '2026-11-24T02:00:00Z', 9),
    ]
    const until = Date.parse('2026-11-24T00:30:00Z')
    const cells = heatCells(hours, 'Europe/Amsterdam', until)
    expect(cells[1]?.[0]).toEqual({ sum: 40, hours: 2 })
    expect(cells[1]?.[1]).toEqual({ sum: 5, hours: 0.5 })
    expect(cells[1]?.[2]).toEqual({ sum: 0, hours: 0 })
  })

  test('on the night the clocks go back one hour of the week has two hours', () => {
    const hours = [
      bucket('2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z', 1),
      bucket('2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z', 2),
    ]
    expect(heatCells(hours, 'Europe/Amsterdam', Infinity)[6]?.[2]).toEqual({ sum: 3, hours: 2 })
  })
})

describe('an export', () => {
  test('says what it stands on, and runs nothing in a spreadsheet', () => {
    const text = csvText(
      [['range', 'a to b']],
      ['key', 'value'],
      [
        ['=HYPERLINK("x")', 1.5],
        ['a,b "c"', null],
        ['-1', NaN],
      ],
    )
    expect(text).toBe(
      '# range: a to b\r\nkey,value\r\n"\'=HYPERLINK(""x"")",1.5\r\n"a,b ""c""",\r\n\'-1,\r\n',
    )
  })
})
