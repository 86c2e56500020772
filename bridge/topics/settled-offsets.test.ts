import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SettledOffsets } from './settled-offsets.ts'
import type { Taken } from './settled-offsets.ts'

const taken = (...offsets: number[]): Taken[] =>
  offsets.map((offset) => ({ offset, isSettled: false }))

test('the position is the first record that is not settled, in whatever order they are', () => {
  const settled = new SettledOffsets(10)
  const [a, b, c] = taken(10, 11, 14) as [Taken, Taken, Taken]
  settled.take([a, b, c], 15)
  expect(settled.position).toBe(10)
  settled.settle(b)
  expect(settled.position).toBe(10)
  settled.settle(a)
  expect(settled.position).toBe(14)
  settled.settle(c)
  expect(settled.position).toBe(15)
})

test('a batch without a record of its own is passed', () => {
  const settled = new SettledOffsets(3)
  settled.take([], 9)
  expect(settled.position).toBe(9)
})

test('a batch behind one that is not settled does not move the position', () => {
  const settled = new SettledOffsets(0)
  settled.take(taken(0), 1)
  settled.take([], 5)
  expect(settled.position).toBe(0)
  expect(settled.span).toBe(1)
})

test('nothing below the position is open, and what is at it is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3000 }),
      fc.infiniteStream(fc.nat()),
      (gaps, picks) => {
        let offset = 0
        const records = taken(...gaps.map((gap) => (offset += gap)))
        const settled = new SettledOffsets(0)
        settled.take(records, offset + 1)
        const open = [...records]
        for (const pick of picks.take(records.length)) {
          const [record] = open.splice(pick % open.length, 1)
          settled.settle(record as Taken)
          const least = open.reduce((min, each) => Math.min(min, each.offset), offset + 1)
          expect(settled.position).toBe(least)
        }
        expect(settled.span).toBe(0)
      },
    ),
    { numRuns: 20 },
  )
})
