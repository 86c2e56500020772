// What Storage Write promises to Google's own client: streams of each kind, offsets, rows as protobuf.

import { randomUUID } from 'node:crypto'
import type { BigQuery } from '@google-cloud/bigquery'
import { adapt, managedwriter, protos } from '@google-cloud/bigquery-storage'
import { afterAll, beforeAll, expect } from 'vitest'
import { connectBigQuery, connectStorageWrite } from '#stack/google/bigquery.ts'
import type { StorageWriter } from '#stack/google/bigquery.ts'
import { testsOf } from './bigquery.contract.ts'
import type { ContractTarget } from './bigquery.contract.ts'

export const tables = 'projects/shop/datasets/d/tables'

export const fields = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'name', type: 'STRING' },
]

const manyFields = [
  ...fields,
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

export interface Parts {
  client: BigQuery
  writer: StorageWriter
}

export async function connectParts(bigquery: string, bigqueryStorage: string): Promise<Parts> {
  const target = { mode: 'emulator', projectId: 'shop', bigquery, bigqueryStorage } as const
  const { client } = await connectBigQuery(target)
  return { client, writer: await connectStorageWrite(target) }
}

export async function openStream(writer: StorageWriter, streamId: string) {
  const stream = await writer.getWriteStream({ streamId, view: fullView })
  const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
    stream.tableSchema as never,
    'root',
  )
  const connection = await writer.createStreamConnection({ streamId })
  const json = new managedwriter.JSONWriter({ connection, protoDescriptor })
  return {
    connection,
    append: (rows: object[], offset?: number) => json.appendRows(rows as never, offset).getResult(),
    [Symbol.dispose]: () => connection.close(),
  }
}

export const rowsFrom = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: from + i, name: `n${from + i}` }))

export async function countOf({ client }: Parts, table: string) {
  const sql = `SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM d.${table}`
  return ((await client.query(sql))[0] as { n: number; ids: number }[])[0]
}

const alreadyExists = 6
const outOfRange = 11
const invalidArgument = 3
const failedPrecondition = 9
const notFound = 5
const fullView = protos.google.cloud.bigquery.storage.v1.WriteStreamView.FULL

