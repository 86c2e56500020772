// The journal on a disk in memory, kept by an owner that remembers the last value of each key.

import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../base/logger.ts'
import { Random } from '../../base/random.ts'
import { listeningLogger } from '../log/log-on-disk.ts'
import type { FileOperation } from '../log/memory-files.ts'
import { MemoryFiles } from '../log/memory-files.ts'
import type { JournalEntry, JournalOptions } from './journal.ts'
import { Journal } from './journal.ts'

interface SetEntry extends JournalEntry {
  kind: 'set'
  key: string
  value: number
}

const dir = '/data/journal'

function openJournal(files: MemoryFiles, options: Partial<JournalOptions> = {}) {
  const state = new Map<string, number>()
  const journal = new Journal({
    dir,
    files,
    logger: silentLogger,
    durability: 'fsync',
    ...options,
  })
  journal.own<SetEntry>({
    kinds: ['set'],
    apply: ({ key, value }) => void state.set(key, value),
    dump: () => [...state].map(([key, value]) => ({ kind: 'set', key, value })),
  })
  journal.recover()
  const set = (key: string, value: number) =>
    journal.append({ kind: 'set', key, value } as SetEntry)
  return { journal, state, set }
}

const wal = `${dir}/0.wal`

describe('an entry', () => {
  test('changes the state when it is durable, not before', async () => {
    const files = new MemoryFiles()
    const { set, state } = openJournal(files)
    const gate = Promise.withResolvers<void>()
    files.before = (operation) => (operation === 'sync' ? gate.promise : undefined)
    const done = set('a', 1)
    await new Promise(setImmediate)
    expect(state.size).toBe(0)
    gate.resolve()
    await done
    expect(state.get('a')).toBe(1)
  })

  test('that came with others is synced together with them', async () => {
    const files = new MemoryFiles()
    const { set, state } = openJournal(files)
    let syncs = 0
    files.before = (operation) => void (operation === 'sync' && syncs++)
    await Promise.all(Array.from({ length: 100 }, (_, i) => set(`k${i}`, i)))
    expect([state.size, syncs]).toEqual([100, 1])
  })

  test('is there after a stop and after a kill', async () => {
    const files = new MemoryFiles()
    const { set, journal } = openJournal(files)
    for (let i = 0; i < 5; i++) await set('a', i)
    expect(openJournal(files.killed()).state).toEqual(new Map([['a', 4]]))
    await journal.close()
    expect(openJournal(files).state).toEqual(new Map([['a', 4]]))
    await expect(set('b', 1)).rejects.toThrow('stopping')
  })
})

describe('a torn tail', () => {
  test('is cut at any byte where the last whole entry ends', async () => {
    const files = new MemoryFiles()
    const { set } = openJournal(files)
    const ends: number[] = [0]
    for (let i = 0; i < 8; i++) {
      await set('a', i)
      ends.push(files.read(wal).length)
    }
    for (let cut = 0; cut <= (ends.at(-1) as number); cut++) {
      const disk = files.killed()
      disk.damage(wal, (bytes) => bytes.subarray(0, cut))
      const logger = listeningLogger()
      const again = openJournal(disk, { logger })
      const whole = ends.filter((end) => end <= cut).length - 1
      expect(again.state.get('a'), `cut at ${cut}`).toBe(whole === 0 ? undefined : whole - 1)
      expect(logger.lines).toHaveLength(ends.includes(cut) ? 0 : 1)
      await again.set('b', 1)
      expect(openJournal(disk.killed()).state.get('b')).toBe(1)
    }
  })

  test('of zeros is cut', async () => {
    const files = new MemoryFiles()
    await openJournal(files).set('a', 1)
    files.damage(wal, (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]))
    const { state, set } = openJournal(files)
    expect(state.get('a')).toBe(1)
    await set('a', 2)
    expect(openJournal(files).state.get('a')).toBe(2)
  })
})

