// Whether both sides agree, and what is said when they do not.

import { describe, expect, test } from 'vitest'
import type { MetricAnswer } from '../../../../stack/contract/metrics/definition.ts'
import { agreementOf, agreementWords, worstOf } from './agreement.ts'

const figure = (numerator: number, denominator: number | null = null) => ({
  value: denominator === null ? numerator : numerator / denominator,
  numerator,
  denominator,
})
const hours = ['10', '11', '12'].map((hour) => `2026-11-24T${hour}:00:00.000Z`)

function answer(whole: number, buckets: readonly number[] = [], by: Record<string, number> = {}) {
  return {
    ...figure(whole),
    buckets: buckets.map((n, i) => ({ ...figure(n), from: hours[i], to: '', provisional: false })),
    by: Object.entries(by).map(([key, n]) => ({ ...figure(n), key, buckets: [] })),
  } as unknown as MetricAnswer
}

const caughtUp = { rows: 0, ms: 0, isOtherEpoch: false }
const late = { rows: 12, ms: 3000, isOtherEpoch: false }

describe('two sides', () => {
  test('that say the same are equal, also while the cloud is behind', () => {
    expect(agreementOf(answer(6, [1, 2, 3]), answer(6, [1, 2, 3]), caughtUp).kind).toBe('equal')
    expect(agreementOf(answer(6, [1, 2, 3]), answer(6, [1, 2, 3]), late).kind).toBe('equal')
  })

  test('differ in so many buckets, the first of which is named', () => {
    const agreement = agreementOf(answer(6, [1, 2, 3]), answer(7, [1, 3, 3]), caughtUp)
    expect(agreementWords(agreement)).toBe('differs in 1 of 3 buckets')
    expect(agreement.first).toEqual({ place: hours[1], local: 2, cloud: 3 })
  })

  test('that differ because the cloud is behind say so', () => {
    const agreement = agreementOf(answer(6, [1, 2, 3]), answer(5, [1, 2, 2]), late)
    expect(agreementWords(agreement)).toBe(
      'cloud is 3.0 s behind: differs in 1 of 3 buckets until then',
    )
  })

  test('differ in a value that only one of them has', () => {
    const agreement = agreementOf(answer(3, [], { a: 1, b: 2 }), answer(3, [], { a: 3 }), caughtUp)
    expect(agreementWords(agreement)).toBe('differs in 2 of 2 values')
  })

  test('differ as a whole where no bucket does: persons of two buckets are one person', () => {
    const agreement = agreementOf(answer(2, [1, 1]), answer(1, [1, 1]), caughtUp)
    expect(agreement).toMatchObject({
      kind: 'differs',
      differing: 1,
      first: { local: 2, cloud: 1 },
    })
  })

  test('with one quotient of other parts differ', () => {
    const local = { ...answer(0), ...figure(1, 2) }
    const cloud = { ...answer(0), ...figure(2, 4) }
    expect(agreementOf(local, cloud, caughtUp).kind).toBe('differs')
  })

  test('of two epochs cannot be told apart by their rows', () => {
    const other = { rows: 0, ms: 0, isOtherEpoch: true }
    expect(agreementOf(answer(1), answer(2), other).kind).toBe('rebuilt')
  })
})

test('a tile is as bad as the worst of its figures', () => {
  const equal = agreementOf(answer(1), answer(1), caughtUp)
  const behind = agreementOf(answer(2), answer(1), late)
  const differs = agreementOf(answer(2), answer(1), caughtUp)
  expect(worstOf([equal, differs, behind])?.kind).toBe('differs')
  expect(worstOf([equal, behind])?.kind).toBe('behind')
  expect(worstOf([])).toBeUndefined()
})
