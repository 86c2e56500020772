// The scenarios of events.md 2.8 over real protocols: imported by the command line into one running stack, judged by the
// moved clock, checked in history's tables by the read API.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { minuteMs } from '#stack/base/units.ts'
import { startStack } from '../fixtures/stack.ts'
import { mismatches, readScenarios } from './scenarios.ts'
import type { Columns } from './scenarios.ts'
import { hasSharedData, importFiles } from './shared-data.ts'

const tables = ['carts', 'sessions', 'events', 'orders', 'order_lines', 'refunds']

describe.skipIf(!hasSharedData)('over TCP, scenario', () => {
  const scenarios = readScenarios(Date.now())
  const found: Record<string, Columns[]> = {}

  beforeAll(async () => {
    await using stack = await startStack()
    const dir = mkdtempSync(join(tmpdir(), 'slipway-scenarios-'))
    const file = join(dir, 'scenarios.ndjson')
    const lines = scenarios.flatMap(({ events }) => events.map((event) => JSON.stringify(event)))
    writeFileSync(file, `${lines.join('\n')}\n`)
    await importFiles(stack, [file])
    await stack.settle(60_000)
    await stack.moveClock({ advanceMs: minuteMs })
    await stack.settle(60_000)
    for (const table of tables) found[table] = await stack.rows<Columns>(table)
    rmSync(dir, { recursive: true })
  }, 150_000)

  test.each(scenarios)('$number: $title', (scenario) => {
    expect(mismatches(scenario, found)).toEqual([])
  })

  test('there are fifty of them', () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(50)
  })
})
