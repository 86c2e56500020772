// History through its door, over TCP against the embedded broker: rows, positions, restarts, kills, rebuild, damage.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLogger } from '#stack/base/logger.ts'
import { PartProcess } from '#stack/base/part-process.ts'
import { topics } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { brokerForTest, ownBroker } from '#stack/kafka-client/test-broker.ts'
import { startBroker } from '#stack/kafka/start.ts'
import type { PositionsAnswer, SqlAnswer } from './read-api.ts'
import { startHistory } from './start.ts'
import { enrichedRecord, eventLine } from './testing.ts'
import type { TopicRecord } from './testing.ts'

const partitions = 2

test('records become rows, and the positions say that all are there', async () => {
  await using stack = await startStack()
  await stack.receive(3)
  await stack.send([0, 1, 2].map((i) => enriched(i)))
  await stack.settled()
  const { totals } = await stack.positions()
  expect(totals).toMatchObject({ received: 3, enriched: 3, rejected: 0, duplicate: 0 })
  const rows = await stack.rows('events')
  expect(rows.map((row) => row['event_id'])).toEqual(['e0', 'e1', 'e2'])
  expect(rows[0]).toMatchObject({
    event_time: '2024-05-06T10:00:00.000Z',
    person_id: 'a:A',
    _kafka_topic: 'ecommerce-events',
    _kafka_offset: 0,
    data: { pageType: 'home' },
    extra: null,
  })
})

test('a position without its outcome shows', async () => {
  await using stack = await startStack()
  await stack.receive(3)
  await stack.send([enriched(0), enriched(2)])
  await stack.settled()
  const { totals, inputs } = await stack.positions()
  expect(totals.received - totals.enriched - totals.rejected - totals.duplicate).toBe(1)
  expect(inputs[0]).toMatchObject({ completeTo: 1, endOffset: 3 })
})

test('what was written twice counts once, and a copy of an event is a duplicate', async () => {
  await using stack = await startStack()
  await stack.receive(3)
  await stack.send([enriched(0), enriched(0), enriched(1)])
  await stack.send([enriched(0), { ...enriched(1), value: { ...value(1), input: input(2) } }])
  await stack.settled()
  expect((await stack.positions()).totals).toMatchObject({ received: 3, enriched: 2, duplicate: 1 })
  expect(await stack.rows('events')).toHaveLength(2)
  expect(await stack.rows('rejected_events')).toMatchObject([
    {
      reason: 'duplicate',
      _kafka_offset: 2,
      message: 'e1 of web is at ecommerce-events-0@1 already',
    },
  ])
})

test('a restart goes on after the last transaction', async () => {
  await using stack = await startStack()
  await stack.receive(4)
  await stack.send([enriched(0), enriched(1)])
  await stack.settled()
  await stack.restart()
  await stack.send([enriched(1), enriched(2), enriched(3)])
  await stack.settled()
  expect((await stack.rows('events')).map((row) => row['_seq'])).toEqual([1, 2, 3, 4])
  expect((await stack.positions()).totals).toMatchObject({ received: 4, enriched: 4 })
})

test('killed at any moment, it has each event once', async () => {
  await using stack = await startStack({ inProcess: false })
  const count = 3000
  await stack.receive(count)
  for (let from = 0; from < count; from += 500) {
    await stack.send(Array.from({ length: 500 }, (_, i) => enriched(from + i)))
    if (from % 1500 === 0) await stack.kill()
  }
  await stack.settled()
  const rows = await stack.rows('events')
  expect(new Set(rows.map((row) => row['event_id'])).size).toBe(count)
  expect(rows).toHaveLength(count)
  expect((await stack.positions()).totals).toMatchObject({ received: count, enriched: count })
})

