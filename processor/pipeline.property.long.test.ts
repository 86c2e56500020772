// T7 through both stages on many thousand random worlds; a failure prints its seed and the smallest world that shows it.

import { describe, expect, test } from 'vitest'
import {
  equalsItsReplay,
  equalsTheFold,
  equalsTheFoldAtAnySpeed,
  equalsTheFoldWithRetention,
} from './pipeline-properties.ts'
import type { Equal } from './pipeline-properties.ts'

const equal: Equal = (actual, expected) => expect(actual).toEqual(expected)

describe('the compacted tables are the fold of the set of events', () => {
  test('in any order, any of them twice, in 1 to 12 partitions, through restarts and crashes', () => {
    expect(() => equalsTheFold({ numRuns: 18_000 }, equal)).not.toThrow()
  }, 7_200_000)
  test('with retention, for a log in the order of arrival', () => {
    expect(() => equalsTheFoldWithRetention({ numRuns: 2_000 }, equal)).not.toThrow()
  }, 7_200_000)
  test('with retention, each partition of each stage at a speed of its own', () => {
    expect(() => equalsTheFoldAtAnySpeed({ numRuns: 2_000 }, equal)).not.toThrow()
  }, 7_200_000)
})

test('any log, replayed twice on one partition, gives the same topics', () => {
  expect(() => equalsItsReplay({ numRuns: 1_000 }, equal)).not.toThrow()
}, 7_200_000)
