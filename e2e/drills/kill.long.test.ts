// The same as kill.test.ts, ten kills of each part in one stack.

import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { killUnderLoad, parts } from './kill.ts'

describe('kill -9 under load, ten times', () => {
  test.each(parts)('of the %s', async (part) => {
    await using stack = await startStack()
    expect(await killUnderLoad(stack, part, { kills: 10, seed: 80 })).toEqual({
      missing: [],
      repeated: [],
    })
  })
})
