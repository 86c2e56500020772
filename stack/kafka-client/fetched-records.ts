// What a fetch brought, as records: batch by batch, decompressed where a producer compressed them, without control
// batches, without records of transactions that were aborted, from the wanted offset on. Keys and values are slices of
// what was received; headers are looked at when somebody asks for them, and once where records one after the other have
// the same. A batch whose checksum is wrong is refused: memory and networks err, and what is read here is kept.

import { codecs, decompress } from '../kafka/protocol/compression.ts'
import { MalformedError } from '../kafka/protocol/reader.ts'
import {
  batchHeaderBytes,
  codecOf,
  hasAppendTime,
  isBatchIntact,
  isControl,
  isTransactional,
  readBatchHeader,
} from '../kafka/protocol/record-batch.ts'
import type { BatchHeader } from '../kafka/protocol/record-batch.ts'
import type { Header, IncomingRecord } from './records.ts'

/** A producer's transaction that begins at an offset and was given up. */
export interface AbortedTransaction {
  producerId: number
  firstOffset: number
}

/** What a batch may take when it is decompressed. */
const decompressedBytesMax = 128 * 1024 * 1024
const batchLengthAt = 8
const batchLengthFrom = 12
const abortMarker = 0

/** The offset after the last whole batch; the answer may end in the middle of one. */
export function offsetAfter(bytes: Buffer, fetchOffset: number): number {
  let next = fetchOffset
  for (let at = 0; isWhole(bytes, at);) {
    const { lastOffset, sizeBytes } = readBatchHeader(bytes, at)
    next = lastOffset + 1
    at += sizeBytes
  }
  return next
}

export interface DecodeOptions {
  abortedTransactions?: readonly AbortedTransaction[]
  /** Batches whose newest record is of an earlier time are counted and not decoded. */
  sinceMs?: number
}

export interface DecodedRecords {
  records: IncomingRecord[]
  /** Of an earlier time. */
  leftOut: number
}

/** Throws MalformedError. */
export function decodeRecords(
  bytes: Buffer,
  fromOffset: number,
  { abortedTransactions = [], sinceMs = -Infinity }: DecodeOptions = {},
): DecodedRecords {
  const records: IncomingRecord[] = []
  let leftOut = 0
  const aborted = new AbortedProducers(abortedTransactions)
  for (let at = 0; isWhole(bytes, at);) {
    const header = readBatchHeader(bytes, at)
    if (header.magic !== 2) throw new MalformedError(`a batch of format ${header.magic}`)
    if (!isBatchIntact(bytes, at, header.sizeBytes))
      throw new MalformedError(`a wrong checksum in the batch at offset ${header.baseOffset}`)
    const isLeftOut = aborted.skip(header, bytes, at)
    // Whoever wrote the batch says so, as brokers rely on to find offsets by time.
    const isEarlier = header.maxTimestampMs < sinceMs
    if (!isLeftOut && isEarlier) leftOut += header.count
    else if (!isLeftOut) {
      const packed = bytes.subarray(at + batchHeaderBytes, at + header.sizeBytes)
      decodeBatch(header, unpacked(header, packed), fromOffset, records)
    }
    at += header.sizeBytes
  }
  return { records, leftOut }
}

function isWhole(bytes: Buffer, at: number): boolean {
  if (at + batchHeaderBytes > bytes.length) return false
  const end = at + batchLengthFrom + bytes.readInt32BE(at + batchLengthAt)
  if (end < at + batchHeaderBytes) throw new MalformedError(`a batch of ${end - at} bytes`)
  return end <= bytes.length
}

function unpacked(header: BatchHeader, packed: Buffer): Buffer {
  const codec = codecOf(header)
  return codec === codecs.none ? packed : decompress(codec, packed, decompressedBytesMax)
}

