// The data directory: one current file, a new epoch for each new one, and files that are not gone on with.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLogger } from '#stack/base/logger.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { defaultLimits } from './database.ts'
import { HistoryDirectory, isDamage } from './history-file.ts'
import { Feed, enrichedRecord, eventLine } from './testing.ts'

test('a file is opened again with its rows, its epoch and its numbers', async () => {
  using folder = temporaryFolder()
  const feed = new Feed()
  const first = await folder.open()
  await first.commit(feed.batch([record(0), record(1)]))
  await first.close()
  const again = await folder.open()
  expect([again.isReadAgain, again.epoch]).toEqual([false, first.epoch])
  expect(again.state).toMatchObject({ lastSeq: 2, outcomes: [{ enriched: 2, completeTo: 2 }] })
  expect(again.state.positions.get('enriched-user-events-0')?.offset).toBe(2)
  await again.commit(feed.batch([record(1), record(2)]))
  expect(await again.database.rows('SELECT count(*) AS n, max(_seq) AS seq FROM events')).toEqual([
    { n: '3', seq: '3' },
  ])
  await again.close()
})

test('epochs grow, also after the directory was emptied', async () => {
  using folder = temporaryFolder()
  const first = await folder.open()
  await first.close()
  folder.empty()
  folder.nowMs += 1000
  const second = await folder.open()
  expect(second.epoch).toBeGreaterThan(first.epoch)
  await second.close()
})

test('a file written under other rules is read again', async () => {
  using folder = temporaryFolder()
  await (await folder.open()).close()
  const other = await folder.open({ ...defaultSettings, botEventsPerMinute: 3 })
  expect(other.isReadAgain).toBe(true)
  await other.close()
  expect(folder.databases()).toHaveLength(1)
})

test('a file that was found damaged while in use is set aside at the next start', async () => {
  using folder = temporaryFolder()
  const first = await folder.open()
  await first.close()
  folder.directory().condemn()
  const second = await folder.open()
  expect(second.isReadAgain).toBe(true)
  expect(second.epoch).toBeGreaterThan(first.epoch)
  await second.close()
  expect(readdirSync(join(folder.path, 'damaged'))).toEqual([`history-${first.epoch}.duckdb`])
})

test('what a rebuild left behind is removed', async () => {
  using folder = temporaryFolder()
  const first = await folder.open()
  await first.close()
  writeFileSync(join(folder.path, 'history-99.duckdb'), 'half')
  await (await folder.open()).close()
  expect(folder.databases()).toEqual([`history-${first.epoch}.duckdb`])
})

test('a file that another process holds is not damaged', () => {
  expect(isDamage(new Error('IO Error: Could not set lock on file'))).toBe(false)
  expect(isDamage(new Error('IO Error: Corrupt database file: computed checksum'))).toBe(true)
})

const record = (i: number) => enrichedRecord(eventLine({ eventId: `e${i}`, minute: i }), i)

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'slipway-history-'))
  return {
    path,
    nowMs: Date.parse('2026-01-01T00:00:00.000Z'),
    directory() {
      return new HistoryDirectory(path, { logger: silentLogger, nowMs: () => this.nowMs })
    },
    open(settings: Settings = defaultSettings) {
      return this.directory().open({ settings, limits: defaultLimits })
    },
    databases: () => readdirSync(path).filter((name) => name.endsWith('.duckdb')),
    empty: () => {
      for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true })
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  }
}
