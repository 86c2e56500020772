// Keys come up when they are due, once, and at the time that was said last.

import { expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { Timers } from './timers.ts'

test('a key is due exactly at its time, and once', () => {
  const timers = new Timers()
  timers.set(7, 100)
  expect(timers.takeDue(99)).toEqual([])
  expect(timers.takeDue(100)).toEqual([7])
  expect(timers.takeDue(1000)).toEqual([])
})

test('a key that is put off comes up later, one that is brought forward earlier, one that is let go never', () => {
  const timers = new Timers()
  const [off, forward, gone] = [0, 1, 200]
  timers.set(off, 10)
  timers.set(off, 50)
  timers.set(forward, 50)
  timers.set(forward, 10)
  timers.set(gone, 10)
  timers.set(gone, null)
  expect(timers.takeDue(10)).toEqual([forward])
  expect(timers.takeDue(49)).toEqual([])
  expect(timers.takeDue(50)).toEqual([off])
})

test('whatever is set in whatever order, due is what a plain look at all keys finds', () => {
  const random = new Random(3)
  const timers = new Timers()
  const plain = new Map<number, number>()
  for (let nowMs = 0; nowMs < 2000; nowMs++) {
    const key = random.int(40)
    const dueMs = random.chance(0.1) ? null : nowMs + random.int(300)
    timers.set(key, dueMs)
    if (dueMs === null) plain.delete(key)
    else plain.set(key, dueMs)
    const due = [...plain].filter(([, ms]) => ms <= nowMs).map(([name]) => name)
    for (const name of due) plain.delete(name)
    expect(new Set(timers.takeDue(nowMs))).toEqual(new Set(due))
  }
})
