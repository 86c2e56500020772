// Storage Write as Google's own client does it, and what holds of it and of loads after kill -9.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapt, managedwriter } from '@google-cloud/bigquery-storage'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectBigQuery, connectStorageWrite } from '#stack/google/bigquery.ts'
import type { StorageWriter } from '#stack/google/bigquery.ts'
import type { BigQuery } from '@google-cloud/bigquery'
import type { PartMessage } from '../base/lifecycle.ts'
import { startBigQuery } from './start.ts'
import type { RunningBigQuery } from './start.ts'

const tables = 'projects/shop/datasets/d/tables'
const fields = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'name', type: 'STRING' },
  { name: 'day', type: 'DATE' },
  { name: 'seen', type: 'TIMESTAMP' },
  { name: 'price', type: 'NUMERIC' },
  {
    name: 'items',
    type: 'RECORD',
    mode: 'REPEATED',
    fields: [
      { name: 'sku', type: 'STRING' },
      { name: 'n', type: 'INTEGER' },
    ],
  },
]

interface Parts {
  client: BigQuery
  writer: StorageWriter
}
async function connect(bigquery: string, bigqueryStorage: string): Promise<Parts> {
  const target = { mode: 'emulator', projectId: 'shop', bigquery, bigqueryStorage } as const
  const { client } = await connectBigQuery(target)
  return { client, writer: await connectStorageWrite(target) }
}

async function open(writer: StorageWriter, streamId: string) {
  const stream = await writer.getWriteStream({ streamId })
  const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
    stream.tableSchema as never,
    'root',
  )
  const connection = await writer.createStreamConnection({ streamId })
  const json = new managedwriter.JSONWriter({ connection, protoDescriptor })
  return {
    connection,
    append: (rows: object[], offset?: number) => json.appendRows(rows as never, offset).getResult(),
    close: () => connection.close(),
  }
}
const ids = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: from + i, name: `n${from + i}` }))

let server: RunningBigQuery
let parts: Parts
beforeAll(async () => {
  server = await startBigQuery()
  parts = await connect(server.address, server.storageAddress)
  await parts.client.createDataset('d')
})
afterAll(async () => {
  parts.writer.close()
  await server.close()
})
async function table(name: string): Promise<string> {
  await parts.client.dataset('d').createTable(name, { schema: fields })
  return `${tables}/${name}`
}
const count = async (name: string, { client } = parts) =>
  (
    (await client.query(`SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM d.${name}`))[0] as {
      n: number
      ids: number
    }[]
  )[0]

describe('a committed stream', () => {
  test('takes each offset once', async () => {
    const name = await parts.writer.createWriteStream({
      streamType: managedwriter.CommittedStream,
      destinationTable: await table('committed'),
    })
    const stream = await open(parts.writer, name)
    expect((await stream.append(ids(0, 3), 0)).appendResult?.offset?.value).toEqual('0')
    expect((await stream.append(ids(0, 3), 0)).error?.code).toBe(6)
    expect((await stream.append(ids(9, 1), 9)).error?.code).toBe(11)
    expect((await stream.append(ids(3, 2), 3)).error ?? null).toBeNull()
    expect(await count('committed')).toEqual({ n: 5, ids: 5 })
    expect((await stream.connection.finalize())?.rowCount).toEqual('5')
    expect((await stream.append(ids(5, 1), 5)).error?.code).toBe(3)
    stream.close()
  })
  test('keeps what was written although the answer was lost', async () => {
    const name = await parts.writer.createWriteStream({
      streamType: managedwriter.CommittedStream,
      destinationTable: await table('lost'),
    })
    const stream = await open(parts.writer, name)
    server.faults.set([{ method: 'AppendRows', code: 14, dropResponseAfterCommit: true }])
    await stream.append(ids(0, 2), 0).catch(() => {})
    stream.close()
    const again = await open(parts.writer, name)
    expect((await again.append(ids(0, 2), 0)).error?.code).toBe(6)
    expect(await count('lost')).toEqual({ n: 2, ids: 2 })
    again.close()
  })
})

