// How far past traffic is, from what shop and history tell.

import { expect, test } from 'vitest'
import { pastOf } from './past.ts'

const totals = (received: number, enriched: number) => ({
  received,
  enriched,
  rejected: 3,
  duplicate: 2,
})

test('while the shop writes, what it will write is the whole', () => {
  expect(pastOf({ phase: 'past', total: 500_000 }, totals(90_000, 40_000))).toEqual({
    isLoading: true,
    total: 500_000,
    done: 40_005,
  })
})

test('after it what was received is the whole, until all but live traffic has its outcome', () => {
  const live = { phase: 'live', total: 500_000 }
  expect(pastOf(live, totals(500_900, 300_000))).toMatchObject({ isLoading: true, total: 500_900 })
  expect(pastOf(live, totals(500_900, 500_800)).isLoading).toBe(false)
})

test('what nobody tells is not claimed', () => {
  expect(pastOf(undefined).isLoading).toBe(false)
})
