// What our reader makes of batches: the same as the broker's own, whoever wrote them.

import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codecs } from '../kafka/protocol/compression.ts'
import { crc32c } from '../kafka/protocol/crc32c.ts'
import { batchRecords, placeBatch } from '../kafka/protocol/record-batch.ts'
import { encodeBatch } from './batch-encoder.ts'
import { decodeRecords, offsetAfter } from './fetched-records.ts'
import type { AbortedTransaction } from './fetched-records.ts'
import type { OutgoingRecord } from './records.ts'

const headerBytes = 61
const checksumAt = 17
const attributesAt = 21
const transactional = 0x10
const control = 0x20

const records: OutgoingRecord[] = [
  { key: 'k', value: 'v', timestampMs: 1_700_000_000_000 },
  { key: null, value: 'x'.repeat(300), timestampMs: 1_600_000_000_123, headers: { h: 'ü', g: '' } },
  { key: 'gone', value: null, timestampMs: 1_800_000_000_000 },
]

interface Placing {
  baseOffset?: number
  producerId?: number
  attributes?: number
}

function batchOf(
  list: readonly OutgoingRecord[],
  { baseOffset = 0, producerId = -1, attributes = 0 }: Placing = {},
): Buffer {
  const batch = encodeBatch(list, { producerId, producerEpoch: 0 }, 0, 1_750_000_000_000)
  batch.writeInt16BE(attributes, attributesAt)
  placeBatch(batch, 0, baseOffset, 0)
  return sealed(batch)
}

function packed(batch: Buffer, codec: number, pack: (bytes: Buffer) => Buffer): Buffer {
  const whole = Buffer.concat([batch.subarray(0, headerBytes), pack(batch.subarray(headerBytes))])
  whole.writeInt32BE(whole.length - 12, 8)
  whole.writeInt16BE(codec, attributesAt)
  return sealed(whole)
}

/** With the checksum of what it holds now. */
function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, attributesAt), checksumAt)
  return batch
}

const marker = (type: number): OutgoingRecord => ({
  key: Buffer.from([0, 0, 0, type]),
  value: Buffer.alloc(6),
})

const values = (bytes: Buffer, fromOffset = 0, abortedTransactions: AbortedTransaction[] = []) =>
  decodeRecords(bytes, fromOffset, { abortedTransactions }).records.map(({ value }) =>
    value?.toString(),
  )

function outcomeOf(bytes: Buffer): string {
  try {
    return decodeRecords(bytes, 0).records.every(({ headers }) => headers !== undefined)
      ? 'read'
      : 'half'
  } catch (error) {
    return (error as Error).name
  }
}

describe('fetched records', () => {
  test.each([
    ['plain', codecs.none, (bytes: Buffer) => bytes],
    ['gzip', codecs.gzip, (bytes: Buffer) => gzipSync(bytes)],
    ['zstd', codecs.zstd, (bytes: Buffer) => zstdCompressSync(bytes)],
  ] as const)('of a batch in %s are what the broker reads', (_name, codec, pack) => {
    const batch = packed(batchOf(records, { baseOffset: 1000 }), codec, pack)
    const expected = [...batchRecords(batch)].map((record) => ({
      ...record,
      headers: Object.fromEntries(record.headers.map(({ key, value }) => [key, value])),
    }))
    const read = decodeRecords(batch, 0).records.map(
      ({ key, value, timestampMs, offset, headers }) => ({
        key,
        value,
        timestampMs,
        offset,
        headers,
      }),
    )
    expect(read).toEqual(expected)
  })

  test('begin with the wanted offset in the middle of a batch', () => {
    const { records: read } = decodeRecords(batchOf(records, { baseOffset: 10 }), 11)
    expect(read.map(({ offset }) => offset)).toEqual([11, 12])
  })

  test('end with the last whole batch of the answer', () => {
    const two = Buffer.concat([batchOf(records), batchOf(records, { baseOffset: 3 })])
    for (const cut of [1, 200]) {
      const torn = two.subarray(0, two.length - cut)
      expect(decodeRecords(torn, 0).records).toHaveLength(3)
      expect(offsetAfter(torn, 0)).toBe(3)
    }
    expect(offsetAfter(two, 0)).toBe(6)
    expect(offsetAfter(two.subarray(0, 30), 7)).toBe(7)
  })

  test('have the time of the broker where the topic says so', () => {
    const batch = batchOf(records, { attributes: 0x08 })
    expect(new Set(decodeRecords(batch, 0).records.map(({ timestampMs }) => timestampMs))).toEqual(
      new Set([1_800_000_000_000]),
    )
  })

  test('of an earlier time than is asked for are counted where a whole batch is, and else left to the reader', () => {
    const at = (timestampMs: number, baseOffset: number) =>
      batchOf([{ key: null, value: `${timestampMs}`, timestampMs }], { baseOffset })
    const mixed = batchOf(
      [10, 20].map((timestampMs) => ({ key: null, value: `${timestampMs}`, timestampMs })),
      { baseOffset: 2 },
    )
    const log = Buffer.concat([at(10, 0), at(20, 1), mixed, at(19, 4)])
    const { records: read, leftOut } = decodeRecords(log, 0, { sinceMs: 20 })
    expect(read.map(({ offset }) => offset)).toEqual([1, 2, 3])
    expect(leftOut).toBe(2)
  })

  test('hold no control records, and none of an aborted transaction', () => {
    const of = (value: string, baseOffset: number, producerId: number) =>
      batchOf([{ key: null, value }], { baseOffset, producerId, attributes: transactional })
    const end = (type: number, baseOffset: number, producerId: number) =>
      batchOf([marker(type)], { baseOffset, producerId, attributes: transactional | control })
    const log = Buffer.concat([
      of('aborted of 7', 0, 7),
      of('committed of 8', 1, 8),
      batchOf([{ key: null, value: 'plain' }], { baseOffset: 2, producerId: 7 }),
      end(0, 3, 7),
      of('committed of 7', 4, 7),
      end(1, 5, 7),
      end(1, 6, 8),
    ])
    const aborted = [{ producerId: 7, firstOffset: 0 }]
    expect(values(log, 0, aborted)).toEqual(['committed of 8', 'plain', 'committed of 7'])
    expect(offsetAfter(log, 0)).toBe(7)
  })

  test('that are damaged are refused, and never read beyond their batch', () => {
    const batch = batchOf(records)
    fc.assert(
      fc.property(fc.nat(batch.length - headerBytes - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(batch)
        changed[headerBytes + at] = byte
        expect(outcomeOf(changed)).toBe(changed.equals(batch) ? 'read' : 'MalformedError')
        expect(['read', 'MalformedError']).toContain(outcomeOf(sealed(changed)))
      }),
      { numRuns: 2000 },
    )
  })
})
