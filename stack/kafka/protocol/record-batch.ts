// Record batches, magic 2: the unit that is produced, stored and fetched. The bytes of a batch on the wire, in the log
// and in a fetch are the same; the broker rewrites baseOffset and partitionLeaderEpoch in place, which the CRC does
// not cover.
//
//   at  0 int64 baseOffset            at 27 int64 baseTimestamp
//       8 int32 batchLength (from 12)    35 int64 maxTimestamp
//      12 int32 partitionLeaderEpoch     43 int64 producerId
//      16 int8  magic = 2                51 int16 producerEpoch
//      17 uint32 crc of [21, end)        53 int32 baseSequence
//      21 int16 attributes               57 int32 count
//      23 int32 lastOffsetDelta          61 records, compressed as attributes say
//
// attributes: bits 0-2 codec, 3 timestamp type (1 = LogAppendTime), 4 transactional, 5 control.

import { crc32c } from './crc32c.ts'
import { compress, decompress } from './compression.ts'
import { MalformedError, Reader } from './reader.ts'
import { Writer } from './writer.ts'

export const batchHeaderBytes = 61
/** Bytes before what batchLength counts. */
export const batchPrefixBytes = 12

const at = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const

const codecBits = 0x07
const appendTimeBit = 0x08
export const transactionalBit = 0x10
const controlBit = 0x20

export interface BatchHeader {
  baseOffset: number
  /** Of the whole batch, prefix counted. */
  sizeBytes: number
  leaderEpoch: number
  magic: number
  attributes: number
  lastOffset: number
  baseTimestampMs: number
  maxTimestampMs: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  count: number
}

const twoTo32 = 4294967296

function readInt64(buffer: Buffer, offset: number): number {
  return buffer.readInt32BE(offset) * twoTo32 + buffer.readUInt32BE(offset + 4)
}

function writeInt64(buffer: Buffer, value: number, offset: number): void {
  buffer.writeInt32BE(Math.floor(value / twoTo32), offset)
  buffer.writeUInt32BE(value - Math.floor(value / twoTo32) * twoTo32, offset + 4)
}

/** The header of the batch that starts at `start`; the caller has made sure of 61 bytes. */
export function readBatchHeader(buffer: Buffer, start = 0): BatchHeader {
  const baseOffset = readInt64(buffer, start + at.baseOffset)
  return {
    baseOffset,
    sizeBytes: buffer.readInt32BE(start + at.batchLength) + batchPrefixBytes,
    leaderEpoch: buffer.readInt32BE(start + at.leaderEpoch),
    magic: buffer.readInt8(start + at.magic),
    attributes: buffer.readInt16BE(start + at.attributes),
    lastOffset: baseOffset + buffer.readInt32BE(start + at.lastOffsetDelta),
    baseTimestampMs: readInt64(buffer, start + at.baseTimestamp),
    maxTimestampMs: readInt64(buffer, start + at.maxTimestamp),
    producerId: readInt64(buffer, start + at.producerId),
    producerEpoch: buffer.readInt16BE(start + at.producerEpoch),
    baseSequence: buffer.readInt32BE(start + at.baseSequence),
    count: buffer.readInt32BE(start + at.count),
  }
}

export function placeBatch(
  buffer: Buffer,
  start: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  writeInt64(buffer, baseOffset, start + at.baseOffset)
  buffer.writeInt32BE(leaderEpoch, start + at.leaderEpoch)
}

/** LogAppendTime: the broker's time for every record. The CRC covers it, so it is computed anew. */
export function stampAppendTime(buffer: Buffer, nowMs: number): void {
  buffer.writeInt16BE(buffer.readInt16BE(at.attributes) | appendTimeBit, at.attributes)
  writeInt64(buffer, nowMs, at.maxTimestamp)
  buffer.writeUInt32BE(crc32c(buffer, at.attributes, buffer.length), at.crc)
}

export function isBatchIntact(buffer: Buffer, start: number, sizeBytes: number): boolean {
  return (
    crc32c(buffer, start + at.attributes, start + sizeBytes) === buffer.readUInt32BE(start + at.crc)
  )
}

export function codecOf(header: BatchHeader): number {
  return header.attributes & codecBits
}

export function isControl(header: Pick<BatchHeader, 'attributes'>): boolean {
  return (header.attributes & controlBit) !== 0
}

export function isTransactional(header: BatchHeader): boolean {
  return (header.attributes & transactionalBit) !== 0
}

export function hasAppendTime(header: BatchHeader): boolean {
  return (header.attributes & appendTimeBit) !== 0
}

export interface BatchRecord {
  offset: number
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers: { key: string; value: Buffer | null }[]
}

/** What a decompressed batch may take: a 1 MiB batch that claims a gigabyte is refused. */
const decompressedBytesMax = 128 * 1024 * 1024

/** The records of one whole batch, decompressed where they must be. Throws MalformedError. */
export function* batchRecords(buffer: Buffer, start = 0): Generator<BatchRecord> {
  const header = readBatchHeader(buffer, start)
  const reader = new Reader(unpack(buffer, header, start))
  for (let i = 0; i < header.count; i++) yield readRecord(reader, header)
}

function unpack(buffer: Buffer, header: BatchHeader, start: number): Buffer {
  const packed = buffer.subarray(start + batchHeaderBytes, start + header.sizeBytes)
  return decompress(codecOf(header), packed, decompressedBytesMax)
}

