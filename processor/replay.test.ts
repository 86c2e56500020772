// T7: one partition, the same log: every output topic is the same byte for byte, except `processedAt`.

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { defaultCataloguePath, parseCatalogue } from '#stack/contract/catalogue.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { outgoingRecord } from '#stack/shop/simulate/outgoing.ts'
import { createSimulation } from '#stack/shop/simulate/simulation.ts'
import { loadGeography } from './enrich/geography.ts'
import { equalsItsReplay } from './pipeline-properties.ts'
import { outputTopics, replay } from './replay.ts'
import type { Lines } from './replay.ts'

const recordCount = 6_000
const seed = 20_261_129

describe('simulated traffic, replayed twice on one partition', () => {
  let first: Lines = {}
  let second: Lines = {}

  beforeAll(async () => {
    const log = await simulatedLog()
    const catalogue = parseCatalogue(readFileSync(defaultCataloguePath, 'utf8'))
    const shared = { catalogue, placeOf: loadGeography(), cutRecords: 256 }
    const replayed = (chance: number, batchRecordsMax: number): Lines => {
      const random = new Random(chance)
      return replay(log, { ...shared, next: (bound) => random.int(bound), batchRecordsMax })
    }
    first = replayed(1, 700)
    second = replayed(2, 60)
  })

  test.each(outputTopics)('gives the same %s, record for record', (topic) => {
    expect(first[topic]?.length).toBeGreaterThan(20)
    expect(second[topic]).toEqual(first[topic])
  })
})

test('any log, replayed twice on one partition, gives the same topics', () => {
  expect(() =>
    equalsItsReplay({ numRuns: 150, seed }, (actual, expected) => expect(actual).toEqual(expected)),
  ).not.toThrow()
})

async function simulatedLog(): Promise<OutgoingRecord[]> {
  const openingMs = Date.parse('2026-03-01T00:00:00.000Z')
  const shop = { seed: 5, days: 30, openingMs, profile: 'full', liveEventsPerSecond: 0 } as const
  const simulation = await createSimulation(shop)
  const log: OutgoingRecord[] = []
  for (const delivery of simulation.records()) {
    log.push(outgoingRecord(delivery))
    if (log.length === recordCount) break
  }
  return log
}
