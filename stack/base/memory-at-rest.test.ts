// When a burst of work is over.

import { expect, test } from 'vitest'
import { BurstWatch } from './memory-at-rest.ts'

test('a burst is over once, when it is followed by rest, and not in between', () => {
  const watch = new BurstWatch()
  const shares = [0, 0.05, 0.9, 0.3, 0.9, 0.2, 0.1, 0.05, 0.3, 0.05, 0.5, 0]
  const over = shares.flatMap((share, i) => (watch.isOver(share) ? [i] : []))
  expect(over).toEqual([6, 11])
})
