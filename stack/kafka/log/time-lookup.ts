// Questions by time (ListOffsets): the first record at or after a time, and the record with the largest one. The time
// index leads close to the batch; the answer is a record, found inside the batch, decompressed where it must be.

import type { BatchHeader } from '../protocol/record-batch.ts'
import { batchHeaderBytes, batchRecords, readBatchHeader } from '../protocol/record-batch.ts'
import type { Segment } from './segment.ts'

export interface FoundOffset {
  offset: number
  timestampMs: number
  leaderEpoch: number
}

export interface TimeRange {
  segments: readonly Segment[]
  /** Records below are deleted. */
  logStartOffset: number
  /** Batches at or behind it are not visible. */
  upTo: number
}

export function firstAtOrAfter(range: TimeRange, timestampMs: number): FoundOffset | undefined {
  for (const segment of range.segments) {
    if (segment.maxTimestampMs < timestampMs) continue
    const from = segment.positionBefore(timestampMs)
    const found = firstRecord(segment, from, range, {
      batch: (header) => header.maxTimestampMs >= timestampMs,
      record: (record) => record.timestampMs >= timestampMs,
    })
    if (found) return found
  }
  return undefined
}

export function largestTimestamp(range: TimeRange): FoundOffset | undefined {
  const largest = Math.max(-1, ...range.segments.map((segment) => segment.maxTimestampMs))
  if (largest < 0) return undefined
  return firstAtOrAfter(range, largest)
}

interface Wanted {
  batch(header: BatchHeader): boolean
  record(record: FoundOffset): boolean
}

function firstRecord(
  segment: Segment,
  from: number,
  { logStartOffset, upTo }: TimeRange,
  wanted: Wanted,
): FoundOffset | undefined {
  for (const { header, position } of headers(segment, from)) {
    if (header.lastOffset >= upTo) return undefined
    if (header.lastOffset < logStartOffset || !wanted.batch(header)) continue
    for (const { offset, timestampMs } of batchRecords(bytesAt(segment, position, header))) {
      const found = { offset, timestampMs, leaderEpoch: header.leaderEpoch }
      if (offset >= logStartOffset && wanted.record(found)) return found
    }
  }
  return undefined
}

const windowBytes = 64 * 1024

/** Headers from a position on; ends where one makes no sense. */
function* headers(
  segment: Segment,
  from: number,
): Generator<{ header: BatchHeader; position: number }> {
  let window: Buffer = Buffer.alloc(0)
  let start = 0
  for (let position = from; position + batchHeaderBytes <= segment.writtenBytes;) {
    if (position + batchHeaderBytes > start + window.length) {
      window = readAt(segment, position, Math.min(windowBytes, segment.writtenBytes - position))
      start = position
    }
    const header = readBatchHeader(window, position - start)
    if (header.magic !== 2 || header.sizeBytes < batchHeaderBytes) return
    yield { header, position }
    position += header.sizeBytes
  }
}

function bytesAt(segment: Segment, position: number, header: BatchHeader): Buffer {
  return readAt(segment, position, Math.min(header.sizeBytes, segment.writtenBytes - position))
}

function readAt(segment: Segment, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  bytes.fill(0, segment.file.readAtSync(bytes, position))
  return bytes
}
