// T7 for carts on a few hundred random shops; fold.property.long.test.ts runs many more.

import { describe, expect, test } from 'vitest'
import {
  compactsToTheFold,
  compactsWithRetention,
  foldsSets,
  judgesInTime,
} from './fold-properties.ts'
import type { Equal } from './fold-properties.ts'

const runs = 500
/** Each of these is a log of weeks. */
const longRuns = 200
/** The same shops in every run; the long tests draw new ones and print their seed. */
const seed = 20_261_124
const equal: Equal = (actual, expected) => expect(actual).toEqual(expected)

describe('the fold of a person', () => {
  test('is the same for any order in which events came, and for any of them twice', () => {
    expect(() => foldsSets({ numRuns: runs, seed }, equal)).not.toThrow()
  })
  test('judges nothing before the watermark has come to its deadline, and wakes for all that is open', () => {
    expect(() => judgesInTime({ numRuns: runs, seed }, equal)).not.toThrow()
  })
})

describe('what is left after compaction is the fold of the set of events', () => {
  test('for any order of arrival, any batches, and keys that are read at any speed', () => {
    expect(() => compactsToTheFold({ numRuns: runs, seed }, equal)).not.toThrow()
  })
  test('with retention for a log in the order of arrival, and retention lets events go on the way', () => {
    expect(compactsWithRetention({ numRuns: longRuns, seed }, equal)).toBeGreaterThan(longRuns)
  }, 120_000)
})