test('a rebuild gives the same rows in a new epoch, while the old ones answer', async () => {
  await using stack = await startStack()
  await stack.receive(50)
  await stack.send(Array.from({ length: 50 }, (_, i) => enriched(i)))
  await stack.settled()
  const before = await stack.rows('events')
  const { epoch } = await stack.positions()
  await stack.post('/v1/rebuild', {})
  await stack.until(async () => (await stack.positions()).epoch > epoch)
  await stack.settled()
  const after = await stack.rows('events')
  expect(after.map(withoutEpoch)).toEqual(before.map(withoutEpoch))
  const gone = await stack.get(`/v1/tables/events/rows?epoch=${epoch}`)
  expect(gone.status).toBe(400)
  await stack.restart()
  expect(await stack.rows('events')).toHaveLength(50)
})

test('a damaged file is kept aside, and history is read again', async () => {
  await using stack = await startStack()
  await stack.receive(20)
  await stack.send(Array.from({ length: 20 }, (_, i) => enriched(i)))
  await stack.settled()
  await stack.close()
  const [file = ''] = stack.files().filter((name) => name.endsWith('.duckdb'))
  writeFileSync(join(stack.dataDir, file), Buffer.alloc(100_000, 7))
  await stack.start()
  await stack.settled()
  expect(await stack.rows('events')).toHaveLength(20)
  expect((await stack.positions()).totals).toMatchObject({ received: 20, enriched: 20 })
  expect(readdirSync(join(stack.dataDir, 'damaged'))).toContain(file)
})

test('rows come by ranges of _seq, and as Parquet', async () => {
  await using stack = await startStack()
  await stack.receive(30)
  await stack.send(Array.from({ length: 30 }, (_, i) => enriched(i)))
  await stack.settled()
  const part = await stack.rows('events', '?afterSeq=10&toSeq=20&derived=false')
  expect(part.map((row) => row['_seq'])).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  expect(part[0]).not.toHaveProperty('person_id')
  expect(await stack.rows('events', '?limit=3')).toHaveLength(3)
  const parquet = await stack.get('/v1/export/events?toSeq=5')
  const bytes = Buffer.from(await parquet.arrayBuffer())
  expect(bytes.subarray(0, 4).toString()).toBe('PAR1')
  expect((await stack.get('/v1/tables/nothing/rows')).status).toBe(400)
  expect((await stack.get('/v1/tables/events/rows?limit=-1')).status).toBe(400)
  // Pages have the order of `_seq`, which current rows have not.
  expect((await stack.get('/v1/tables/orders/pages')).status).toBe(400)
  expect((await stack.get('/v1/tables/orders_log/pages')).status).toBe(200)
})

test('ad-hoc SQL is answered from a copy, and may neither reach out nor run for ever', async () => {
  await using stack = await startStack()
  await stack.receive(2)
  await stack.send([enriched(0), enriched(1)])
  await stack.settled()
  const ask = (sql: string) => stack.post('/v1/sql', { sql, limit: 2 })
  const good = (await (
    await ask('SELECT event_id, count(*) OVER () AS n FROM events ORDER BY 1')
  ).json()) as SqlAnswer & { asOfSeq: number }
  expect(good).toMatchObject({
    rows: [
      ['e0', '2'],
      ['e1', '2'],
    ],
    isCut: false,
    asOfSeq: 2,
  })
  expect(await (await ask('SELECT * FROM range(10)')).json()).toMatchObject({ isCut: true })
  const refused = [
    'DELETE FROM events_stored',
    'SELECT 1; SELECT 2',
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "COPY (SELECT 1) TO '/tmp/x'",
    "ATTACH '/tmp/x.db'",
    "SET memory_limit = '8GB'",
    'SELECT * FROM duckdb_settings()',
    'PRAGMA database_list',
    'INSTALL httpfs',
    'nonsense',
  ]
  for (const sql of refused) expect([sql, (await ask(sql)).status]).toEqual([sql, 400])
  const endless = 'SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b'
  expect(await (await ask(endless)).json()).toMatchObject({
    error: expect.stringContaining('longer'),
  })
})

