import { expect, test } from 'vitest'
import { minuteMs } from '#stack/base/units.ts'
import { RightOfWay } from './right-of-way.ts'

test('what is a second of a busy shop behind goes on', () => {
  expect(new RightOfWay().givesWay(20_000, 0)).toBe(false)
})

test('a past that is being loaded goes first, for five minutes at most', () => {
  const way = new RightOfWay()
  expect(way.givesWay(500_000, minuteMs)).toBe(true)
  expect(way.givesWay(100_000, 6 * minuteMs - 1)).toBe(true)
  expect(way.givesWay(100_000, 6 * minuteMs)).toBe(false)
})

test('who caught up and falls behind again goes first again', () => {
  const way = new RightOfWay()
  expect(way.givesWay(500_000, 0)).toBe(true)
  expect(way.givesWay(0, 10 * minuteMs)).toBe(false)
  expect(way.givesWay(500_000, 11 * minuteMs)).toBe(true)
})
