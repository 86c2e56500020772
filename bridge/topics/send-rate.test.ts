import { expect, test } from 'vitest'
import { SendRate } from './send-rate.ts'

/** Takes one message at a time, as fast as it may; answers how many in the time given. */
function sentFrom(rate: SendRate, fromMs: number, forMs: number, perMs = Infinity): number {
  let sent = 0
  for (let ms = fromMs; ms < fromMs + forMs; ms++) {
    for (let i = 0; i < perMs && rate.take(1, ms) === 0; i++) sent++
  }
  return sent
}

test('without a complaint there is no limit', () => {
  const rate = new SendRate()
  expect(rate.take(1_000_000, 0)).toBe(0)
  expect(rate.limitPerSecond).toBe(Infinity)
})

test('a complaint halves what was sent, and the limit is kept', () => {
  const rate = new SendRate()
  sentFrom(rate, 0, 3000, 2)
  rate.complain(3000)
  expect(rate.limitPerSecond).toBe(1000)
  const sent = sentFrom(rate, 3000, 4000)
  expect(sent).toBeGreaterThan(3900)
  expect(sent).toBeLessThan(4100)
})

test('complaints of one second count as one, each later one halves again, down to ten', () => {
  const rate = new SendRate()
  sentFrom(rate, 0, 2000, 2)
  rate.complain(2000)
  rate.complain(2500)
  expect(rate.limitPerSecond).toBe(1000)
  rate.complain(3600)
  expect(rate.limitPerSecond).toBe(500)
  for (let ms = 5000; ms < 60_000; ms += 1000) rate.complain(ms)
  expect(rate.limitPerSecond).toBe(10)
})

test('every quiet ten seconds add five percent', () => {
  const rate = new SendRate()
  sentFrom(rate, 0, 2000, 2)
  rate.complain(2000)
  rate.take(1, 11_999)
  expect(rate.limitPerSecond).toBe(1000)
  rate.take(1, 12_000)
  expect(rate.limitPerSecond).toBeCloseTo(1050)
  rate.take(1, 32_000)
  expect(rate.limitPerSecond).toBeCloseTo(1050 * 1.05 ** 2)
})

test('says how long to wait, and a piece larger than a second of it is paid for afterwards', () => {
  const rate = new SendRate()
  rate.complain(0)
  expect(rate.limitPerSecond).toBe(10)
  expect(rate.take(1, 0)).toBe(100)
  expect(rate.take(30, 100)).toBe(0)
  expect(rate.take(1, 100)).toBeGreaterThan(2900)
})
