// The broker as a process, killed under load.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drill } from './kill-drill.ts'

test('kill -9 under load loses, repeats and moves nothing that was acknowledged or shown', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-kill-'))
  try {
    const { violations, acknowledgedRecords } = await drill({ dataDir, kills: 5, seed: 1 })
    expect(violations).toEqual([])
    expect(acknowledgedRecords).toBeGreaterThan(100)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}, 60_000)
