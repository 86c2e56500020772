// Rows of history against the reference on many random worlds; a failure prints its seed and the smallest world.

import { expect, test } from 'vitest'
import { historyEqualsTheFold } from './reference-properties.ts'

test.each([true, false])(
  'every row of history is as the reference tells it, topics read unevenly: %s',
  async (isUneven) => {
    await historyEqualsTheFold({ numRuns: 200, isUneven }, (found, expected) =>
      expect(found).toEqual(expected),
    )
  },
  1_800_000,
)
