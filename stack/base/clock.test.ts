// The domain clock moves for all who look at it; the manual clock fires timers in due order.

import { describe, expect, test } from 'vitest'
import { DomainClock, ManualClock } from './clock.ts'

describe('the domain clock', () => {
  test('keeps ticking from where it was moved to, and says so', () => {
    const real = new ManualClock(1000)
    const domain = new DomainClock(real)
    let moves = 0
    domain.onMove(() => moves++)
    domain.moveTo(50_000)
    real.advance(5)
    expect(domain.now()).toBe(50_005)
    domain.advance(100)
    expect(domain.now()).toBe(50_105)
    expect(moves).toBe(2)
  })
})

describe('the manual clock', () => {
  test('fires timers in due order, repeated ones again, cancelled ones never', () => {
    const clock = new ManualClock()
    const fired: string[] = []
    clock.after(20, () => fired.push(`late at ${clock.now()}`))
    clock.every(15, () => fired.push(`every at ${clock.now()}`))
    clock.after(10, () => fired.push('never')).cancel()
    clock.advance(30)
    expect(fired).toEqual(['every at 15', 'late at 20', 'every at 30'])
  })
})
