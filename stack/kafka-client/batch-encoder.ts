// Record batches as a producer writes them (magic 2, uncompressed), in one buffer of the exact size. kafkajs builds
// every record in a buffer of its own, which costs about twenty times as much (`slipway bench` measures both).

import { crc32c } from '../kafka/protocol/crc32c.ts'
import { batchHeaderBytes, batchPrefixBytes } from '../kafka/protocol/record-batch.ts'
import type { OutgoingRecord } from './records.ts'

export interface ProducerIdentity {
  producerId: number
  producerEpoch: number
}

/** In memory that `allocate` gives. */
export function encodeBatch(
  records: readonly OutgoingRecord[],
  { producerId, producerEpoch }: ProducerIdentity,
  baseSequence: number,
  nowMs: number,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const baseMs = records[0]?.timestampMs ?? nowMs
  let maxMs = baseMs
  let bytes = batchHeaderBytes
  // Of each record its key, its value, and its body: all without their length fields; null is -1.
  const sizes = new Int32Array(records.length * 3)
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as OutgoingRecord
    const timestampMs = record.timestampMs ?? nowMs
    if (timestampMs > maxMs) maxMs = timestampMs
    const bodyBytes = measure(record, i, timestampMs - baseMs, sizes)
    bytes += varintBytes(bodyBytes) + bodyBytes
  }
  const batch = allocate(bytes)
  let at = batchHeaderBytes
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as OutgoingRecord
    at = writeRecord(batch, at, record, i, (record.timestampMs ?? nowMs) - baseMs, sizes)
  }
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(bytes - batchPrefixBytes, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(0, 21)
  batch.writeInt32BE(records.length - 1, 23)
  batch.writeBigInt64BE(BigInt(baseMs), 27)
  batch.writeBigInt64BE(BigInt(maxMs), 35)
  batch.writeBigInt64BE(BigInt(producerId), 43)
  batch.writeInt16BE(producerEpoch, 51)
  batch.writeInt32BE(baseSequence, 53)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

/** An upper bound of what a record takes in a batch, without measuring its text exactly. */
export function recordBytesAtMost(record: OutgoingRecord): number {
  let bytes = 40 + 3 * (lengthOf(record.key) + lengthOf(record.value))
  for (const name in record.headers)
    bytes += 10 + 3 * (name.length + (record.headers[name] as string | Buffer).length)
  return bytes
}

// Record: varint length, int8 attributes, varint timestamp delta, varint offset delta, varint key length, key,
// varint value length, value, varint header count, and per header its name and value with varint lengths.
function measure(
  record: OutgoingRecord,
  index: number,
  timestampDelta: number,
  sizes: Int32Array,
): number {
  const keyBytes = record.key === null ? -1 : byteLength(record.key)
  const valueBytes = record.value === null ? -1 : byteLength(record.value)
  let bodyBytes =
    1 +
    varintBytes(timestampDelta) +
    varintBytes(index) +
    varintBytes(keyBytes) +
    Math.max(0, keyBytes) +
    varintBytes(valueBytes) +
    Math.max(0, valueBytes)
  let headerCount = 0
  for (const name in record.headers) {
    headerCount++
    bodyBytes += textBytes(name) + textBytes(record.headers[name] as string | Buffer)
  }
  bodyBytes += varintBytes(headerCount)
  sizes[index * 3] = keyBytes
  sizes[index * 3 + 1] = valueBytes
  sizes[index * 3 + 2] = bodyBytes
  return bodyBytes
}

function writeRecord(
  batch: Buffer,
  start: number,
  record: OutgoingRecord,
  index: number,
  timestampDelta: number,
  sizes: Int32Array,
): number {
  let at = writeVarint(batch, start, sizes[index * 3 + 2] as number)
  batch[at++] = 0
  at = writeVarint(batch, at, timestampDelta)
  at = writeVarint(batch, at, index)
  at = writeVarint(batch, at, sizes[index * 3] as number)
  if (record.key !== null) at = writeText(batch, at, record.key)
  at = writeVarint(batch, at, sizes[index * 3 + 1] as number)
  if (record.value !== null) at = writeText(batch, at, record.value)
  at = writeVarint(batch, at, record.headers === undefined ? 0 : Object.keys(record.headers).length)
  for (const name in record.headers) {
    at = writeSizedText(batch, at, name)
    at = writeSizedText(batch, at, record.headers[name] as string | Buffer)
  }
  return at
}

function textBytes(text: string | Buffer): number {
  const length = byteLength(text)
  return varintBytes(length) + length
}

function writeSizedText(batch: Buffer, at: number, text: string | Buffer): number {
  return writeText(batch, writeVarint(batch, at, byteLength(text)), text)
}

function byteLength(text: string | Buffer): number {
  return typeof text === 'string' ? Buffer.byteLength(text) : text.length
}

function lengthOf(text: string | Buffer | null): number {
  return text === null ? 0 : text.length
}

function writeText(batch: Buffer, at: number, text: string | Buffer): number {
  if (typeof text === 'string') return at + batch.write(text, at, 'utf8')
  batch.set(text, at)
  return at + text.length
}

/** Zigzag varint, up to 53 bits: timestamp deltas may span years. */
function writeVarint(batch: Buffer, start: number, value: number): number {
  let at = start
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  while (rest >= 0x80) {
    batch[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  batch[at++] = rest
  return at
}

function varintBytes(value: number): number {
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  let bytes = 1
  while (rest >= 0x80) {
    bytes++
    rest = Math.floor(rest / 128)
  }
  return bytes
}
