// Months of several seeds in history and in BigQuery, every figure of the dashboard from either side, and real data, of which
// BigQuery says what another author published.

import { expect, test, vi } from 'vitest'
import { bothSides } from '#bridge/verify/both-sides.contract.ts'
import { startStack } from '../fixtures/stack.ts'
import { everyFigureHasOneAnswer } from './cloud-figures.contract.ts'
import { bestCustomers, cleaningCounts, cohorts, published, retailFile } from './online-retail.ts'
import { bigQueryEqualsHistory, writeMonth } from './parity.contract.ts'
import { hasSharedData, importFiles } from './shared-data.ts'

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

test.skipIf(!hasSharedData)(
  'Online Retail II is the same in BigQuery, and there is what was published of it',
  { timeout: 1_800_000 },
  async () => {
    await using stack = await startStack()
    await importFiles(stack, [retailFile()])
    await stack.settle(600_000)
    await using sides = await bothSides(stack.addresses['history'] as string)
    const { tables, figures } = await sides.verify(900_000)
    expect(tables.filter((table) => !table.isEqual)).toEqual([])
    expect(figures.filter((figure) => !figure.isEqual)).toEqual([])
    const told = figures.filter(({ bigquery }) => bigquery.numerator !== 0)
    expect(told.length).toBeGreaterThan(20)

    const ask = async (query: string): Promise<unknown[][]> => {
      const [rows] = await sides.client.query(query)
      return rows.map((row: object) => Object.values(row))
    }
    const { cleaning, cohort_month_active_customers, top_customers_cleaned_gbp } = published()
    const { rows, distinct_stock_codes, customers } = cleaning
    expect(await ask(cleaningCounts)).toEqual([[rows, distinct_stock_codes, customers]])
    const { status: _, ...best } = top_customers_cleaned_gbp
    expect(Object.fromEntries(await ask(bestCustomers))).toEqual(best)
    const matrix: Record<string, number[]> = {}
    for (const [cohort, month, active] of (await ask(cohorts)) as [string, number, number][])
      (matrix[cohort] ??= [])[month] = active
    expect(matrix).toEqual(cohort_month_active_customers.rows)
  },
)
