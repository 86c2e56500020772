// A hundred rebalances of each kind of groups.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBroker } from '#stack/kafka/start.ts'
import { drill, sessionMs } from './rebalance.ts'

const rebalances = Number(process.env['SLIPWAY_REBALANCES'] ?? 100)
const timeout = 3_600_000

test.each([
  { protocol: 'classic', members: 'kafkajs' },
  { protocol: 'consumer', members: '@platformatic/kafka' },
] as const)(
  `${rebalances} rebalances of $members ($protocol) skip no record and leave no partition without an owner for long`,
  { timeout },
  async ({ protocol }) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'slipway-rebalance-'))
    const broker = await startBroker({ dataDir, consumerSessionTimeoutMs: sessionMs })
    try {
      const { skipped, longestWait, ...figures } = await drill({
        broker: broker.address,
        protocol,
        rebalances,
        seed: 1,
      })
      process.stdout.write(`rebalances, ${protocol}: ${JSON.stringify(figures)}\n`)
      expect(skipped).toEqual([])
      const isLong = figures.longestWaitMs >= 2 * sessionMs
      if (isLong) process.stdout.write(`the longest wait:\n${longestWait.join('\n')}\n`)
      expect(isLong).toBe(false)
    } finally {
      await broker.close()
      await rm(dataDir, { recursive: true, force: true })
    }
  },
)
