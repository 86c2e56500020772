// Figures of Live from a frame.

import { describe, expect, test } from 'vitest'
import type { LiveFrame } from '../../../api/live/frame.ts'
import { LiveState } from '../../live/rings.ts'
import { abandonmentPoints, purchaseColumns, ratio, wilson } from './figures.ts'
import { usual } from './yesterday.ts'

const nowMs = Date.parse('2026-11-24T12:00:00.500Z')
const second = Math.floor(nowMs / 1000)
const minute = Math.floor(nowMs / 60_000)
const frame = { nowMs } as LiveFrame

describe('figures', () => {
  test('a ratio is one division, and nothing over nothing is nothing', () => {
    expect(ratio(1, 3)).toBe(1 / 3)
    expect(ratio(0, 0)).toBeNull()
  })

  test('purchases per second cover the window up to now; the mean weighs near seconds more', () => {
    const rows = new LiveState()
    rows.seconds.apply({ at: [second - 10], orders: [5], events: [0] })
    const columns = purchaseColumns(frame, rows, 1)
    expect(columns.x).toHaveLength(60)
    expect(columns.toMs).toBe(second * 1000)
    const at = columns.x.indexOf((second - 10) * 1000)
    expect(columns.perSecond[at]).toBe(5)
    expect([-5, -4, 0, 4, 5].map((by) => columns.mean[at + by])).toEqual([0, 0.2, 1, 0.2, 0])
  })

  test('a steady rate is a level line to its end: seconds to come are not counted as empty', () => {
    const rows = new LiveState()
    const at = Array.from({ length: 120 }, (_, i) => second - 119 + i)
    rows.seconds.apply({ at, orders: at.map(() => 1), events: at.map(() => 0) })
    expect([...purchaseColumns(frame, rows, 1).mean]).toEqual(Array(60).fill(1))
  })

  test('an examined stretch is shown second by second, from its first to its last', () => {
    const rows = new LiveState()
    rows.seconds.apply({ at: [second - 500], orders: [2], events: [0] })
    const examined = { fromMs: (second - 510) * 1000, toMs: (second - 491) * 1000 }
    const columns = purchaseColumns(frame, rows, 60, examined)
    expect(columns.x).toHaveLength(20)
    expect([columns.fromMs, columns.toMs]).toEqual([examined.fromMs, examined.toMs])
    expect(columns.perSecond[10]).toBe(2)
  })

  test('an hour is shown in steps of five seconds, as rates per second', () => {
    const rows = new LiveState()
    const start = Math.floor(second / 5) * 5 - 100
    rows.seconds.apply({ at: [start, start + 4], orders: [3, 2], events: [0, 0] })
    const columns = purchaseColumns(frame, rows, 60)
    expect(columns.x).toHaveLength(720)
    expect(columns.perSecond[columns.x.indexOf(start * 1000)]).toBe(1)
  })

  test('each point of the abandonment rate is over 15 minutes, with its interval; none is a gap', () => {
    const rows = new LiveState()
    const empty = { orders: [0, 0], grossMinor: [0, 0], sessions: [0, 0], sessionsClosed: [0, 0] }
    rows.minutes.apply({
      ...empty,
      at: [minute - 20, minute],
      abandoned: [3, 1],
      converted: [1, 1],
      sessionsBought: [0, 0],
    })
    const points = abandonmentPoints(frame, rows)
    expect(points).toHaveLength(60)
    expect(points[59]).toMatchObject({ abandoned: 1, converted: 1, rate: 0.5 })
    expect(points[39]?.rate).toBe(0.75)
    expect(points[53]?.rate).toBe(0.75)
    expect(points[54]?.rate).toBeNaN()
    expect(points[38]?.rate).toBeNaN()
  })

  test('Wilson’s interval stays inside 0 and 1 and narrows with n', () => {
    const { low, high } = wilson(7, 10)
    expect(low).toBeCloseTo(0.397, 3)
    expect(high).toBeCloseTo(0.892, 3)
    expect(wilson(0, 5).low).toBe(0)
    expect(wilson(5, 5).high).toBe(1)
    expect(wilson(0, 0).low).toBeNaN()
  })

  test('what is usual needs three days, and one wild day does not move it', () => {
    expect(usual([1, 2])).toBeUndefined()
    expect(usual([2, 2, 2])).toEqual({ low: 2, high: 2 })
    const band = usual([4, 5, 6, 5, 500])
    expect(band?.high).toBeCloseTo(5 + 2 * 1.4826, 4)
    expect(band?.low).toBeCloseTo(5 - 2 * 1.4826, 4)
  })
})
