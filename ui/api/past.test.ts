// How far past traffic is, from what shop and history tell.

import { expect, test } from 'vitest'
import { systemClock } from '../../stack/base/clock.ts'
import { pastOf, pastRoute } from './past.ts'

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

test('without a shop of ours there is only what was received', () => {
  expect(pastOf(undefined, totals(10, 5))).toEqual({ isLoading: false, total: 10, done: 10 })
})

test('while history does not answer nothing is claimed, and the page asks again', async () => {
  const clock = systemClock
  const app = pastRoute({ clock, shopUrl: undefined, historyUrl: 'http://127.0.0.1:1' })
  expect((await app.request('/')).status).toBe(502)
})
