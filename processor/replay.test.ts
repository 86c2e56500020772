// T7: one partition, the same log: every output topic is the same byte for byte, except `processedAt`.

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { KiB } from '#stack/base/units.ts'
import { defaultCataloguePath, parseCatalogue } from '#stack/contract/catalogue.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { outgoingRecord } from '#stack/shop/simulate/outgoing.ts'
import { createSimulation } from '#stack/shop/simulate/simulation.ts'
import { loadGeography } from './enrich/geography.ts'
import { equalsItsReplay } from './pipeline-properties.ts'
import { LocalPipeline } from './local-pipeline.ts'
import { linesOf, outputTopics, replay } from './replay.ts'
import type { Lines } from './replay.ts'
import type { StageName } from './topology.ts'

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

test('a hop that is far behind lets little more wait than the bound, and changes no byte', async () => {
  const log = await simulatedLog()
  const even = readWithSlowHop(log, { waitingBytesMax: Infinity, isHopSlow: false })
  const unbounded = readWithSlowHop(log, { waitingBytesMax: Infinity, isHopSlow: true })
  const bounded = readWithSlowHop(log, { waitingBytesMax: 16 * KiB, isHopSlow: true })
  expect(unbounded.mostWaitingBytes).toBeGreaterThan(10 * 16 * KiB)
  // Beside the bound, what is on its way when it is reached.
  expect(bounded.mostWaitingBytes).toBeLessThan(3 * 16 * KiB)
  for (const { lines } of [unbounded, bounded]) expect(lines).toEqual(even.lines)
})

test('any log, replayed twice on one partition, gives the same topics', () => {
  expect(() =>
    equalsItsReplay({ numRuns: 60, seed }, (actual, expected) => expect(actual).toEqual(expected)),
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

/** The hop of a slow one is read only when nothing else can be. */
function readWithSlowHop(
  log: readonly OutgoingRecord[],
  { waitingBytesMax, isHopSlow }: { waitingBytesMax: number; isHopSlow: boolean },
) {
  const pipeline = new LocalPipeline({ cutRecords: 16, waitingBytesMax })
  for (const record of log) pipeline.appendRecord(record)
  const reading = { batchRecords: 16, cutsBatches: false }
  let mostWaitingBytes = 0
  const step = (reads: (stage: StageName) => boolean): boolean => {
    const hasRead = pipeline.step({ ...reading, reads })
    mostWaitingBytes = Math.max(mostWaitingBytes, pipeline.waitingBytes)
    return hasRead
  }
  while (
    isHopSlow ? step((stage) => stage !== 'cart-owners') || step(() => true) : step(() => true)
  );
  pipeline.drain(reading)
  return { lines: linesOf(pipeline), mostWaitingBytes }
}
