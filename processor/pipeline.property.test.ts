// T7 through both stages on some 500 random worlds; pipeline.property.long.test.ts runs many more.

import { describe, expect, test } from 'vitest'
import {
  equalsTheFold,
  equalsTheFoldAtAnySpeed,
  equalsTheFoldWithRetention,
} from './pipeline-properties.ts'
import type { Equal } from './pipeline-properties.ts'

/** The same worlds in every run; the long tests draw new ones and print their seed. */
const seed = 20_261_124
const equal: Equal = (actual, expected) => expect(actual).toEqual(expected)

describe('the compacted tables are the fold of the set of events', () => {
  test('in any order, any of them twice, in 1 to 12 partitions, through restarts and crashes', () => {
    expect(() => equalsTheFold({ numRuns: 500, seed }, equal)).not.toThrow()
  })
  test('with retention, for a log in the order of arrival', () => {
    expect(() => equalsTheFoldWithRetention({ numRuns: 60, seed }, equal)).not.toThrow()
  })
  test('with retention, each partition of each stage at a speed of its own', () => {
    expect(() => equalsTheFoldAtAnySpeed({ numRuns: 120, seed }, equal)).not.toThrow()
  })
})
