// Macros within macros grow by a power of their depth, and are refused before DuckDB is asked.

import { expect, test } from 'vitest'
import { checkExpansion, expandedWords } from './expansion.ts'
import { macros } from './macros.ts'

const nested = (depth: number): string =>
  depth === 0 ? 's' : `bq_substr_n(${nested(depth - 1)}, 1, 5)`

test('a text without macros is as long as it is, whatever its strings say', () => {
  expect(expandedWords(`SELECT a, 'bq_substr_n(a, (b' FROM "t ( x"`)).toBe(6)
})

test('an argument counts as often as the body names it', () => {
  const { body } = macros.get('bq_substr_n') ?? { body: '' }
  const times = body.match(/\bs\b/g)?.length ?? 0
  const growth = expandedWords(nested(2)) - expandedWords(nested(1))
  const once = expandedWords(nested(1)) - expandedWords('s')
  expect(times).toBeGreaterThan(1)
  expect(growth).toBe(times * once)
})

test('depth is refused where it would hold DuckDB up, and not before', () => {
  checkExpansion(`SELECT ${nested(5)}`)
  expect(() => checkExpansion(`SELECT ${nested(7)}`)).toThrow(/too complex.*Split it by WITH/)
})
