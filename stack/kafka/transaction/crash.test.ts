// Power cuts in the middle of transactions, on a disk in memory.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cutInTransactions } from './crash-story.ts'

test('a power cut leaves each transaction whole or not at all, and as it was acknowledged', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-transactions-'))
  try {
    for (let seed = 0; seed < 40; seed++)
      expect(await cutInTransactions({ seed, dataDir }), `seed ${seed}`).toEqual([])
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
