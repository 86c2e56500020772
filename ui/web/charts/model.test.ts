// Scales, ticks and options of charts.

import { describe, expect, test } from 'vitest'
import { palettes } from '../parts/palette.ts'
import type { ChartModel } from './model.ts'
import { emptyModel, largest, lowest, nearest, niceScale, SteadyScale } from './model.ts'
import { changingOption, fullOption, structureOf } from './option.ts'
import { sparkPath } from './sparkline.ts'
import { bucketTicks, timeTicks } from './ticks.ts'

const column = (...values: number[]) => Float64Array.from(values)
const series = (id: string, values: Float64Array, further: object = {}) => ({
  id,
  name: id,
  kind: 'line' as const,
  color: 1,
  values,
  format: String,
  ...further,
})
const model = (part: Partial<ChartModel>): ChartModel => ({ ...emptyModel, ...part })

describe('a scale', () => {
  test.each([
    [0, 0, 0, 1, 0.5],
    [0, NaN, 0, 1, 0.5],
    [0, 1, 0, 1, 0.25],
    [0, 7, 0, 8, 2],
    [0, 100, 0, 100, 25],
    [0, 0.13, 0, 0.15, 0.05],
    [0, 1_234_567, 0, 1_500_000, 500_000],
    [-1_234_567, 0, -1_500_000, 0, 500_000],
    [-30, 100, -50, 100, 50],
    [-800, 1, -1000, 250, 250],
  ])('from %s to %s begins at %s, and ends at %s in steps of %s', (min, max, from, to, step) => {
    const scale = niceScale(max, min)
    expect(scale.min).toBeCloseTo(from, 9)
    expect(scale.max).toBeCloseTo(to, 9)
    expect(scale.step).toBeCloseTo(step, 9)
  })

  test('grows at once and shrinks only after ten seconds of less', () => {
    const steady = new SteadyScale()
    expect(steady.next(80, 0, 0).max).toBe(80)
    expect(steady.next(150, 0, 1000).max).toBe(150)
    expect(steady.next(10, 0, 2000).max).toBe(150)
    expect(steady.next(10, 0, 11_999).max).toBe(150)
    expect(steady.next(10, 0, 12_000).max).toBe(10)
  })

  test('grows downwards at once, too', () => {
    const steady = new SteadyScale()
    steady.next(100, 0, 0)
    expect(steady.next(100, -100, 1)).toEqual({ min: -100, max: 100, step: 50 })
  })

  test('an empty chart fixes no scale', () => {
    const steady = new SteadyScale()
    expect(steady.next(0, 0, 0).max).toBe(1)
    expect(steady.next(0.2, 0, 100).max).toBeCloseTo(0.2)
  })

  test('a short peak starts the wait again', () => {
    const steady = new SteadyScale()
    steady.next(100, 0, 0)
    steady.next(10, 0, 1000)
    steady.next(100, 0, 10_500)
    expect(steady.next(10, 0, 11_500).max).toBe(100)
  })

  test('holds stacks added up, bands to their upper edge, and ignores what is in the background', () => {
    const stacked = { stack: 's' }
    expect(
      largest(
        model({ series: [series('a', column(1, 5), stacked), series('b', column(4, 2), stacked)] }),
      ),
    ).toBe(7)
    expect(largest(model({ series: [series('a', column(1), { upper: column(9) })] }))).toBe(9)
    expect(largest(model({ series: [series('a', column(50), { isBackground: true })] }))).toBe(0)
    expect(lowest(model({ series: [series('a', column(3, -2, NaN))] }))).toBe(-2)
  })
})

describe('the cursor', () => {
  test('finds the nearest place', () => {
    const x = column(0, 10, 20)
    expect([-5, 4, 6, 15.1, 99].map((at) => nearest(x, at))).toEqual([0, 0, 1, 2, 2])
  })
})

describe('ticks', () => {
  test('are round by the clock of the zone, also where it is half an hour off', () => {
    const from = Date.parse('2026-11-24T12:03:10Z')
    const ticks = timeTicks(from, from + 15 * 60_000, 'Asia/Kolkata')
    expect(ticks.map(({ label }) => label)).toEqual(['17:35', '17:40', '17:45'])
    const seconds = timeTicks(from + 1, from + 60_000, 'UTC')
    expect(seconds[0]?.label).toBe('12:03:20')
  })

  test('of buckets are every n-th', () => {
    const labels = Array.from({ length: 20 }, (_, i) => String(i))
    expect(bucketTicks(labels, 5).map(({ at }) => at)).toEqual([0, 4, 8, 12, 16])
  })
})

describe('the option', () => {
  const two = model({
    x: column(1, 2),
    series: [
      series('a', column(1, 2)),
      series('b', column(0, 1), { kind: 'band', upper: column(2, 3) }),
    ],
  })

  test('has the columns as they are, and a band as its height', () => {
    const option = changingOption(two, palettes.light, niceScale(3))
    expect(option.dataset.source['a']).toBe(two.series[0]?.values)
    expect([...(option.dataset.source['b/height'] ?? [])]).toEqual([2, 2])
    expect(option).not.toHaveProperty('series')
    expect(fullOption(two, palettes.light, niceScale(3)).series).toHaveLength(3)
  })

  test('changes its structure with the series, not with their numbers', () => {
    const moved = { ...two, series: two.series.map((each) => ({ ...each, values: column(7, 8) })) }
    expect(structureOf(moved)).toBe(structureOf(two))
    expect(structureOf({ ...two, series: two.series.slice(1) })).not.toBe(structureOf(two))
  })
})

describe('a sparkline', () => {
  test('breaks where data is missing, and of one value is nothing', () => {
    expect(sparkPath([1, NaN, 2, 3])).toMatch(/^M0\.0 [\d.]+M64\.0 [\d.]+L96\.0 [\d.]+$/)
    expect(sparkPath([1])).toBe('')
    expect(sparkPath([0, 0])).toBe('M0.0 26.0L96.0 26.0')
  })
})