export function storageWriteContract(target: ContractTarget): void {
  const { about, test } = testsOf(target)

  about('Storage Write', () => {
    let server: Awaited<ReturnType<ContractTarget['start']>>
    let parts: Parts

    beforeAll(async () => {
      server = await target.start()
      parts = await connectParts(server.address, server.storageAddress)
      await parts.client.createDataset('d')
    })
    afterAll(async () => {
      parts?.writer.close()
      await server?.close()
    })

    const newTable = async (name: string, schema: object[] = fields): Promise<string> => {
      await parts.client.dataset('d').createTable(name, { schema })
      return `${tables}/${name}`
    }
    const newStream = (
      destinationTable: string,
      streamType: Parameters<StorageWriter['createWriteStream']>[0]['streamType'],
    ) => parts.writer.createWriteStream({ streamType, destinationTable })

    test('a committed stream takes each offset once, and none too early', async () => {
      const name = await newStream(await newTable('committed'), managedwriter.CommittedStream)
      using stream = await openStream(parts.writer, name)
      const first = await stream.append(rowsFrom(0, 3), 0)
      expect(String(first.appendResult?.offset?.value)).toBe('0')
      expect((await stream.append(rowsFrom(0, 3), 0)).error?.code).toBe(alreadyExists)
      expect((await stream.append(rowsFrom(9, 1), 9)).error?.code).toBe(outOfRange)
      expect((await stream.append(rowsFrom(3, 2), 3)).error ?? null).toBeNull()
      expect(await countOf(parts, 'committed')).toEqual({ n: 5, ids: 5 })
    })

    test('a stream that is finalized says how many rows it has, and takes no more', async () => {
      const name = await newStream(await newTable('finalized'), managedwriter.CommittedStream)
      using stream = await openStream(parts.writer, name)
      await stream.append(rowsFrom(0, 5), 0)
      expect(String((await stream.connection.finalize())?.rowCount)).toBe('5')
      // The documentation names STREAM_FINALIZED and no status for it.
      const { error } = await stream.append(rowsFrom(5, 1), 5)
      expect([invalidArgument, failedPrecondition]).toContain(error?.code)
      expect(await countOf(parts, 'finalized')).toEqual({ n: 5, ids: 5 })
    })

    test('a stream without offsets takes rows as they come', async () => {
      const name = await newStream(await newTable('unnumbered'), managedwriter.CommittedStream)
      using stream = await openStream(parts.writer, name)
      for (const from of [0, 2]) {
        expect((await stream.append(rowsFrom(from, 2))).error ?? null).toBeNull()
      }
      expect(await countOf(parts, 'unnumbered')).toEqual({ n: 4, ids: 4 })
    })

    test('a stream that is not there is missed', async () => {
      const streamId = `${await newTable('missed')}/streams/${randomUUID()}`
      await expect(parts.writer.getWriteStream({ streamId })).rejects.toMatchObject({
        code: notFound,
      })
    })

    test('of a table that is not there no stream is made', async () => {
      await expect(
        newStream(`${tables}/nowhere`, managedwriter.CommittedStream),
      ).rejects.toMatchObject({
        code: notFound,
      })
    })

    test('each table has a default stream, with its schema', async () => {
      const streamId = `${await newTable('default')}/streams/_default`
      const { tableSchema } = await parts.writer.getWriteStream({ streamId, view: fullView })
      expect(tableSchema?.fields?.map(({ name }) => name)).toEqual(fields.map(({ name }) => name))
      using stream = await openStream(parts.writer, streamId)
      expect((await stream.append(rowsFrom(0, 2))).error ?? null).toBeNull()
      expect(await countOf(parts, 'default')).toEqual({ n: 2, ids: 2 })
    })

    test('rows arrive as they were sent, nested ones too', async () => {
      using stream = await openStream(
        parts.writer,
        `${await newTable('typed', manyFields)}/streams/_default`,
      )
      const at = new Date('2024-01-02T03:04:05.678Z')
      const items = [
        { sku: 'x', n: 2 },
        { sku: 'y', n: 3 },
      ]
      const day = new Date('2024-01-02')
      const row = { id: 1, name: 'a', day, seen: at, price: '12.5', items }
      const result = await stream.append([row])
      expect([result.error ?? null, result.rowErrors ?? []]).toEqual([null, []])
      const [rows] = await parts.client.query(
        'SELECT id, name, CAST(day AS STRING) AS day, UNIX_MILLIS(seen) AS seen, CAST(price AS STRING) AS price, items FROM d.typed',
      )
      expect(rows).toEqual([
        { id: 1, name: 'a', day: '2024-01-02', seen: at.getTime(), price: '12.5', items },
      ])
    })

    test('a row that is bad is named, and its request is refused whole', async () => {
      using stream = await openStream(
        parts.writer,
        `${await newTable('bad', manyFields)}/streams/_default`,
      )
      const result = await stream.append([{ id: 1 }, { id: 2, price: 'much' }])
      expect(result.error?.code).toBe(invalidArgument)
      expect(result.rowErrors).toMatchObject([{ index: '1' }])
      expect(await countOf(parts, 'bad')).toEqual({ n: 0, ids: 0 })
    })

    test('a pending stream is seen when it is committed, all at once', async () => {
      const parent = await newTable('pending')
      const name = await newStream(parent, managedwriter.PendingStream)
      using stream = await openStream(parts.writer, name)
      await stream.append(rowsFrom(0, 4), 0)
      const early = await parts.writer.batchCommitWriteStream({ parent, writeStreams: [name] })
      expect([early.streamErrors?.length, await countOf(parts, 'pending')]).toEqual([
        1,
        { n: 0, ids: 0 },
      ])
      await stream.connection.finalize()
      await parts.writer.batchCommitWriteStream({ parent, writeStreams: [name] })
      expect(await countOf(parts, 'pending')).toEqual({ n: 4, ids: 4 })
    })

    test('pending streams of a table are committed together', async () => {
      const parent = await newTable('together')
      const names: string[] = []
      for (const from of [0, 3]) {
        const name = await newStream(parent, managedwriter.PendingStream)
        using stream = await openStream(parts.writer, name)
        await stream.append(rowsFrom(from, 3), 0)
        await stream.connection.finalize()
        names.push(name)
      }
      await parts.writer.batchCommitWriteStream({ parent, writeStreams: names })
      expect(await countOf(parts, 'together')).toEqual({ n: 6, ids: 6 })
    })

    test('a buffered stream is seen as far as it is flushed', async () => {
      const name = await newStream(await newTable('buffered'), managedwriter.BufferedStream)
      using stream = await openStream(parts.writer, name)
      await stream.append(rowsFrom(0, 4), 0)
      await stream.connection.flushRows({ offset: 1 })
      expect(await countOf(parts, 'buffered')).toEqual({ n: 2, ids: 2 })
    })
  })
}
