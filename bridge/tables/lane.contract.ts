// Lane B over TCP, whichever way rows go: rows of a made-up history into an embedded BigQuery, through Google's clients,
// while things go wrong.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { startBigQuery } from '#stack/bigquery/start.ts'
import type { Fault } from '#stack/bigquery/faults.ts'
import type { RunningBigQuery } from '#stack/bigquery/start.ts'
import type { TableName } from '#stack/contract/tables.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { BridgeError } from '../errors.ts'
import type { Lane } from '../lane.ts'
import type { TablesWay } from '../options.ts'
import { startTablesLane } from './start.ts'
import type { TablesLaneOptions } from './start.ts'
import { createTables, FakeHistory, targetOf } from './testing.ts'

export let server: RunningBigQuery
export let client: BigQueryClients['client']
let datasetCount = 0

beforeAll(async () => {
  server = await startBigQuery()
  client = (await connectBigQuery(targetOf(server))).client
})
afterAll(() => server.close())
beforeEach(() => server.faults.set([]))

/** Other things run on this machine. */
export const until = (holds: () => void) => vi.waitFor(holds, { timeout: 20_000, interval: 20 })

export interface World extends AsyncDisposable {
  dataset: string
  dataDir: string
  history: FakeHistory
  reported: BridgeError[]
  start(more?: Partial<TablesLaneOptions>): Promise<Lane>
  /** Until everything that history has is there; and then it is there once. */
  settled(lane: Lane): Promise<void>
  counts(name: TableName): Promise<{ n: number; seqs: number; maxSeq: number | null }>
}

/** A dataset, a history and a folder of its own. */
export async function world(by: TablesWay): Promise<World> {
  const dataset = `d${++datasetCount}`
  await createTables(client, dataset)
  const history = new FakeHistory()
  const url = await history.listen()
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-lane-b-'))
  const lanes: Lane[] = []
  const reported: BridgeError[] = []
  const counts = async (name: TableName) => {
    const [rows] = await client.query(
      `SELECT COUNT(*) AS n, COUNT(DISTINCT _seq) AS seqs, MAX(_seq) AS maxSeq
       FROM ${dataset}.${name}_log WHERE _epoch = ${history.epoch}`,
    )
    return rows[0] as { n: number; seqs: number; maxSeq: number | null }
  }
  return {
    dataset,
    dataDir,
    history,
    reported,
    counts,
    async start(more = {}) {
      const lane = await startTablesLane({
        history: url,
        target: targetOf(server),
        dataset,
        dataDir,
        metrics: new Metrics(),
        logger: silentLogger,
        clock: systemClock,
        errors: { report: async (error) => void reported.push(error) },
        by,
        loadEveryMs: 0,
        pollMs: 20,
        loadRows: 20,
        batchRows: 7,
        turnRows: 20,
        leaseMs: 4000,
        ...more,
      })
      lanes.push(lane)
      return lane
    },
    async settled(lane) {
      await until(() => {
        const { streams } = lane.status()
        expect(streams.map(({ state }) => state)).toEqual(streams.map(() => 'caught-up'))
        expect(streams.map(({ position }) => position)).toEqual(streams.map(() => history.maxSeq))
      })
    },
    async [Symbol.asyncDispose]() {
      for (const lane of lanes) await lane.close()
      await history[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true })
    },
  }
}

/** Of one table: how many rows history has of it are what BigQuery has, each once. */
export async function isThereOnce({ history, counts }: World, name: TableName, source: string) {
  const rows = history.rows(source)
  const maxSeq = Number(rows.at(-1)?.['_seq'] ?? 0)
  expect(await counts(name)).toEqual({ n: rows.length, seqs: rows.length, maxSeq })
}

export const countsOf = (lane: Lane, stream: string) =>
  lane.status().streams.find((each) => each.stream === stream)?.counts

