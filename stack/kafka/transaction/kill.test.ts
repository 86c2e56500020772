// The broker as a process, killed in the middle of transactions.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drill } from './kill-drill.ts'

test('kill -9 leaves each transaction whole or not at all, and its offsets with it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-kill-'))
  try {
    const { violations, committed } = await drill({ dataDir, kills: 2, seed: 1 })
    expect(violations).toEqual([])
    expect(committed).toBeGreaterThan(0)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}, 60_000)
