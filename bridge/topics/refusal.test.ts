import { expect, test } from 'vitest'
import { backOffMs } from '../back-off.ts'
import { backOffs, codeOf, refusalOf } from './refusal.ts'

const means = (code: number) => refusalOf(codeOf(Object.assign(new Error('no'), { code })))

test('what may pass is anything that says nothing of a message or of the topic', () => {
  // CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL, UNAVAILABLE; and errors of no code.
  for (const code of [1, 2, 4, 10, 13, 14]) expect(means(code)).toBe('passing')
  expect(refusalOf(codeOf(new Error('socket hang up')))).toBe('passing')
  expect(means(8)).toBe('too-fast')
})

test('a topic, a permission, a login that is missing is no matter of a message', () => {
  for (const code of [5, 7, 9, 12, 16]) expect(means(code)).toBe('target')
  expect(means(3)).toBe('message')
})

test('the pause doubles up to five seconds, or half a minute where somebody must act', () => {
  const pauses = (kind: 'passing' | 'target') =>
    [1, 2, 3, 7, 50].map((attempt) => backOffMs(backOffs[kind], attempt, 1))
  expect(pauses('passing')).toEqual([100, 200, 400, 5000, 5000])
  expect(pauses('target')).toEqual([100, 200, 400, 6400, 30_000])
  expect(backOffMs(backOffs.passing, 3, 0)).toBe(200)
})
