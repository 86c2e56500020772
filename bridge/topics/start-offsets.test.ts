// Where a partition begins, told by a broker to which records are written between two questions.

import { expect, test } from 'vitest'
import { beginnings } from './start-offsets.ts'

/** Of one partition each: its end, and the first record of the time as the next question finds it. */
function asked(...partitions: [end: number, found: number][]) {
  const admin = {
    endOffsets: async () => partitions.map(([end]) => end),
    offsetsAt: async () => partitions.map(([, found]) => found),
  }
  return beginnings(admin, 'ecommerce-events', 9000)
}

test('a partition begins with its first record of the time, and what is before that is passed', async () => {
  expect(await asked([100, 40], [100, 0])).toEqual([
    { offset: 40, hasBegun: true },
    { offset: 0, hasBegun: true },
  ])
})

test('a partition of earlier records is passed up to its end, and has not begun', async () => {
  expect(await asked([100, 100], [0, 0])).toEqual([
    { offset: 100, hasBegun: false },
    { offset: 0, hasBegun: false },
  ])
})

test('what is written between the two questions is not passed', async () => {
  // An end that has grown stands for "none found"; a record of the time may be among what came.
  expect(await asked([100, 130])).toEqual([{ offset: 100, hasBegun: false }])
})
