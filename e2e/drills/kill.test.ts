// Each part is killed under load; the supervisor brings it back, and no acknowledged event is missing or counted twice.

import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { killUnderLoad, parts } from './kill.ts'

describe('kill -9 under load', () => {
  test.each(parts)(
    'of the %s loses no acknowledged event and counts none twice',
    { timeout: 120_000 },
    async (part) => {
      await using stack = await startStack()
      const result = await killUnderLoad(stack, part, { kills: 1, seed: 8 })
      expect(result).toEqual({ missing: [], repeated: [] })
    },
  )
})
