// T7 for carts on many random shops.

import { expect, test } from 'vitest'
import {
  compactsToTheFold,
  compactsWithRetention,
  foldsSets,
  judgesInTime,
} from './fold-properties.ts'
import type { Equal } from './fold-properties.ts'

const runs = 20_000
const equal: Equal = (actual, expected) => expect(actual).toEqual(expected)

test.each([
  ['a fold does not depend on the order of arrival', foldsSets],
  ['nothing is judged early', judgesInTime],
  ['what is left after compaction is the fold', compactsToTheFold],
  ['what is left after compaction is the fold, with retention', compactsWithRetention],
])('%s', (_, holds) => expect(() => holds({ numRuns: runs }, equal)).not.toThrow(), 7_200_000)
