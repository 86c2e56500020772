// Our batches as others read them: the broker's own reader, and kafkajs.

import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { batchRecords, isBatchIntact, readBatchHeader } from '../kafka/protocol/record-batch.ts'
import { encodeBatch, recordBytesAtMost } from './batch-encoder.ts'
import type { OutgoingRecord } from './records.ts'

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => object
const decodeKafkajs = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: object,
) => Promise<{ records: { key: Buffer; value: Buffer; timestamp: string; headers: object }[] }>

const records: OutgoingRecord[] = [
  { key: 'k', value: 'v', timestampMs: 1_700_000_000_000 },
  {
    key: 'schlüssel',
    value: '値'.repeat(200),
    timestampMs: 1_600_000_000_123,
    headers: { h: 'ü', g: Buffer.from([0, 255]) },
  },
  { key: Buffer.from([1, 2]), value: null, timestampMs: 1_800_000_000_000 },
  { key: null, value: Buffer.alloc(300, 7) },
]
const identity = { producerId: 4711, producerEpoch: 3 }
const nowMs = 1_750_000_000_000

describe('a batch', () => {
  test('is read back by the broker with its header and every record', () => {
    const batch = encodeBatch(records, identity, 42, nowMs)
    expect(isBatchIntact(batch, 0, batch.length)).toBe(true)
    expect(readBatchHeader(batch)).toMatchObject({
      sizeBytes: batch.length,
      count: 4,
      lastOffset: 3,
      baseSequence: 42,
      maxTimestampMs: 1_800_000_000_000,
      ...identity,
    })
    const read = [...batchRecords(batch)]
    expect(read.map(({ timestampMs }) => timestampMs)).toEqual([
      1_700_000_000_000,
      1_600_000_000_123,
      1_800_000_000_000,
      nowMs,
    ])
    expect(read[1]?.key?.toString()).toBe('schlüssel')
    expect(read[1]?.headers.map(({ key, value }) => [key, value?.toString('latin1')])).toEqual([
      ['h', Buffer.from('ü').toString('latin1')],
      ['g', '\u0000\u00ff'],
    ])
    expect(read[2]?.value).toBeNull()
    expect(read[3]?.key).toBeNull()
  })

  test('is read the same by kafkajs', async () => {
    const batch = encodeBatch(records, identity, 0, nowMs)
    const decoded = await decodeKafkajs(new Decoder(batch))
    const own = [...batchRecords(batch)]
    expect(decoded.records.map(({ value }) => value)).toEqual(own.map(({ value }) => value))
    expect(decoded.records.map(({ timestamp }) => Number(timestamp))).toEqual(
      own.map(({ timestampMs }) => timestampMs),
    )
  })

  test('never takes more than was counted on', () => {
    for (const record of records) {
      const bytes = encodeBatch([record], identity, 0, nowMs).length - 61
      expect(bytes).toBeLessThanOrEqual(recordBytesAtMost(record))
    }
  })
})
