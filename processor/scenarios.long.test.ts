// Every scenario in 200 orders of its events, also where they are many.

import { describe, expect, test } from 'vitest'
import { readScenarios } from './scenario-data.ts'
import { named, outcomesInEveryOrder } from './scenarios.contract.ts'

const scenarios = readScenarios(process.env['SLIPWAY_SHARED'])

describe.skipIf(scenarios.length === 0)('scenarios through both stages', () => {
  test.each(named(scenarios, ', in 200 orders'))('%s', (_name, scenario) => {
    expect(outcomesInEveryOrder(scenario, 200)).toEqual([])
  })
})
