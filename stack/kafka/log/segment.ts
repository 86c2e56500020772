// One segment: a file of whole batches from its base offset on, with its sparse index. Names and bytes are Kafka's, so
// Kafka's own dump tool reads them.

import { join } from 'node:path'
import { MalformedError } from '../protocol/reader.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import { batchHeaderBytes, isBatchIntact, readBatchHeader } from '../protocol/record-batch.ts'
import type { FileLayer, OpenFile } from './file-layer.ts'
import { SparseIndex } from './offset-index.ts'

const indexIntervalBytes = 4096
const scanBytes = 1024 * 1024

export class Segment {
  readonly baseOffset: number
  readonly file: OpenFile
  sizeBytes = 0
  /** Largest timestamp, -1 while empty. */
  maxTimestampMs = -1
  firstAppendMs: number | undefined
  #index = new SparseIndex()
  #bytesSinceIndex = 0
  readonly #files: FileLayer
  readonly #dir: string

  constructor(files: FileLayer, dir: string, baseOffset: number) {
    this.#files = files
    this.#dir = dir
    this.baseOffset = baseOffset
    this.file = files.open(this.#path('log'))
    this.sizeBytes = this.file.sizeBytes()
  }

  /** Takes note of a batch that now lies at the end; the bytes themselves are written by the log. */
  extend(header: BatchHeader): number {
    const position = this.sizeBytes
    if (header.maxTimestampMs > this.maxTimestampMs) this.maxTimestampMs = header.maxTimestampMs
    if (this.#bytesSinceIndex >= indexIntervalBytes || position === 0) {
      this.#index.add(header.baseOffset - this.baseOffset, position)
      this.#index.addTime(this.maxTimestampMs, header.baseOffset - this.baseOffset)
      this.#bytesSinceIndex = 0
    }
    this.#bytesSinceIndex += header.sizeBytes
    this.sizeBytes += header.sizeBytes
    return position
  }

  positionOf(offset: number): number {
    return this.#index.positionOf(Math.max(0, offset - this.baseOffset))
  }

  positionBefore(timestampMs: number): number {
    return this.#index.positionBefore(timestampMs)
  }

  /** Writes the indexes behind the data: at roll and at a clean stop. */
  saveIndex(): void {
    const { offsets, times } = this.#index.encode()
    this.#files.writeWhole(this.#path('index'), offsets)
    this.#files.writeWhole(this.#path('timeindex'), times)
  }

  /** Trusts a sealed segment's saved index; false where there is none that fits. */
  loadIndex(): boolean {
    const [index, times] = [this.#path('index'), this.#path('timeindex')]
    if (!this.#files.exists(index) || !this.#files.exists(times)) return false
    const loaded = SparseIndex.decode(
      this.#files.read(index),
      this.#files.read(times),
      this.sizeBytes,
    )
    if (!loaded || (loaded.entries === 0 && this.sizeBytes > 0)) return false
    this.#index = loaded
    for (const header of this.headers(0)) {
      this.maxTimestampMs = Math.max(this.maxTimestampMs, header.maxTimestampMs)
    }
    return true
  }

  /** Forgets everything known of the content, so that a scan can find it out again. */
  reset(): void {
    this.#index = new SparseIndex()
    this.#bytesSinceIndex = 0
    this.maxTimestampMs = -1
    this.sizeBytes = 0
  }

  /** Headers of the batches from a position on, without looking at their records. */
  *headers(position: number): Generator<BatchHeader & { position: number }> {
    const buffer = Buffer.allocUnsafe(batchHeaderBytes)
    for (let at = position; at + batchHeaderBytes <= this.sizeBytes;) {
      this.file.readAtSync(buffer, at)
      const header = readBatchHeader(buffer)
      if (header.sizeBytes < batchHeaderBytes)
        throw new MalformedError(`${this.file.path} at ${at}`)
      yield { ...header, position: at }
      at += header.sizeBytes
    }
  }

  batchAt(position: number, sizeBytes: number): Buffer {
    const batch = Buffer.allocUnsafe(sizeBytes)
    this.file.readAtSync(batch, position)
    return batch
  }

  close(): void {
    this.file.close()
  }

  delete(): void {
    this.close()
    for (const suffix of ['log', 'index', 'timeindex', 'snapshot'])
      this.#files.remove(this.#path(suffix))
  }

  #path(suffix: string): string {
    return join(this.#dir, segmentName(this.baseOffset, suffix))
  }
}

export function segmentName(baseOffset: number, suffix: string): string {
  return `${String(baseOffset).padStart(20, '0')}.${suffix}`
}

export interface ScanResult {
  goodBytes: number
  /** Why the scan ended before the end of the file. */
  fault: string | undefined
}

/**
 * Walks the file batch by batch and checks each: sane length, magic 2, ascending offsets, CRC. Good batches are handed
 * to `found`. A fault ends the scan, unless a good batch follows at the length the faulty one claims: then it is bit
 * rot inside the log, not a torn tail, and nothing behind it may be dropped.
 */
export function scanSegment(
  segment: Segment,
  fileBytes: number,
  found: (header: BatchHeader) => void,
): ScanResult {
  let lastOffset = segment.baseOffset - 1
  let position = 0
  const window = new Window(segment.file, fileBytes)
  while (position < fileBytes) {
    const batch = window.batch(position)
    const fault = typeof batch === 'string' ? batch : checkBatch(batch, lastOffset)
    if (fault !== undefined) {
      const next =
        typeof batch === 'string' ? undefined : window.batch(position + batch.header.sizeBytes)
      const isRot =
        next !== undefined && typeof next !== 'string' && checkBatch(next, lastOffset) === undefined
      if (!isRot || typeof batch === 'string') return { goodBytes: position, fault }
    }
    if (typeof batch === 'string') return { goodBytes: position, fault: batch }
    found(batch.header)
    lastOffset = batch.header.lastOffset
    position += batch.header.sizeBytes
  }
  return { goodBytes: position, fault: undefined }
}

interface ScannedBatch {
  header: BatchHeader
  bytes: Buffer
}

function checkBatch({ header, bytes }: ScannedBatch, lastOffset: number): string | undefined {
  if (header.magic !== 2) return `magic ${header.magic}`
  if (header.baseOffset <= lastOffset || header.lastOffset < header.baseOffset)
    return 'offsets go back'
  if (!isBatchIntact(bytes, 0, header.sizeBytes)) return 'checksum'
  return undefined
}

/** Reads ahead, so that a scan costs one system call a megabyte. */
class Window {
  #buffer: Buffer = Buffer.alloc(0)
  #from = 0
  readonly #file: OpenFile
  readonly #fileBytes: number

  constructor(file: OpenFile, fileBytes: number) {
    this.#file = file
    this.#fileBytes = fileBytes
  }

  /** The batch at the position, or why there is none. */
  batch(position: number): ScannedBatch | string {
    if (position + batchHeaderBytes > this.#fileBytes) return 'torn header'
    const header = readBatchHeader(this.#bytes(position, batchHeaderBytes))
    if (header.sizeBytes < batchHeaderBytes) return 'length'
    if (position + header.sizeBytes > this.#fileBytes) return 'torn batch'
    return { header, bytes: this.#bytes(position, header.sizeBytes) }
  }

  #bytes(position: number, length: number): Buffer {
    if (position < this.#from || position + length > this.#from + this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafe(
        Math.min(Math.max(scanBytes, length), this.#fileBytes - position),
      )
      this.#file.readAtSync(this.#buffer, position)
      this.#from = position
    }
    return this.#buffer.subarray(position - this.#from, position - this.#from + length)
  }
}
