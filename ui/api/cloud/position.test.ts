// Who is behind, and by how much.

import { describe, expect, test } from 'vitest'
import { defaultSettings } from '../../../stack/contract/settings.ts'
import { tableNames } from '../../../stack/contract/tables.ts'
import type { Position } from './position.ts'
import { behindOf, newestEpoch } from './position.ts'

const at = (maxSeq: number, newestEventMs: number, epoch = 1): Position => ({
  epoch,
  maxSeq,
  seqs: Object.fromEntries(tableNames.map((name) => [name, maxSeq])) as Position['seqs'],
  oldestEventMs: 0,
  newestEventMs,
})

describe('the cloud', () => {
  test('with every row of history is not behind', () => {
    expect(behindOf(at(10, 5000), at(10, 5000))).toMatchObject({ rows: 0, ms: 0 })
  })
  test('is behind by rows and by event time', () => {
    expect(behindOf(at(10, 2000), at(25, 5000))).toMatchObject({ rows: 15, ms: 3000 })
  })
  test('that has what a figure has seen is not behind of that figure', () => {
    expect(behindOf(at(10, 2000), at(25, 5000), 10).rows).toBe(0)
    expect(behindOf(at(10, 2000), at(25, 5000), 11).rows).toBe(1)
  })
  test('with one table short is behind, though another is ahead', () => {
    const cloud = at(25, 5000)
    cloud.seqs.carts = 20
    expect(behindOf(cloud, at(25, 5000)).rows).toBe(5)
  })
  test('that holds rows of before a rebuild says so', () => {
    expect(behindOf(at(25, 5000, 1), at(25, 5000, 2)).isOtherEpoch).toBe(true)
  })
})

test('the position is that of the newest epoch; time is told by the slowest partition that is not idle', () => {
  const settings = { ...defaultSettings, idleTimeoutMs: 2000, watermarkDelayMs: 30 }
  const row = { name: 'events', epoch: 2, oldest: 100 } as const
  const rows = [
    { ...row, partition: 0, seq: 900, epoch: 1, newest: 9000 },
    { ...row, partition: 0, seq: 7, newest: 5000 },
    { ...row, partition: 1, seq: 9, newest: 4000 },
    { ...row, partition: 2, seq: 1, newest: 2000, oldest: 50 },
    { ...row, name: 'orders', partition: 1, seq: 8, oldest: null, newest: null },
  ] as const
  const position = newestEpoch(rows, settings)
  expect(position).toMatchObject({ epoch: 2, maxSeq: 9, watermarkMs: 3970, newestEventMs: 5000 })
  expect(position).toMatchObject({ oldestEventMs: 50, seqs: { events: 9, orders: 8, carts: 0 } })
  expect(newestEpoch([], settings)).toBeUndefined()
})
