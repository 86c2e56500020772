import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as platformatic from '@platformatic/kafka'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codecs, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { MalformedError } from './reader.ts'
import { lz4, packBatch, snappy, xerial } from './packed-batch.ts'
import {
  batchRecords,
  buildBatch,
  codecOf,
  isBatchIntact,
  placeBatch,
  readBatchHeader,
  stampAppendTime,
} from './record-batch.ts'
import { Writer } from './writer.ts'

const record = (n: number) => ({
  key: n % 3 === 0 ? null : Buffer.from(`key ${n}`),
  value: n % 5 === 0 ? null : Buffer.from(`value ${n}`),
  timestampMs: 1_700_000_000_000 + n,
})
const records = Array.from({ length: 20 }, (_, n) => record(n))
const spoken = (batch: Buffer) =>
  [...batchRecords(batch)].map(({ offset, timestampMs, key, value }) => [
    offset,
    timestampMs,
    key?.toString() ?? null,
    value?.toString() ?? null,
  ])
const meant = records.map(({ key, value, timestampMs }, offset) => [
  offset,
  timestampMs,
  key?.toString() ?? null,
  value?.toString() ?? null,
])

const packed = (codec: number, pack: (bytes: Buffer) => Uint8Array) =>
  packBatch(buildBatch({ records }), codec, pack)

function outcomeOf(read: () => unknown): string {
  try {
    read()
    return 'read'
  } catch (error) {
    return (error as Error).name
  }
}

describe('CRC-32C', () => {
  test('of the check string is the published value', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(Buffer.alloc(0))).toBe(0)
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  })

  test('equals the one of @platformatic/kafka for any part of any bytes', () => {
    const anyBytes = fc.uint8Array({ maxLength: 300, size: 'max' })
    fc.assert(
      fc.property(anyBytes, fc.nat(20), fc.nat(20), (bytes, start, after) => {
        const end = Math.max(start, bytes.length - after)
        const part = Buffer.from(bytes.subarray(start, end))
        expect(crc32c(bytes, start, Math.min(end, bytes.length))).toBe(platformatic.jsCRC32C(part))
      }),
    )
  })
})

describe('a record batch', () => {
  test.each([
    ['plain', codecs.none, (bytes: Buffer) => bytes],
    ['gzip', codecs.gzip, (bytes: Buffer) => gzipSync(bytes)],
    ['raw snappy', codecs.snappy, (bytes: Buffer) => snappy(bytes)],
    ['xerial snappy', codecs.snappy, xerial],
    ['lz4 frames', codecs.lz4, (bytes: Buffer) => lz4(bytes)],
    ['zstd', codecs.zstd, (bytes: Buffer) => zstdCompressSync(bytes)],
  ] as const)('in %s is read record by record', (_name, codec, pack) => {
    const batch = packed(codec, pack)
    expect(codecOf(readBatchHeader(batch))).toBe(codec)
    expect(isBatchIntact(batch, 0, batch.length)).toBe(true)
    expect(spoken(batch)).toEqual(meant)
  })

  test('made here is read by @platformatic/kafka', () => {
    const batch = platformatic.readRecordsBatch(platformatic.Reader.from(buildBatch({ records })))
    expect(batch.records.map((each) => each.value?.toString() ?? null)).toEqual(
      meant.map((each) => each[3]),
    )
  })

  test('keeps its CRC when it gets its place in the log', () => {
    const batch = buildBatch({ records })
    placeBatch(batch, 0, 2 ** 40 + 7, 3)
    const header = readBatchHeader(batch)
    expect(header).toMatchObject({
      baseOffset: 2 ** 40 + 7,
      lastOffset: 2 ** 40 + 26,
      leaderEpoch: 3,
      count: 20,
    })
    expect(isBatchIntact(batch, 0, batch.length)).toBe(true)
  })

  test('stamped with the append time carries it in every record and a CRC that fits', () => {
    const batch = buildBatch({ records })
    stampAppendTime(batch, 1_800_000_000_000)
    expect(isBatchIntact(batch, 0, batch.length)).toBe(true)
    expect(new Set([...batchRecords(batch)].map((each) => each.timestampMs))).toEqual(
      new Set([1_800_000_000_000]),
    )
  })

  test('may have records that are older than its base time', () => {
    const times = [5000, 4000, 6000]
    const batch = buildBatch({
      records: times.map((timestampMs) => ({ key: null, value: null, timestampMs })),
    })
    expect([...batchRecords(batch)].map((each) => each.timestampMs)).toEqual(times)
    expect(readBatchHeader(batch).maxTimestampMs).toBe(6000)
  })

  test('with one changed byte behind its CRC is not intact', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const batch = buildBatch({ records })
        const position = 21 + (at % (batch.length - 21))
        batch[position] = (batch[position] as number) ^ flip
        expect(isBatchIntact(batch, 0, batch.length)).toBe(false)
      }),
    )
  })

  test('that holds nonsense is refused, whatever its codec says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.nat(7), (bytes, codec) => {
        const batch = packed(codec, () => bytes)
        expect(outcomeOf(() => [...batchRecords(batch)])).toMatch(/^(read|MalformedError)$/)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['gzip', codecs.gzip, gzipSync(Buffer.alloc(2_000_000))],
    ['zstd', codecs.zstd, zstdCompressSync(Buffer.alloc(2_000_000))],
    ['snappy', codecs.snappy, snappy(Buffer.alloc(2_000_000))],
    ['lz4', codecs.lz4, Buffer.from(lz4(Buffer.alloc(2_000_000)))],
  ] as const)('in %s that unpacks to more than is allowed is refused', (_name, codec, bomb) => {
    expect(() => decompress(codec, bomb, 1_000_000)).toThrow(MalformedError)
  })
})

describe('protocol numbers', () => {
  test('of 53 bits are read as they were written, negative ones too', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const writer = new Writer(4)
        writer.int64(value)
        const [bytes] = writer.buffers() as [Buffer]
        expect(Number(bytes.readBigInt64BE(0))).toBe(value)
      }),
    )
  })

  test('as zigzag varints are what @platformatic/kafka writes', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const writer = new Writer(4)
        writer.varlong(value)
        const theirs = platformatic.Writer.create().appendVarInt(value).buffer
        expect(Buffer.concat(writer.buffers())).toEqual(Buffer.from(theirs))
      }),
    )
  })
})
