// Two hundred kills of the broker in the middle of transactions.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drill } from './kill-drill.ts'

test('200 times kill -9 leaves each transaction whole or not at all', async () => {
  const found: string[] = []
  const ends = { committed: 0, aborted: 0, left: 0 }
  for (let seed = 0; seed < 8; seed++) {
    const dataDir = await mkdtemp(join(tmpdir(), 'slipway-kill-'))
    const result = await drill({ dataDir, kills: 25, seed: 100 + seed })
    found.push(...result.violations.map((violation) => `seed ${seed}: ${violation}`))
    for (const end of ['committed', 'aborted', 'left'] as const) ends[end] += result[end]
    await rm(dataDir, { recursive: true, force: true })
  }
  process.stdout.write(`200 kills in transactions: ${JSON.stringify(ends)}\n`)
  expect(found).toEqual([])
}, 1_800_000)
