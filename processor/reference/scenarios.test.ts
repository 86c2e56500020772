// The scenarios of events.md 2.8 through the reference alone: it must say what the rules' own examples say.

import { describe, expect, test } from 'vitest'
import { collect } from '#stack/shop/start.ts'
import { readScenarios } from '../scenario-data.ts'
import type { Columns, Scenario } from '../scenario-data.ts'
import { logOf } from '../scenario-log.ts'
import { mismatchesOf } from '../scenario-run.ts'
import { foldWorld } from './world.ts'

const scenarios = readScenarios(process.env['SLIPWAY_SHARED'])

describe.skipIf(scenarios.length === 0)('scenarios through the reference', () => {
  test.each(scenarios)('$number: $title', (scenario) => {
    expect(mismatchesOf(scenario, tablesOf(scenario))).toEqual([])
  })
})

function tablesOf(scenario: Scenario): Record<string, Columns[]> {
  const { settings, watermarkMs = Infinity, catalogue } = scenario
  const { sessions, carts, orders, order_lines, refunds } = foldWorld(logOf(scenario, collect), {
    settings,
    watermarkMs,
    listingOf: (productId) => catalogue.find((line) => line.productId === productId),
    agentOf: (userAgent) => ({ isBot: /bot/i.test(userAgent), device: null }),
    countryOf: () => null,
  })
  return { sessions, carts, orders, order_lines, refunds }
}
