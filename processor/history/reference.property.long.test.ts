// Rows of history against the reference on many random worlds; a failure prints its seed and the smallest world.

import { expect, test } from 'vitest'
import { historyEqualsTheFold } from './reference-properties.ts'

test('every row of history is as the reference tells it', async () => {
  await historyEqualsTheFold({ numRuns: 500 }, (found, expected) => expect(found).toEqual(expected))
}, 1_800_000)
