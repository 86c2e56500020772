// Ten thousand power cuts, twice each.

import { expect, test } from 'vitest'
import { cutPower } from './power-cut.ts'

test('10,000 power cuts take nothing that was acknowledged', async () => {
  const violations: string[] = []
  for (let seed = 1000; seed < 11_000; seed++) {
    const { ledger, recovered, again } = await cutPower(seed)
    const { logStartOffset: start, logEndOffset: end } = recovered.log
    const isWhole =
      end >= ledger.acknowledged &&
      start >= ledger.deleted &&
      recovered.values.join() === ledger.sent.slice(start, end).join() &&
      again.values.join() === recovered.values.join()
    if (!isWhole) violations.push(`seed ${seed}`)
  }
  expect(violations).toEqual([])
}, 600_000)