test('it answers only to its own name, and takes orders from no other origin', async () => {
  await using stack = await startStack()
  const asked = (headers: Record<string, string>) => stack.raw('/v1/positions', headers)
  expect(await asked({ host: 'evil.example' })).toBe(400)
  expect(await asked({ host: 'localhost:1', origin: 'http://evil.example' })).toBe(403)
  expect(await asked({ host: 'localhost:1', 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await asked({ host: 'localhost:1', origin: 'http://127.0.0.1:4400' })).toBe(200)
})

const input = (offset: number) => ({ topic: topics.events.name, partition: 0, offset })

function enriched(i: number): TopicRecord {
  return enrichedRecord(eventLine({ eventId: `e${i}`, minute: i, data: { pageType: 'home' } }), i)
}

function value(i: number): object {
  return enriched(i).value as object
}

function withoutEpoch({ _epoch, ...row }: Record<string, unknown>): Record<string, unknown> {
  return row
}

async function startStack({ inProcess = true } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-history-'))
  const dataDir = join(dir, 'history')
  const broker = await brokerForTest(() =>
    startBroker({ dataDir: join(dir, 'broker'), initialRebalanceDelayMs: 0, ...ownBroker }),
  )
  const failures: unknown[] = []
  const startInside = async () => {
    const part = await startHistory({
      brokers: broker.address.split(','),
      partitions,
      dataDir,
      host: '127.0.0.1',
      port: 0,
      testControl: true,
      logger: silentLogger,
      onFatal: (error) => failures.push(error),
    })
    return {
      url: part.addresses['history'] as string,
      close: () => part.close(),
      kill: async () => {},
    }
  }
  const start = inProcess ? startInside : () => startOutside(broker.address, dataDir)
  let part = await start()
  const kafka = connectKafka({ brokers: broker.address.split(','), clientId: 'test' })
  const producer = await kafka.producer()
  const get = (path: string) => fetch(`${part.url}${path}`)
  const positions = async () => (await (await get('/v1/positions')).json()) as PositionsAnswer
  return {
    dataDir,
    get,
    positions,
    files: () => readdirSync(dataDir),
    raw: (path: string, headers: Record<string, string>) => rawStatus(part.url + path, headers),
    post: (path: string, body: unknown) =>
      fetch(part.url + path, { method: 'POST', body: JSON.stringify(body) }),
    /** Positions of the input that wait for their outcomes. */
    receive: (count: number) =>
      producer.send([
        {
          topic: topics.events.name,
          records: Array.from({ length: count }, () => ({ key: 'A', value: '{}', partition: 0 })),
        },
      ]),
    send: (records: readonly TopicRecord[]) =>
      producer.send(
        records.map(({ topic, partition, key, value: json }) => ({
          topic,
          records: [{ key, partition, value: JSON.stringify(json) }],
        })),
      ),
    async rows(table: string, query = '') {
      const text = await (await get(`/v1/tables/${table}/rows${query}`)).text()
      const lines = text.split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    async until(holds: () => Promise<boolean>) {
      await expect.poll(holds, { timeout: 20_000, interval: 25 }).toBe(true)
    },
    async settled() {
      await this.until(async () => {
        const { partitions: read } = await positions().catch(() => ({ partitions: undefined }))
        return read?.every(({ committed, endOffset }) => committed >= endOffset) === true
      })
      expect(failures).toEqual([])
    },
    close: () => part.close(),
    async start() {
      part = await start()
    },
    async restart() {
      await part.close()
      part = await start()
    },
    async kill() {
      await part.kill()
      part = await start()
    },
    async [Symbol.asyncDispose]() {
      await part.close()
      await producer.close()
      await broker.close()
      rmSync(dir, { recursive: true })
    },
  }
}

/** A process of its own, as `slipway history` runs it. */
async function startOutside(broker: string, dataDir: string) {
  const part = new PartProcess(
    join(import.meta.dirname, 'main.ts'),
    ['--brokers', broker, '--partitions', String(partitions)].concat(
      ['--port', '0'],
      ['--data', dataDir],
    ),
  )
  const { history } = await part.ready
  return { url: history as string, close: () => part.stop(), kill: () => part.kill() }
}

/** fetch sends no Host and Origin of one's own. */
async function rawStatus(url: string, headers: Record<string, string>): Promise<number> {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.once('error', reject)
    asked.end()
  })
}
