// Months of several seeds in history and in BigQuery, and every figure of the dashboard from either side.

import { expect, test, vi } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { everyFigureHasOneAnswer } from './cloud-figures.contract.ts'
import { bigQueryEqualsHistory, writeMonth } from './parity.contract.ts'

bigQueryEqualsHistory({ scenario: 'full', seeds: [12, 13, 14], records: 30_000 })

interface Standing {
  behind?: { rows: number } | null
}

test('the dashboard says of the cloud what history says', { timeout: 600_000 }, async () => {
  await using stack = await startStack({ args: ['--no-demo', '--cloud', 'emulator'] })
  await writeMonth(stack, { scenario: 'full', seed: 15, records: 1500 })
  await stack.settle()
  const isThere = async () => {
    const { behind } = await stack.get<Standing>('dashboard', '/api/cloud/standing')
    expect(behind?.rows).toBe(0)
  }
  await vi.waitFor(isThere, { timeout: 180_000, interval: 500 })
  await everyFigureHasOneAnswer(stack)
})
