// Rows by second: what a reader who missed frames is sent.

import { describe, expect, test } from 'vitest'
import { Columns } from './columns.ts'

const rows = () => new Columns(['orders', 'events'], 10)

describe('columns', () => {
  test('a row is sent to who has not seen the frame that changed it, and to nobody else', () => {
    const columns = rows()
    columns.set('orders', 100, 2, 1)
    columns.set('orders', 101, 3, 2)
    expect(columns.changedSince(0, 95, 105)).toEqual({
      at: [100, 101],
      orders: [2, 3],
      events: [0, 0],
    })
    expect(columns.changedSince(1, 95, 105).at).toEqual([101])
    expect(columns.changedSince(2, 95, 105).at).toEqual([])
  })

  test('writing the value that is already there changes nothing', () => {
    const columns = rows()
    columns.set('orders', 100, 2, 1)
    columns.set('orders', 100, 2, 7)
    expect(columns.changedSince(1, 95, 105).at).toEqual([])
  })

  test('a zero that was never anything else is not sent, one that was restated is', () => {
    const columns = rows()
    columns.set('orders', 100, 0, 1)
    expect(columns.changedSince(0, 95, 105).at).toEqual([])
    columns.set('orders', 100, 4, 1)
    columns.set('orders', 100, 0, 2)
    expect(columns.changedSince(1, 95, 105)).toEqual({ at: [100], orders: [0], events: [0] })
  })

  test('a row that took the place of an older one starts at zero', () => {
    const columns = rows()
    columns.set('orders', 100, 5, 1)
    columns.add('events', 110, 1, 2)
    expect(columns.get('orders', 110)).toBe(0)
    expect(columns.get('orders', 100)).toBe(0)
    expect(columns.holds(100)).toBe(false)
    expect(() => columns.set('orders', 100, 1, 3)).toThrow(/older than the ring/)
  })
})
