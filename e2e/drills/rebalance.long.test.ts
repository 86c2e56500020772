// A hundred rebalances.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBroker } from '#stack/kafka/start.ts'
import { drill, sessionMs } from './rebalance.ts'

const rebalances = Number(process.env['SLIPWAY_REBALANCES'] ?? 100)

test(`${rebalances} rebalances skip no record and leave no partition without an owner for long`, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-rebalance-'))
  const broker = await startBroker({ dataDir })
  try {
    const { skipped, longestWait, ...figures } = await drill({
      broker: broker.address,
      rebalances,
      seed: 1,
    })
    process.stdout.write(`rebalances: ${JSON.stringify(figures)}\n`)
    expect(skipped).toEqual([])
    const isLong = figures.longestWaitMs >= 2 * sessionMs
    if (isLong) process.stdout.write(`the longest wait:\n${longestWait.join('\n')}\n`)
    expect(isLong).toBe(false)
  } finally {
    await broker.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}, 3_600_000)
