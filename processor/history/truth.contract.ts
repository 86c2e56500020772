// The simulator's own books against what the rules make of its log, from the topic to history's figures in one process:
// the same comparison as e2e/drills/truth.test.ts, without a stack, and quick enough for many worlds. Carts are much
// more common here than in a calibrated shop, so that a small world meets most rules.

import { expect, test } from 'vitest'
import type { Delivery } from '#stack/shop/simulate/delivery.ts'
import { outgoingRecord } from '#stack/shop/simulate/outgoing.ts'
import type { Profile } from '#stack/shop/simulate/profile.ts'
import { createSimulation } from '#stack/shop/simulate/simulation.ts'
import { compareWithTruth, windowsOf } from '#stack/shop/simulate/truth/comparison.ts'
import type { Comparison } from '#stack/shop/simulate/truth/comparison.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { answerMetric } from './query/metrics.ts'
import { memoryHistory, readTopics, tableRows } from './testing.ts'

export interface World {
  name: string
  profile: Profile
  seeds: readonly number[]
  records: number
}

const cartFactor = 6

export function rulesEqualTruth({ name, profile, seeds, records }: World): void {
  test.each(seeds)(`${name}: every row and figure is the simulator's, seed %i`, async (seed) => {
    const log = await logOf({ ...profile, cartFactor }, seed, records)
    const { equal, different } = await compare(log)
    expect(different).toEqual({})
    const compared = ['sessions', 'carts', 'orders', 'order_lines', 'figures']
    expect(compared.filter((each) => !equal[each])).toEqual([])
  })
}

const days = 30
const recordsPerVisitor = 18

async function logOf(profile: Profile, seed: number, records: number): Promise<Delivery[]> {
  const simulation = await createSimulation({
    seed,
    profile,
    openingMs: Date.parse('2026-11-10T12:00:00.000Z'),
    days,
    visitorsPerDay: (1.5 * records) / recordsPerVisitor / days,
    liveEventsPerSecond: 0,
  })
  return [...simulation.records().take(records)]
}

async function compare(log: readonly Delivery[]): Promise<Comparison> {
  const pipeline = new LocalPipeline({ partitions: 3 })
  for (const record of log) pipeline.appendRecord(outgoingRecord(record))
  pipeline.drain({ batchRecords: 500 })
  await using history = await memoryHistory()
  await readTopics(pipeline.log, history)
  const windows = windowsOf(log).filter(({ grain }) => grain === 'month' || grain === null)
  return await compareWithTruth(
    log,
    {
      rows: (table) => tableRows(history, table),
      figure: (id, query) => answerMetric(history, id, query, null),
    },
    windows,
  )
}
