// Seeded chance: the same seed, the same numbers.

import { describe, expect, test } from 'vitest'
import { Random } from './random.ts'

describe('random', () => {
  test('one seed gives one sequence, another seed another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          (r) => () =>
            r.int(1000)
        )(new Random(seed)),
      )
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  test('a fork does not depend on what its parent drew', () => {
    const fresh = new Random(1).fork('a').float()
    const parent = new Random(1)
    parent.float()
    expect(parent.fork('a').float()).toBe(fresh)
  })

  test('the normal has mean 0 and deviation 1, a weight decides how often', () => {
    const random = new Random(3)
    const draws = Array.from({ length: 20_000 }, () => random.normal())
    const mean = draws.reduce((a, b) => a + b) / draws.length
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(draws.reduce((a, b) => a + b * b, 0) / draws.length).toBeCloseTo(1, 1)
    const picks = Array.from({ length: 10_000 }, () => random.weighted([3, 1]))
    expect(picks.filter((i) => i === 0).length / picks.length).toBeCloseTo(0.75, 1)
  })
})