/** The batch with some of its records only: offsets, sequences and times stay. The same bytes where all are kept. */
export function keepRecords(batch: Buffer, isKept: (record: BatchRecord) => boolean): Buffer {
  const header = readBatchHeader(batch)
  const records = unpack(batch, header, 0)
  const reader = new Reader(records)
  const kept: Buffer[] = []
  let maxTimestampMs = -1
  for (let i = 0; i < header.count; i++) {
    const start = reader.position
    const record = readRecord(reader, header)
    if (!isKept(record)) continue
    kept.push(records.subarray(start, reader.position))
    maxTimestampMs = Math.max(maxTimestampMs, record.timestampMs)
  }
  if (kept.length === header.count) return batch
  const { codec, packed } = compress(kept.length === 0 ? 0 : codecOf(header), Buffer.concat(kept))
  const shorter = Buffer.concat([batch.subarray(0, batchHeaderBytes), packed])
  shorter.writeInt32BE(shorter.length - batchPrefixBytes, at.batchLength)
  shorter.writeInt16BE((header.attributes & ~codecBits) | codec, at.attributes)
  writeInt64(shorter, maxTimestampMs, at.maxTimestamp)
  shorter.writeInt32BE(kept.length, at.count)
  shorter.writeUInt32BE(crc32c(shorter, at.attributes), at.crc)
  return shorter
}

// Record: varint length, int8 attributes, varlong timestampDelta, varint offsetDelta, varint key length, key,
// varint value length, value, varint header count, headers.
function readRecord(reader: Reader, header: BatchHeader): BatchRecord {
  const length = reader.varlong()
  const end = reader.need(length) + length
  reader.position = end - length
  reader.int8()
  const timestampMs = header.baseTimestampMs + reader.varlong()
  const offset = header.baseOffset + reader.varlong()
  const key = readNullable(reader)
  const value = readNullable(reader)
  const headerCount = reader.varlong()
  if (headerCount < 0 || headerCount > reader.remaining) throw new MalformedError('record headers')
  const headers = []
  for (let i = 0; i < headerCount; i++) {
    headers.push({ key: reader.text(reader.varlong()), value: readNullable(reader) })
  }
  reader.position = end
  return {
    offset,
    timestampMs: hasAppendTime(header) ? header.maxTimestampMs : timestampMs,
    key,
    value,
    headers,
  }
}

function readNullable(reader: Reader): Buffer | null {
  const length = reader.varlong()
  return length < 0 ? null : reader.bytes(length)
}

/** How a transaction ended, as its control batch tells. */
export interface Marker {
  commits: boolean
  coordinatorEpoch: number
}

const markerVersion = 0
const markerTypes = { abort: 0, commit: 1 } as const

// Marker: key int16 version, int16 type; value int16 version, int32 coordinator epoch.

/** The control batch that ends a producer's transaction in a partition. */
export function buildMarker(
  { commits, coordinatorEpoch }: Marker,
  producer: { producerId: number; producerEpoch: number },
  timestampMs: number,
): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(markerVersion, 0)
  key.writeInt16BE(commits ? markerTypes.commit : markerTypes.abort, 2)
  const value = Buffer.alloc(6)
  value.writeInt16BE(markerVersion, 0)
  value.writeInt32BE(coordinatorEpoch, 2)
  return buildBatch({
    ...producer,
    records: [{ key, value, timestampMs }],
    attributes: transactionalBit | controlBit,
  })
}

/** What a control batch says; undefined where it is no marker of a transaction. */
export function readMarker(buffer: Buffer, start = 0): Marker | undefined {
  const [record] = batchRecords(buffer, start)
  if (!record?.key || record.key.length < 4 || !record.value || record.value.length < 6) return
  const type = record.key.readInt16BE(2)
  if (type !== markerTypes.abort && type !== markerTypes.commit) return
  return { commits: type === markerTypes.commit, coordinatorEpoch: record.value.readInt32BE(2) }
}

export interface NewBatch {
  records: { key: Buffer | null; value: Buffer | null; timestampMs: number }[]
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  attributes?: number
}

/** An uncompressed batch as a producer makes it: for markers, tests, benchmarks and tools. */
export function buildBatch({
  records,
  producerId = -1,
  producerEpoch = -1,
  baseSequence = -1,
  attributes = 0,
}: NewBatch): Buffer {
  const base = records[0]?.timestampMs ?? 0
  const body = new Writer(1024)
  records.forEach((record, i) => writeRecord(body, record, i, base))
  const packed = Buffer.concat(body.buffers())
  const batch = Buffer.alloc(batchHeaderBytes + packed.length)
  packed.copy(batch, batchHeaderBytes)
  batch.writeInt32BE(batch.length - batchPrefixBytes, at.batchLength)
  batch.writeInt32BE(-1, at.leaderEpoch)
  batch.writeInt8(2, at.magic)
  batch.writeInt16BE(attributes, at.attributes)
  batch.writeInt32BE(records.length - 1, at.lastOffsetDelta)
  writeInt64(batch, base, at.baseTimestamp)
  writeInt64(batch, Math.max(base, ...records.map((record) => record.timestampMs)), at.maxTimestamp)
  writeInt64(batch, producerId, at.producerId)
  batch.writeInt16BE(producerEpoch, at.producerEpoch)
  batch.writeInt32BE(baseSequence, at.baseSequence)
  batch.writeInt32BE(records.length, at.count)
  batch.writeUInt32BE(crc32c(batch, at.attributes), at.crc)
  return batch
}

function writeRecord(
  body: Writer,
  record: NewBatch['records'][number],
  index: number,
  baseMs: number,
): void {
  const inner = new Writer(64)
  inner.int8(0)
  inner.varlong(record.timestampMs - baseMs)
  inner.varlong(index)
  for (const field of [record.key, record.value]) {
    inner.varlong(field === null ? -1 : field.length)
    if (field !== null) inner.raw(field)
  }
  inner.varlong(0)
  body.varlong(inner.length)
  for (const part of inner.buffers()) body.raw(part)
}