export function everyRowIsThereOnce(by: TablesWay, troubles: Record<string, Fault[]>): void {
  describe('rows of history', () => {
    test('arrive once, in all their columns, from all tables', async () => {
      await using it = await world(by)
      it.history.add('events', 30)
      it.history.add('carts', 50, (row) => {
        if (row['_seq'] !== 40) return
        for (const column of ['state', 'started_at', 'items', 'flags']) row[column] = null
        row['_deleted'] = true
      })
      it.history.add('rejected_events', 3)
      const lane = await it.start()
      await it.settled(lane)
      await isThereOnce(it, 'events', 'events')
      await isThereOnce(it, 'carts', 'carts_log')
      await isThereOnce(it, 'rejected_events', 'rejected_events')
      const [[event]] = await client.query(
        `SELECT event_id, UNIX_MILLIS(event_time) AS at_ms, TO_JSON_STRING(data) AS data, flags, items[OFFSET(0)].productId,
         _bridge_batch FROM ${it.dataset}.events_log WHERE _seq = 2`,
      )
      expect(event).toEqual({
        event_id: 'event_id 2',
        at_ms: Date.parse('2026-03-01T00:02:00.000Z'),
        data: '{"a":"é","b":[null,1.5],"n":2}',
        flags: ['a', 'b2'],
        productId: 'P2',
        _bridge_batch: '1-1',
      })
      const [[deleted]] = await client.query(
        `SELECT state, started_at, items, _deleted FROM ${it.dataset}.carts_log WHERE _seq = 40`,
      )
      expect(deleted).toEqual({ state: null, started_at: null, items: [], _deleted: true })
    })

    test('go on where they were, after an orderly end', async () => {
      await using it = await world(by)
      it.history.add('orders', 30)
      const first = await it.start()
      await it.settled(first)
      await first.close()
      it.history.add('orders', 30)
      const second = await it.start()
      await it.settled(second)
      await isThereOnce(it, 'orders', 'orders_log')
      expect(countsOf(second, 'orders_log')).toMatchObject({ sent: 30, dedupHits: 0 })
    })

    test('are shipped anew under the epoch of a rebuild, while the lane runs', async () => {
      await using it = await world(by)
      it.history.add('orders', 30)
      const lane = await it.start()
      await it.settled(lane)
      it.history.rebuild()
      it.history.add('orders', 5)
      await it.settled(lane)
      await isThereOnce(it, 'orders', 'orders_log')
      const [rows] = await client.query(
        `SELECT _epoch, COUNT(*) AS n FROM ${it.dataset}.orders_log GROUP BY 1 ORDER BY 1`,
      )
      expect(rows).toEqual([
        { _epoch: 1, n: 30 },
        { _epoch: 2, n: 35 },
      ])
    })
  })

  describe('each row is there once although', () => {
    test.each(Object.entries(troubles))('%s', async (_what, faults) => {
      await using it = await world(by)
      it.history.add('orders', 60)
      server.faults.set(faults)
      const lane = await it.start()
      await it.settled(lane)
      await isThereOnce(it, 'orders', 'orders_log')
      expect(server.faults.left).toBe(0)
    })

    test('the state file is lost', async () => {
      await using it = await world(by)
      it.history.add('orders', 40)
      const first = await it.start()
      await it.settled(first)
      await first.close()
      rmSync(join(it.dataDir, 'tables'), { recursive: true })
      it.history.add('orders', 10)
      const second = await it.start()
      await it.settled(second)
      await isThereOnce(it, 'orders', 'orders_log')
      expect(countsOf(second, 'orders_log')).toMatchObject({ sent: 10 })
    })

    test('the state file is an old one', async () => {
      await using it = await world(by)
      it.history.add('orders', 20)
      const path = join(it.dataDir, 'tables', 'ships.ndjson')
      const first = await it.start()
      await it.settled(first)
      const old = readFileSync(path)
      it.history.add('orders', 20)
      await it.settled(first)
      await first.close()
      writeFileSync(path, old)
      it.history.add('orders', 20)
      const second = await it.start()
      await it.settled(second)
      await isThereOnce(it, 'orders', 'orders_log')
      expect(countsOf(second, 'orders_log')).toMatchObject({ sent: 20 })
    })
  })

  describe('a row that BigQuery refuses', () => {
    test('is told once, with the reason, and its neighbours arrive', async () => {
      await using it = await world(by)
      it.history.add('orders', 20, (row) => {
        if (row['_seq'] === 5 || row['_seq'] === 6) row['order_id'] = null
      })
      const lane = await it.start()
      await it.settled(lane)
      expect(await it.counts('orders')).toEqual({ n: 18, seqs: 18, maxSeq: 20 })
      expect(
        it.reported.map(({ position, target, code, reason }) => [position, target, code, reason]),
      ).toEqual(
        [5, 6].map((seq) => [
          `orders_log/1@${seq}`,
          `${it.dataset}.orders_log`,
          'INVALID_ARGUMENT',
          expect.stringContaining('Missing required field: order_id.'),
        ]),
      )
      expect(JSON.parse(it.reported[0]?.payload ?? '')).toMatchObject({
        _seq: 5,
        coupon: 'coupon 5',
      })
    })

    test('holds nothing up where it stands alone', async () => {
      await using it = await world(by)
      it.history.add('orders', 20, (row) => (row['order_id'] = null))
      const lane = await it.start()
      await it.settled(lane)
      expect(await it.counts('orders')).toEqual({ n: 0, seqs: 0, maxSeq: null })
      expect(it.reported).toHaveLength(20)
    })
  })

  test('BigQuery that is away for a while costs nothing but time', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bigquery-away-'))
    let away = await startBigQuery({ dataDir })
    const [port, storagePort] = [away.address, away.storageAddress].map((address) =>
      Number(address.split(':')[1]),
    ) as [number, number]
    const target = targetOf(away)
    const { client: own } = await connectBigQuery(target)
    await createTables(own, 'away')
    await using it = await world(by)
    it.history.add('orders', 200)
    const lane = await it.start({
      target,
      dataset: 'away',
    })
    await until(() => expect(countsOf(lane, 'orders_log')?.sent).toBeGreaterThan(20))
    await away.close()
    it.history.add('orders', 200)
    await until(() => expect(lane.status().streams.map(({ state }) => state)).toContain('waiting'))
    away = await startBigQuery({ dataDir, port, storagePort })
    await it.settled(lane)
    const [rows] = await own.query(
      'SELECT COUNT(*) AS n, COUNT(DISTINCT _seq) AS seqs FROM away.orders_log',
    )
    expect(rows).toEqual([{ n: 400, seqs: 400 }])
    await lane.close()
    await away.close()
    rmSync(dataDir, { recursive: true })
  }, 60_000)
}
