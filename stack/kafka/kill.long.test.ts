// Two hundred kills of the broker under load.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drill } from './kill-drill.ts'

test('200 times kill -9 under load loses, repeats and moves nothing', async () => {
  const found: string[] = []
  for (let seed = 0; seed < 8; seed++) {
    const dataDir = await mkdtemp(join(tmpdir(), 'slipway-kill-'))
    const { violations } = await drill({ dataDir, kills: 25, seed: 100 + seed })
    found.push(...violations.map((violation) => `seed ${seed}: ${violation}`))
    await rm(dataDir, { recursive: true, force: true })
  }
  expect(found).toEqual([])
}, 900_000)
