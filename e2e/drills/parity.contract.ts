// What history has, BigQuery has: every row of every table and every figure of the registry, for a simulated month of a shop.

import { describe, expect, test } from 'vitest'
import { bothSides } from '#bridge/verify/both-sides.contract.ts'
import { metricIds } from '#stack/contract/metrics.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'

export function bigQueryEqualsHistory({
  scenario,
  seeds,
  records,
}: {
  scenario: 'calm' | 'full'
  seeds: readonly number[]
  records: number
}): void {
  describe(`${records} events of a ${scenario} month`, () => {
    test.each(seeds)('are the same in BigQuery, seed %i', { timeout: 900_000 }, async (seed) => {
      await using stack = await startStack()
      await writeMonth(stack, { scenario, seed, records })
      await using sides = await bothSides(stack.addresses['history'] as string)
      const { tables, figures, isEqual } = await sides.verify()
      expect(tables.filter((table) => !table.isEqual)).toEqual([])
      expect(figures.filter((figure) => !figure.isEqual)).toEqual([])
      expect(isEqual).toBe(true)
      const filled = tables.filter(({ rows }) => rows.bigquery > 0)
      expect(filled.length).toBeGreaterThanOrEqual(6)
      expect(new Set(figures.map(({ metric }) => metric)).size).toBe(metricIds.length)
      const told = figures.filter(({ bigquery }) => bigquery.numerator !== 0)
      expect(told.length).toBeGreaterThan(50)
    })
  })
}

export async function writeMonth(
  stack: Stack,
  request: { scenario: string; seed: number; records: number },
): Promise<void> {
  const until = '2026-11-10T12:00:00.000Z'
  await stack.post('dashboard', '/__test/seed', { ...request, until })
  await stack.settle(240_000)
}
