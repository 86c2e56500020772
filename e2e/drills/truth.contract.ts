// A month of a simulated shop, known beforehand: the simulator writes it to the topic of a running stack; when everything
// that can close has closed, history's rows and figures are held against the simulator's own books.

import { describe, expect, test } from 'vitest'
import { dayMs } from '#stack/base/units.ts'
import type { MetricAnswer } from '#stack/contract/metrics.ts'
import type { Delivery } from '#stack/shop/simulate/delivery.ts'
import { seedScenario } from '#stack/shop/simulate/scenarios.ts'
import { compareWithTruth, windowsOf } from '#stack/shop/simulate/truth/comparison.ts'
import type { AskedWindow, Comparison } from '#stack/shop/simulate/truth/comparison.ts'
import type { Truth } from '#stack/shop/simulate/truth/truth.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'

export interface TrueWorld {
  profile: 'calm' | 'full'
  seeds: readonly number[]
  records: number
  /** Which windows the figures are asked in; all of them, if absent. */
  chooseWindows?(windows: AskedWindow[]): AskedWindow[]
}

export function historyEqualsTruth({ profile, seeds, records, chooseWindows }: TrueWorld): void {
  describe(`the truth of ${records} events of a ${profile} month`, () => {
    test.each(seeds)(
      'equals history in every row and figure, seed %i',
      { timeout },
      async (seed) => {
        await using stack = await startStack()
        const log = await writeMonth(stack, { scenario: profile, seed, records })
        const windows = windowsOf(log)
        const { equal, different } = await compare(stack, log, chooseWindows?.(windows) ?? windows)
        expect(different).toEqual({})
        const compared = ['sessions', 'carts', 'orders', 'order_lines', 'figures']
        expect(compared.filter((each) => !equal[each])).toEqual([])
      },
    )
  })
}

const timeout = 900_000
/** Two weeks after the clocks go back in Europe and one after America; the same world on every day. */
const until = '2026-11-10T12:00:00.000Z'
/** Longer than the recovery window: nothing is left that could still change by time alone. */
const untilAllClosedMs = 10 * dayMs

/** The month's log as the simulator has written it; every window of it has closed. */
async function writeMonth(
  stack: Stack,
  request: { scenario: string; seed: number; records: number },
): Promise<Delivery[]> {
  const { truth } = await stack.post<{ truth: Truth }>('dashboard', '/__test/seed', {
    ...request,
    until,
  })
  await stack.settle(240_000)
  await stack.moveClock({ advanceMs: untilAllClosedMs })
  await stack.settle(240_000)
  const seeded = await seedScenario({ ...request, nowMs: Date.parse(until) })
  expect(seeded.truth.counts).toEqual(truth.counts)
  return seeded.records
}

async function compare(
  stack: Stack,
  log: readonly Delivery[],
  windows: readonly AskedWindow[],
): Promise<Comparison> {
  const comparison = await compareWithTruth(
    log,
    {
      rows: (table) => stack.rows(table),
      figure: (id, query) =>
        stack.get<MetricAnswer>(
          'history',
          `/v1/metrics/${id}?${new URLSearchParams(query).toString()}`,
        ),
    },
    windows,
  )
  const outcomes = Map.groupBy(log, ({ outcome }) => outcome)
  const count = (outcome: Delivery['outcome']) => outcomes.get(outcome)?.length ?? 0
  const { totals } = await stack.get<{ totals: Record<string, number> }>('history', '/v1/positions')
  expect(totals).toMatchObject({
    received: log.length,
    enriched: count('valid'),
    duplicate: count('duplicate'),
    rejected: log.length - count('valid') - count('duplicate'),
  })
  return comparison
}
