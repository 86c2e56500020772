// What the simulator knows to be true equals what history holds, for one small shop; truth.long.test.ts has the large.

import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { compareWithTruth } from './truth.ts'

describe('the truth of a simulated month', () => {
  test('equals history in every row and figure', { timeout: 150_000 }, async () => {
    await using stack = await startStack()
    const { equal, different } = await compareWithTruth(stack, { seed: 11, records: 8000 })
    expect(different).toEqual({})
    for (const rows of Object.values(equal)) expect(rows).toBeGreaterThan(0)
  })
})
