// Malformed requests of every API and version, at a broker in a process of its own.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fuzz } from './fuzz.ts'

let dataDir = ''

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-fuzz-'))
})

afterEach(() => rm(dataDir, { recursive: true, force: true }))

test('2,000 malformed requests end nothing and hold nobody up', { timeout: 120_000 }, async () => {
  const result = await fuzz({ dataDir: join(dataDir, 'broker'), frames: 2000, seed: 1 })
  expect(result.violations).toEqual([])
  expect(result.closed).toBeGreaterThan(250)
  expect(result.answered).toBeGreaterThan(150)
})

test('500 before the login come to nothing', { timeout: 120_000 }, async () => {
  const usersFile = join(dataDir, 'users')
  await writeFile(usersFile, 'ann:secret\n')
  const result = await fuzz({
    dataDir: join(dataDir, 'broker'),
    frames: 500,
    seed: 2,
    usersFile,
  })
  expect(result.violations).toEqual([])
  expect(result.closed).toBeGreaterThan(100)
})
