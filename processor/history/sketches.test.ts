import { expect, test } from 'vitest'
import { KnownRows, PaceSketch, SeenIds } from './sketches.ts'

test('an id that was added is always known', () => {
  const seen = new SeenIds()
  for (let i = 0; i < 20_000; i++) seen.add('web', `event-${i}`)
  const known = Array.from({ length: 20_000 }, (_, i) => seen.add('web', `event-${i}`))
  expect(known.every((is) => is)).toBe(true)
})

test('an id that is new is hardly ever taken for known', () => {
  const seen = new SeenIds()
  let mistaken = 0
  for (let i = 0; i < 200_000; i++) if (seen.add(`source-${i % 3}`, `e${i}`)) mistaken++
  expect(mistaken).toBeLessThan(20)
})

test('the same id of another source is another id', () => {
  const seen = new SeenIds()
  seen.add('web', 'e1')
  expect(seen.add('app', 'e1')).toBe(false)
})

test('a pace is never counted too low', () => {
  const pace = new PaceSketch()
  const counts = Array.from({ length: 500 }, () => pace.count('a:A', 28_000_000))
  expect(counts).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  expect(pace.count('a:A', 28_000_001)).toBe(1)
  expect(pace.count('a:B', 28_000_000)).toBe(1)
})

test('a row that was added is known for sure while it is new, and never forgotten', () => {
  const known = new KnownRows()
  for (let i = 0; i < 50_000; i++) known.add(`row-${i}`)
  expect(known.has('row-49999')).toBe('yes')
  // Half of what is remembered may just have begun.
  expect(known.has('row-39999')).toBe('yes')
  expect(known.has('row-0')).toBe('perhaps')
  const others = Array.from({ length: 1000 }, (_, i) => known.has(`other-${i}`))
  expect(others.filter((answer) => answer !== 'no').length).toBeLessThan(5)
})
