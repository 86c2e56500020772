// kill -9 of the bridge while it mirrors topics, as a suite of any size, with answers of Pub/Sub that are lost on top.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startBroker } from '#stack/kafka/start.ts'
import { brokerForTest, outsideBrokers, ownBroker } from '#stack/kafka-client/test-broker.ts'
import type { Fault } from '#stack/pubsub/faults.ts'
import { startPubSub } from '#stack/pubsub/start.ts'
import { killDrill } from './kill-drill.ts'
import type { KillDrillOptions } from './kill-drill.ts'

type KillOptions = Pick<KillDrillOptions, 'kills' | 'ordering' | 'seed'>

const perKillMs = 30_000
const sessionTimeoutMs = outsideBrokers === undefined ? 3000 : 6000

export function killContract(options: KillOptions): void {
  const { kills, ordering } = options
  describe(`after the bridge was killed ${kills} times, ordered by ${ordering}`, () => {
    const timeout = 120_000 + kills * perKillMs
    test(
      'every record is there, in order, and copies carry the position of the first',
      { timeout },
      async () => {
        const judged = await runDrill(options)
        expect(judged).toMatchObject({ missing: [], early: [], changed: [] })
        expect(judged.copies).toBeGreaterThan(0)
      },
    )
  })
}

async function runDrill(options: KillOptions) {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bridge-kill-'))
  const broker = await brokerForTest(() =>
    startBroker({
      dataDir: join(dataDir, 'broker'),
      initialRebalanceDelayMs: 0,
      sessionTimeoutMsMin: sessionTimeoutMs,
      ...ownBroker,
    }),
  )
  const pubsub = await startPubSub({ dataDir: join(dataDir, 'pubsub') })
  try {
    return await killDrill({
      ...options,
      brokers: broker.address,
      pubsub: pubsub.address,
      recordsPerLife: 400,
      sessionTimeoutMs,
      onLife: (life) => pubsub.faults.set(life === options.kills ? [] : faultsOf(life)),
    })
  } finally {
    await pubsub.close()
    await broker.close()
    rmSync(dataDir, { recursive: true })
  }
}

/** Answers that are lost, then answers that come late, then none: what waits is to be sent by a later life. */
function faultsOf(life: number): Fault[] {
  const fault = { method: 'Publish', match: 'killed' }
  return [
    { ...fault, code: 'UNAVAILABLE', times: 2, dropResponseAfterCommit: true },
    { ...fault, times: 30, delayMs: 100 * (life % 4) },
    { ...fault, code: 'UNAVAILABLE', times: 1e9 },
  ]
}
