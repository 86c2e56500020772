// Rows of history against the reference on some random worlds; reference.property.long.test.ts runs many more.

import { expect, test } from 'vitest'
import { historyEqualsTheFold } from './reference-properties.ts'

const seed = 20_261_124

test('every row of history is as the reference tells it', async () => {
  await historyEqualsTheFold({ numRuns: 25, seed, isUneven: false }, (found, expected) =>
    expect(found).toEqual(expected),
  )
}, 600_000)
