import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OffsetWindow } from './offset-window.ts'

const at = 'orders-0'
const seen = (window: OffsetWindow, offset: number) => window.seen(at, offset)

test('a record is new once, in whatever order records and copies come', () => {
  const offsets = fc.array(fc.nat({ max: 60 }), { maxLength: 300 })
  fc.assert(
    fc.property(offsets, (list) => {
      const window = new OffsetWindow()
      const before = new Set<number>()
      for (const offset of list) {
        expect(seen(window, offset)).toBe(before.has(offset))
        before.add(offset)
      }
    }),
  )
})

test('partitions are apart', () => {
  const window = new OffsetWindow()
  expect(window.seen('orders-0', 7)).toBe(false)
  expect(window.seen('orders-1', 7)).toBe(false)
  expect(window.seen('refunds-0', 7)).toBe(false)
  expect(window.seen('orders-0', 7)).toBe(true)
})

test('what has come without a gap since the first record is below the watermark', () => {
  const window = new OffsetWindow()
  expect(window.watermark(at)).toBeUndefined()
  for (const offset of [5, 7, 6, 9]) seen(window, offset)
  expect(window.watermark(at)).toBe(8)
  seen(window, 8)
  expect(window.watermark(at)).toBe(10)
})

test('a record from before the first one is new, too', () => {
  const window = new OffsetWindow()
  expect([10, 3, 3, 10].map((offset) => seen(window, offset))).toEqual([false, false, true, true])
})

test('gaps that stay open are given up when there are too many, the lowest first', () => {
  const window = new OffsetWindow({ runsMax: 3 })
  for (const offset of [0, 2, 4, 6]) seen(window, offset)
  expect(window.watermark(at)).toBe(3)
  expect(window.givenUp).toBe(1)
  expect(seen(window, 1)).toBe(true)
  expect(seen(window, 3)).toBe(false)
})
