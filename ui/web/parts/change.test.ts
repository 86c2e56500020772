// A change against another period.

import { expect, test } from 'vitest'
import { changeOf } from './change.ts'

test.each([
  [{ value: 110, before: 100 }, 'up', '+10.0 %'],
  [{ value: 90, before: 100 }, 'down', '−10.0 %'],
  [{ value: 100, before: 100 }, 'same', '+0.0 %'],
  [{ value: 4700, before: 100 }, 'up', '×47'],
  [{ value: 0.5, before: 0.4, n: 1000, nBefore: 1000 }, 'up', '+10.0 pts'],
  [{ value: 0.5, before: 0.4, n: 20, nBefore: 20 }, 'same', '≈ +10.0 pts'],
  [{ value: 0.5, before: 0.4, n: 0, nBefore: 0 }, 'same', '≈ +10.0 pts'],
])('%j is %s: %s', (compared, direction, text) => {
  expect(changeOf(compared)).toEqual({ direction, text })
})

test('nothing can be said against nothing', () => {
  expect(changeOf({ value: 5, before: 0 })).toBeUndefined()
  expect(changeOf({ value: null, before: 3 })).toBeUndefined()
  expect(changeOf({ value: 3, before: null })).toBeUndefined()
})
