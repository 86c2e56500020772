// kill -9 of the processor while it works, as a suite of any size: no outcome is missing, and nothing is left in the
// topics that a run without kills would not have.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { topics } from '#stack/contract/topics.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { brokerForTest, ownBroker } from '#stack/kafka-client/test-broker.ts'
import { startBroker } from '#stack/kafka/start.ts'
import { outgoingRecord } from '#stack/shop/simulate/outgoing.ts'
import { createSimulation } from '#stack/shop/simulate/simulation.ts'
import { killDrill } from './kill-drill.ts'
import type { DrillResult } from './kill-drill.ts'

export interface KillOptions {
  records: number
  kills: number
  seed: number
  timeoutMs: number
}

export function killContract(options: KillOptions): void {
  const { kills, timeoutMs } = options
  test(
    `after kills, ${kills} of them, the topics hold what an undisturbed run makes`,
    {
      timeout: timeoutMs,
    },
    async () => {
      const result = await runDrill(options)
      expect(result.enriched + result.rejected).toBe(result.received)
      for (const topic of [topics.sessions.name, topics.carts.name, topics.abandonment.name]) {
        expect(result.tables[topic]).toEqual(result.expected[topic])
        expect(Object.keys(result.expected[topic] as object).length).toBeGreaterThan(5)
      }
    },
  )
}

async function runDrill({ records, kills, seed }: KillOptions): Promise<DrillResult> {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-kill-'))
  const broker = await brokerForTest(() =>
    startBroker({ dataDir, port: 0, initialRebalanceDelayMs: 0, ...ownBroker }),
  )
  try {
    const log = await simulatedLog(records, seed)
    return await killDrill({ brokers: broker.address, log, kills, seed })
  } finally {
    await broker.close()
    await rm(dataDir, { recursive: true })
  }
}

async function simulatedLog(count: number, seed: number): Promise<OutgoingRecord[]> {
  const openingMs = Date.parse('2026-03-01T00:00:00.000Z')
  const shop = { seed, days: 30, openingMs, profile: 'full', liveEventsPerSecond: 0 } as const
  const simulation = await createSimulation(shop)
  const log: OutgoingRecord[] = []
  for (const delivery of simulation.records()) {
    log.push(outgoingRecord(delivery))
    if (log.length === count) break
  }
  return log
}
