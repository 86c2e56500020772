// What the dashboard says of the cloud is what it says of history: every metric of the registry, from BigQuery by Google's
// own client, in the shape, the buckets and the marks of history's answers.

import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { bothSides } from '#bridge/verify/both-sides.contract.ts'
import { startStack } from '../fixtures/stack.ts'
import { figuresOfBoth } from './cloud-figures.contract.ts'
import { writeMonth } from './parity.contract.ts'

test(
  'every metric has one answer, from history and from BigQuery',
  { timeout: 300_000 },
  async () => {
    await using stack = await startStack()
    await writeMonth(stack, { scenario: 'full', seed: 16, records: 1500 })
    await using sides = await bothSides(stack.addresses['history'] as string)
    let figures = await figuresOfBoth(stack, sides)
    expect(figures.flatMap(({ cloud, said }) => (cloud ? [] : [said]))).toEqual([])
    const filled = figures.filter(({ history }) => history.numerator !== 0 || history.by.length > 0)
    expect(new Set(filled.map(({ history }) => history.id)).size).toBeGreaterThan(40)
    // While sessions still close, history may write as it answers: what differs is asked again.
    for (let round = 0; round < 3; round++) {
      const unequal = figures.filter(({ history, cloud }) => !isDeepStrictEqual(history, cloud))
      if (unequal.length === 0) break
      figures = await figuresOfBoth(
        stack,
        sides,
        unequal.map(({ question }) => question),
      )
    }
    for (const { question, history, cloud } of figures) {
      expect([question, cloud]).toEqual([question, history])
    }
  },
)