/** Which producers' records are to be left out, batch by batch. */
class AbortedProducers {
  readonly #transactions: AbortedTransaction[]
  readonly #producers = new Set<number>()

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  skip(header: BatchHeader, bytes: Buffer, start: number): boolean {
    while ((this.#transactions[0]?.firstOffset ?? Infinity) <= header.lastOffset)
      this.#producers.add((this.#transactions.shift() as AbortedTransaction).producerId)
    if (isControl(header)) {
      // The one record's key is int16 version, int16 type.
      const [marker] = decodeBatch(header, bytes.subarray(start + batchHeaderBytes), 0, [])
      if (marker?.key?.readInt16BE(2) === abortMarker) this.#producers.delete(header.producerId)
      return true
    }
    return isTransactional(header) && this.#producers.has(header.producerId)
  }
}

// Record: varint length, int8 attributes, varlong timestampDelta, varint offsetDelta, varint key length, key,
// varint value length, value, varint header count, headers.
function decodeBatch(
  header: BatchHeader,
  bytes: Buffer,
  fromOffset: number,
  records: IncomingRecord[],
): IncomingRecord[] {
  const cursor = new Cursor(bytes)
  const stampedMs = hasAppendTime(header) ? header.maxTimestampMs : undefined
  let headers: LazyHeaders | undefined
  for (let i = 0; i < header.count; i++) {
    const length = cursor.varint()
    const end = cursor.at + length
    cursor.at++
    const timestampMs = header.baseTimestampMs + cursor.varint()
    const offset = header.baseOffset + cursor.varint()
    if (offset >= fromOffset) {
      const key = cursor.nullableBytes()
      const value = cursor.nullableBytes()
      if (length < 0 || end > bytes.length || cursor.at >= end)
        throw new MalformedError(`a record of ${length} bytes at offset ${offset}`)
      const hasHeaders = bytes[cursor.at] !== 0
      if (hasHeaders && headers?.isAt(cursor.at, end) !== true)
        headers = new LazyHeaders(bytes, cursor.at, end)
      const atMs = stampedMs ?? timestampMs
      const record: IncomingRecord = hasHeaders
        ? new RecordWithHeaders(key, value, atMs, offset, headers as LazyHeaders)
        : { key, value, headers: noHeaders, timestampMs: atMs, offset }
      if (stampedMs !== undefined) record.isAppendTime = true
      records.push(record)
    }
    cursor.at = end
  }
  return records
}

type Headers = Readonly<Record<string, Buffer | undefined>>

const noHeaders: Headers = Object.freeze({})

class RecordWithHeaders implements IncomingRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly offset: number
  isAppendTime?: true
  readonly #headers: LazyHeaders

  constructor(
    key: Buffer | null,
    value: Buffer | null,
    timestampMs: number,
    offset: number,
    headers: LazyHeaders,
  ) {
    this.key = key
    this.value = value
    this.timestampMs = timestampMs
    this.offset = offset
    this.#headers = headers
  }

  get headers(): Headers {
    return this.#headers.decoded
  }

  get headerList(): readonly Header[] {
    return this.#headers.list()
  }
}

/** From one place in a batch to another, and decoded when asked for. */
class LazyHeaders {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  #decoded: Headers | undefined

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  get decoded(): Headers {
    if (this.#decoded) return this.#decoded
    const decoded: Record<string, Buffer | undefined> = {}
    for (const [name, value] of this.list()) decoded[name] = value ?? undefined
    this.#decoded = decoded
    return decoded
  }

  list(): Header[] {
    const cursor = new Cursor(this.#bytes, this.#start)
    const list: Header[] = []
    for (let left = cursor.varint(); left > 0; left--)
      list.push([cursor.nullableBytes()?.toString() ?? '', cursor.nullableBytes()])
    return list
  }

  /** Whether the same bytes stand there in the same batch. */
  isAt(start: number, end: number): boolean {
    const bytes = this.#bytes
    return bytes.compare(bytes, start, end, this.#start, this.#end) === 0
  }
}

/** Reading varints is most of the work here, so that it is spelled out. */
class Cursor {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  /** Zigzag, up to 53 bits. */
  varint(): number {
    const bytes = this.#bytes
    const first = bytes[this.at++] as number
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    const second = bytes[this.at++] as number
    const short = (first & 0x7f) | ((second & 0x7f) << 7)
    if (second < 0x80) return (short >>> 1) ^ -(short & 1)
    return this.#longVarint(short)
  }

  nullableBytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const start = this.at
    this.at = start + length
    if (this.at > this.#bytes.length) throw new MalformedError(`a field of ${length} bytes`)
    return this.#bytes.subarray(start, this.at)
  }

  #longVarint(low: number): number {
    let value = low
    let scale = 2 ** 14
    for (let i = 2; i < 10; i++) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) throw new MalformedError('a record that ends too early')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      scale *= 128
    }
    throw new MalformedError('a varint of more than 10 bytes')
  }
}
