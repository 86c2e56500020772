// The same as truth.test.ts for three seeds of 50,000 events.

import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { compareWithTruth } from './truth.ts'

describe('the truth of a simulated month of 50,000 events', () => {
  test.each([21, 22, 23])('equals history, seed %i', async (seed) => {
    await using stack = await startStack()
    const { equal, different } = await compareWithTruth(stack, { seed, records: 50_000 })
    expect(different).toEqual({})
    expect(equal['sessions']).toBeGreaterThan(3000)
  })
})
