// Two million malformed requests.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FuzzResult } from './fuzz.ts'
import { fuzz } from './fuzz.ts'

let dataDir = ''

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'slipway-fuzz-'))
})

afterEach(() => rm(dataDir, { recursive: true, force: true }))

const timeout = 3_600_000

test('1,500,000 malformed requests end nothing and hold nobody up', { timeout }, async () => {
  const result = await fuzz({ dataDir: join(dataDir, 'broker'), frames: 1_500_000, seed: 11 })
  report('open', result)
  expect(result.violations).toEqual([])
})

test('500,000 before the login come to nothing and take no memory', { timeout }, async () => {
  const usersFile = join(dataDir, 'users')
  await writeFile(usersFile, 'ann:secret\n')
  const result = await fuzz({
    dataDir: join(dataDir, 'broker'),
    frames: 500_000,
    seed: 12,
    usersFile,
  })
  report('before the login', result)
  expect(result.violations).toEqual([])
  const [first = 0] = result.residentMb
  expect(result.residentMb.at(-1)).toBeLessThan(first + 32)
})

function report(name: string, { violations: _, ...figures }: FuzzResult): void {
  process.stdout.write(`fuzz, ${name}: ${JSON.stringify(figures)}\n`)
}
