// Producer ids across starts, on a disk in memory.

import { expect, test } from 'vitest'
import { silentLogger } from '../base/logger.ts'
import { Journal } from './journal/journal.ts'
import { MemoryFiles } from './log/memory-files.ts'
import { ProducerIds } from './producer-ids.ts'

function open(files: MemoryFiles) {
  const journal = new Journal({ dir: '/j', files, logger: silentLogger, durability: 'fsync' })
  const ids = new ProducerIds(journal)
  journal.recover()
  ids.recovered()
  return ids
}

test('no id is handed out twice, whatever ends the broker', async () => {
  const files = new MemoryFiles()
  const seen = new Set<number>()
  let disk = files
  for (let start = 0; start < 4; start++) {
    const ids = open(disk)
    const wanted = start === 1 ? 2500 : 3
    for (let i = 0; i < wanted; i++) {
      const id = await ids.allocate()
      expect(seen.has(id)).toBe(false)
      seen.add(id)
    }
    disk = disk.killed()
  }
  expect(seen.size).toBe(2509)
})

test('ids asked for at once are different, and one block serves them', async () => {
  const files = new MemoryFiles()
  const ids = open(files)
  let writes = 0
  files.before = (operation) => void (operation === 'write' && writes++)
  const got = await Promise.all(Array.from({ length: 1000 }, () => ids.allocate()))
  expect([new Set(got).size, writes]).toEqual([1000, 1])
})

test('none leaves before its block is durable', async () => {
  const files = new MemoryFiles()
  const ids = open(files)
  files.before = (operation) => {
    if (operation === 'write') throw new Error('ENOSPC')
  }
  await expect(ids.allocate()).rejects.toThrow('ENOSPC')
  files.before = () => {}
  expect(await ids.allocate()).toBe(0)
})