test('a flipped bit costs its own entry at most, and is told', async () => {
  const files = new MemoryFiles()
  const { set } = openJournal(files)
  const keys = ['a', 'b', 'c', 'd']
  const ends: number[] = []
  for (const key of keys) {
    await set(key, 1)
    ends.push(files.read(wal).length)
  }
  for (let at = 0; at < (ends[2] as number); at++) {
    const disk = files.killed()
    disk.damage(wal, (bytes) => {
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
      return bytes
    })
    const logger = listeningLogger()
    const { state } = openJournal(disk, { logger })
    const damaged = keys[ends.findIndex((end) => at < end)]
    expect([...state.keys()], `byte ${at}`).toEqual(keys.filter((key) => key !== damaged))
    expect(logger.lines.length).toBeGreaterThan(0)
  }
})

describe('a new snapshot', () => {
  test('takes the place of a file that has grown', async () => {
    const files = new MemoryFiles()
    const { set, state } = openJournal(files, { rotateBytes: 2000 })
    for (let i = 0; i < 500; i++) await set(`k${i % 7}`, i)
    const bytes = files.paths().reduce((sum, path) => sum + files.read(path).length, 0)
    expect(bytes).toBeLessThan(5000)
    expect(openJournal(files.killed()).state).toEqual(state)
  })

  test('holds what was acknowledged in the very write before it', async () => {
    const files = new MemoryFiles()
    const { set } = openJournal(files, { rotateBytes: 1 })
    for (let i = 0; i < 20; i++) {
      await set('a', i)
      expect(openJournal(files.killed()).state.get('a')).toBe(i)
    }
  })

  test.each<FileOperation>(['whole', 'create', 'syncDir', 'remove'])(
    'that a full disk stops at its %s loses nothing',
    async (operation) => {
      for (let failing = 1; failing <= 6; failing++) {
        const files = new MemoryFiles()
        const { set, state } = openJournal(files, { rotateBytes: 300 })
        let count = 0
        files.before = (each) => {
          if (each === operation && ++count === failing) throw new Error('ENOSPC')
        }
        for (let i = 0; i < 60; i++) await set(`k${i % 5}`, i)
        files.before = () => {}
        const disk = files.killed()
        const again = openJournal(disk)
        expect(again.state, `${operation} ${failing}`).toEqual(state)
        await again.set('k0', 99)
        expect(openJournal(disk.killed()).state.get('k0')).toBe(99)
      }
    },
  )
})

test('a power cut at any moment takes nothing that was acknowledged', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed)
    const files = new MemoryFiles()
    const { set } = openJournal(files, { rotateBytes: 100 + random.int(600) })
    const acknowledged = new Map<string, number>()
    const sent = new Map<string, number[]>()
    for (let i = random.int(60); i > 0; i--) {
      const key = `k${random.int(4)}`
      sent.set(key, [...(sent.get(key) ?? []), i])
      const done = set(key, i).then(() => void acknowledged.set(key, i))
      if (random.chance(0.5)) await done
    }
    for (let i = random.int(10); i > 0; i--) await Promise.resolve()
    const due = new Map(acknowledged)
    const { state } = openJournal(files.crash(random))
    for (const [key, value] of due) {
      const values = sent.get(key) as number[]
      const found = values.indexOf(state.get(key) as number)
      expect(found, `seed ${seed}, ${key}`).toBeGreaterThanOrEqual(values.indexOf(value))
    }
  }
})

describe('where the disk refuses', () => {
  test('a failed sync ends all writing until the next start', async () => {
    const files = new MemoryFiles()
    const { set, state, journal } = openJournal(files)
    await set('a', 1)
    files.before = (operation) => {
      if (operation === 'sync') throw new Error('EIO')
    }
    await expect(set('a', 2)).rejects.toThrow('EIO')
    files.before = () => {}
    await expect(set('a', 3)).rejects.toThrow('EIO')
    expect([state.get('a'), journal.hasFailed]).toEqual([1, true])
  })

  test('a failed write refuses its entries, and later ones are accepted', async () => {
    const files = new MemoryFiles()
    const { set, journal } = openJournal(files)
    await set('a', 1)
    files.before = (operation) => {
      if (operation === 'write') throw new Error('ENOSPC')
    }
    const refused = [set('a', 2), set('a', 3), set('c', 4), set('c', 5)]
    for (const each of refused) await expect(each).rejects.toThrow('ENOSPC')
    files.before = () => {}
    await set('b', 3)
    expect(journal.hasFailed).toBe(false)
    expect(openJournal(files.killed()).state).toEqual(
      new Map([
        ['a', 1],
        ['b', 3],
      ]),
    )
  })
})
