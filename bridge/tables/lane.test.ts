// Lane B by Storage Write.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '#stack/base/clock.ts'
import { client, everyRowIsThereOnce, isThereOnce, until, world } from './lane.contract.ts'
import { tableResource } from './resources.ts'

const append = { method: 'AppendRows', match: 'orders_log' }

everyRowIsThereOnce('write-api', {
  'replies are lost after the commit': [
    { ...append, code: 14, dropResponseAfterCommit: true, times: 3 },
  ],
  'replies are lost before the commit': [{ ...append, code: 14, times: 3 }],
  'the stream says OUT_OF_RANGE without reason': [{ ...append, code: 11 }],
  'the stream says OUT_OF_RANGE and has taken the rows': [
    { ...append, code: 11, dropResponseAfterCommit: true },
  ],
  'the stream says ALREADY_EXISTS at the first try, and has nothing': [{ ...append, code: 6 }],
  'the stream is said to be gone': [
    { ...append, code: 5 },
    { method: 'FinalizeWriteStream', code: 5 },
  ],
  'the stream is said to be gone, and has taken the rows': [
    { ...append, code: 5, dropResponseAfterCommit: true },
    { method: 'FinalizeWriteStream', code: 5 },
  ],
  'its end is lost too': [
    { ...append, code: 11, dropResponseAfterCommit: true },
    { method: 'FinalizeWriteStream', code: 14, dropResponseAfterCommit: true, times: 2 },
  ],
  'streams cannot be created for a while': [{ method: 'CreateWriteStream', code: 14, times: 3 }],
  'the quota is used up for a while': [{ ...append, code: 8, times: 2 }],
})

test('rows wait while history has much to catch up with', async () => {
  await using it = await world('write-api')
  it.history.add('events', 30)
  it.history.eventsBehind = 1_000_000
  const lane = await it.start()
  await until(() => {
    const [{ state, detail } = {}] = lane.status().streams
    expect(state).toBe('waiting')
    expect(detail).toContain('history has 1000000 events to catch up with, and goes first')
  })
  expect(lane.status().streams.every(({ counts }) => counts.sent === 0)).toBe(true)
  it.history.eventsBehind = 0
  await it.settled(lane)
  await isThereOnce(it, 'events', 'events')
})

describe('of two bridges', () => {
  test('the second waits until the first has gone', async () => {
    await using it = await world('write-api')
    it.history.add('orders', 10)
    const first = await it.start()
    await it.settled(first)
    const other = mkdtempSync(join(tmpdir(), 'slipway-lane-b-'))
    const second = await it.start({ dataDir: other })
    await until(() =>
      expect(second.status().streams[0]).toMatchObject({
        state: 'waiting',
        detail: expect.stringMatching(/another bridge, bridge-\w+, writes to this dataset; stop/),
      }),
    )
    it.history.add('orders', 10)
    await it.settled(first)
    await first.close()
    it.history.add('orders', 10)
    await it.settled(second)
    await isThereOnce(it, 'orders', 'orders_log')
    await second.close()
    rmSync(other, { recursive: true })
  })

  test('the one whose dataset was taken over stops', async () => {
    await using it = await world('write-api')
    it.history.add('orders', 10)
    const lane = await it.start()
    await it.settled(lane)
    const untilSeconds = String(Math.ceil(Date.now() / 1000) + 600)
    await client.dataset(it.dataset).setMetadata({
      labels: { bridge_owner: 'bridge-other', bridge_until: untilSeconds },
    })
    await until(() =>
      expect(lane.status().streams.map(({ state }) => state)).toEqual(
        lane.status().streams.map(() => 'stopped'),
      ),
    )
    it.history.add('orders', 10)
    await systemClock.sleep(200)
    expect(await it.counts('orders')).toMatchObject({ n: 10 })
  })
})

test('a table that is not there is said so, and keeps nobody from shipping', async () => {
  await using it = await world('write-api')
  await client.dataset(it.dataset).table('carts_log').delete()
  it.history.add('carts', 5)
  it.history.add('orders', 5)
  const lane = await it.start()
  const standing = (stream: string) => lane.status().streams.find((each) => each.stream === stream)
  await until(() => expect(standing('orders_log')?.state).toBe('caught-up'))
  expect(standing('carts_log')).toMatchObject({
    state: 'waiting',
    detail: expect.stringContaining('`slipway bridge apply` creates it'),
    lagRecords: 5,
  })
})

test('a column that the table lacks is added', async () => {
  await using it = await world('write-api')
  const table = client.dataset(it.dataset).table('orders_log')
  await table.delete()
  const { schema } = tableResource('orders')
  const fields = schema.fields.filter(({ name }) => name !== 'coupon')
  await client.dataset(it.dataset).createTable('orders_log', { schema: { fields } })
  it.history.add('orders', 5)
  const lane = await it.start()
  await it.settled(lane)
  const [rows] = await client.query(`SELECT coupon FROM ${it.dataset}.orders_log WHERE _seq = 1`)
  expect(rows).toEqual([{ coupon: 'coupon 1' }])
})

test('history that lost rows which were shipped stops the table', async () => {
  await using it = await world('write-api')
  it.history.add('orders', 10)
  const lane = await it.start()
  await it.settled(lane)
  it.history.maxSeq = 4
  await until(() =>
    expect(lane.status().streams.find(({ stream }) => stream === 'orders_log')).toMatchObject({
      state: 'stopped',
      detail: expect.stringContaining('history ends at _seq 4, and rows up to 10 were shipped'),
    }),
  )
})

test('a stream is given up after its time', async () => {
  await using it = await world('write-api')
  it.history.add('orders', 60)
  const lane = await it.start({ streamMs: 1 })
  await it.settled(lane)
  await isThereOnce(it, 'orders', 'orders_log')
  const state = readFileSync(join(it.dataDir, 'tables', 'ships.ndjson'), 'utf8')
  expect(state.match(/"fact":"stream"/g)?.length).toBeGreaterThan(3)
})

test('a row that is too large never leaves', async () => {
  await using it = await world('write-api')
  it.history.add('rejected_events', 5, (row) => {
    if (row['_seq'] === 3) row['body'] = 'x'.repeat(9_100_000)
  })
  const lane = await it.start()
  await it.settled(lane)
  expect(await it.counts('rejected_events')).toMatchObject({ n: 4, seqs: 4 })
  expect(it.reported.map(({ code }) => code)).toEqual(['TOO_LARGE'])
})