describe('rows', () => {
  test('arrive as they were sent, nested ones too', async () => {
    const stream = await open(parts.writer, `${await table('typed')}/streams/_default`)
    const at = new Date('2024-01-02T03:04:05.678Z')
    const result = await stream.append([
      {
        id: 1,
        name: 'a',
        day: new Date('2024-01-02'),
        seen: at,
        price: '12.5',
        items: [
          { sku: 'x', n: 2 },
          { sku: 'y', n: 3 },
        ],
      },
    ])
    expect([result.error ?? null, result.rowErrors ?? []]).toEqual([null, []])
    const [rows] = await parts.client.query(
      'SELECT id, name, CAST(day AS STRING) AS day, UNIX_MILLIS(seen) AS seen, CAST(price AS STRING) AS price, items FROM d.typed',
    )
    expect(rows).toEqual([
      {
        id: 1,
        name: 'a',
        day: '2024-01-02',
        seen: at.getTime(),
        price: '12.5',
        items: [
          { sku: 'x', n: 2 },
          { sku: 'y', n: 3 },
        ],
      },
    ])
    stream.close()
  })
  test('that are bad are named, and their request is refused whole', async () => {
    const stream = await open(parts.writer, `${await table('bad')}/streams/_default`)
    const result = await stream.append([{ id: 1 }, { id: 2, price: 'much' }])
    expect(result.error?.code).toBe(3)
    expect(result.rowErrors).toMatchObject([
      { index: '1', message: 'Cannot convert value to numeric (bad value): much' },
    ])
    expect(await count('bad')).toEqual({ n: 0, ids: 0 })
    stream.close()
  })
})

test('a pending stream is seen when it is committed, all at once', async () => {
  const parent = await table('pending')
  const name = await parts.writer.createWriteStream({
    streamType: managedwriter.PendingStream,
    destinationTable: parent,
  })
  const stream = await open(parts.writer, name)
  await stream.append(ids(0, 4), 0)
  const early = await parts.writer.batchCommitWriteStream({ parent, writeStreams: [name] })
  expect([early.streamErrors?.length, await count('pending')]).toEqual([1, { n: 0, ids: 0 }])
  await stream.connection.finalize()
  await parts.writer.batchCommitWriteStream({ parent, writeStreams: [name] })
  expect(await count('pending')).toEqual({ n: 4, ids: 4 })
  stream.close()
})

test('a buffered stream is seen as far as it is flushed', async () => {
  const name = await parts.writer.createWriteStream({
    streamType: managedwriter.BufferedStream,
    destinationTable: await table('buffered'),
  })
  const stream = await open(parts.writer, name)
  await stream.append(ids(0, 4), 0)
  await stream.connection.flushRows({ offset: 1 })
  expect(await count('buffered')).toEqual({ n: 2, ids: 2 })
  stream.close()
})

test('what was appended or loaded before kill -9 is so after it, once', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bigquery-kill-'))
  try {
    let name = ''
    let acknowledged = 0
    for (let life = 0; life < 3; life++) {
      const running = await startProcess(dataDir)
      if (life === 0) {
        await running.client.createDataset('d')
        await running.client.dataset('d').createTable('t', { schema: fields })
        name = await running.writer.createWriteStream({
          streamType: managedwriter.CommittedStream,
          destinationTable: `${tables}/t`,
        })
      }
      const stream = await open(running.writer, name)
      const repeated =
        acknowledged === 0 ? 6 : (await stream.append(ids(0, 1), acknowledged - 1)).error?.code
      expect(repeated).toBe(6)
      for (let n = 0; n < 5; n++) {
        expect((await stream.append(ids(acknowledged, 10), acknowledged)).error ?? null).toBeNull()
        acknowledged += 10
      }
      expect(await count('t', running)).toEqual({ n: acknowledged, ids: acknowledged })
      stream.close()
      await running.kill()
    }
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}, 60_000)

async function startProcess(dataDir: string) {
  const main = new URL('./main.ts', import.meta.url).pathname
  const flags = ['--port', '0', '--storage-port', '0', '--control-port', '0', '--data', dataDir]
  const child = spawn(process.execPath, [main, ...flags], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const [message] = (await once(child, 'message')) as [PartMessage]
  if (message.event !== 'ready') throw new Error('it did not start')
  const { bigquery = '', bigqueryStorage = '' } = message.addresses
  const connected = await connect(bigquery, bigqueryStorage)
  return {
    ...connected,
    async kill() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      connected.writer.close()
    },
  }
}
