// One segment: a file of whole batches from its base offset on, with its sparse indexes. Names and bytes are Kafka's,
// so Kafka's own dump tool reads them. Offsets are planned ahead of the bytes: `plannedBytes` counts what is queued,
// `writtenBytes` what is in the file; the index knows written batches only.

import { join } from 'node:path'
import { invariant } from '../../base/invariant.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import { AbortedTransactions } from './aborted-transactions.ts'
import type { ScanRange } from './batch-scan.ts'
import { scanBatches } from './batch-scan.ts'
import type { FileLayer, OpenFile } from './file-layer.ts'
import { lastTimestamp, SparseIndex } from './offset-index.ts'

const indexIntervalBytes = 4096

export class Segment {
  readonly baseOffset: number
  /** Compaction may have left gaps between offsets. */
  isSparse = false
  /** Of planned markers. */
  readonly aborted = new AbortedTransactions()
  plannedBytes = 0
  writtenBytes = 0
  /** Of written batches, -1 while there are none. */
  maxTimestampMs = -1
  #maxTimestampOffset = 0
  firstAppendMs: number | undefined
  #file: OpenFile | undefined
  #index: SparseIndex | undefined
  #bytesSinceIndex = 0
  #isRebuilt = false
  readonly #files: FileLayer
  readonly #dir: string

  constructor(files: FileLayer, dir: string, baseOffset: number) {
    this.#files = files
    this.#dir = dir
    this.baseOffset = baseOffset
  }

  /** Begins the file, or opens the one that is there. */
  create(): void {
    this.#file ??= this.#files.open(this.path('log'))
  }

  get isCreated(): boolean {
    return this.#file !== undefined
  }

  get file(): OpenFile {
    invariant(this.#file, `${this.path('log')} is read before it was created`)
    return this.#file
  }

  /** A batch will lie at the end: tells where. */
  plan(sizeBytes: number): number {
    const position = this.plannedBytes
    this.plannedBytes += sizeBytes
    return position
  }

  /** The batch is in the file. */
  wrote(header: BatchHeader, position: number): void {
    const relativeOffset = header.lastOffset - this.baseOffset
    const index = this.#loaded()
    if (header.maxTimestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = header.maxTimestampMs
      this.#maxTimestampOffset = relativeOffset
    }
    if (this.#bytesSinceIndex > indexIntervalBytes) {
      index.add(relativeOffset, position)
      index.addTime(this.maxTimestampMs, this.#maxTimestampOffset)
      this.#bytesSinceIndex = 0
    }
    this.#bytesSinceIndex += header.sizeBytes
    this.writtenBytes = position + header.sizeBytes
  }

  /** A batch at or before the offset: its position, and the offset that must be its last one where that is known. */
  floor(offset: number): { position: number; lastOffset: number | undefined } {
    const found = this.#loaded().floor(offset - this.baseOffset)
    return found
      ? { position: found.position, lastOffset: this.baseOffset + found.relativeOffset }
      : { position: 0, lastOffset: undefined }
  }

  positionBefore(timestampMs: number): number {
    return this.#loaded().positionBefore(timestampMs)
  }

  /** As a file, where there is something to save. */
  encodeAborted(): { path: string; bytes: string }[] {
    if (this.aborted.isSaved) return []
    return [{ path: this.path('aborted'), bytes: this.aborted.encode() }]
  }

  /** What is known of markers below an offset; false where the file is damaged. */
  loadAborted(below: number): boolean {
    const isWhole = this.aborted.load(this.#files, this.path('aborted'))
    this.aborted.truncate(isWhole ? below : 0)
    return isWhole
  }

  /** The indexes as files, the largest timestamp at the end. */
  encodeIndexes(): { path: string; bytes: Buffer }[] {
    const index = this.#loaded()
    if (this.maxTimestampMs >= 0) index.addTime(this.maxTimestampMs, this.#maxTimestampOffset)
    const { offsets, times } = index.encode()
    return [
      { path: this.path('index'), bytes: offsets },
      { path: this.path('timeindex'), bytes: times },
    ]
  }

  /** Takes what is on disk up to a position for good: everything up to there was synced and indexed. */
  trust(bytes: number): void {
    this.plannedBytes = this.writtenBytes = bytes
    const times = this.#readIfThere('timeindex')
    this.maxTimestampMs = (times && lastTimestamp(times)) ?? -1
    this.#maxTimestampOffset = 0
    if (bytes > 0 && this.maxTimestampMs < 0) this.rebuildIndex()
  }

  /** Builds the indexes from the written batches. */
  rebuildIndex(): void {
    const bytes = this.writtenBytes
    this.forget()
    const range = { ...this.range(0, bytes), lastOffset: this.baseOffset - 1 }
    scanBatches(range, (header, position) => this.wrote(header, position))
    this.plannedBytes = this.writtenBytes = bytes
  }

  /** Of the file, for a scan. */
  range(from: number, to: number): Pick<ScanRange, 'file' | 'from' | 'to' | 'isSparse'> {
    return { file: this.file, from, to, isSparse: this.isSparse }
  }

  /** Written bytes from a position on, at most so many. */
  async readChunk(position: number, wantedBytes: number): Promise<Buffer> {
    const bytes = Math.max(0, Math.min(wantedBytes, this.writtenBytes - position))
    const chunk = Buffer.allocUnsafe(bytes)
    let filled = 0
    while (filled < chunk.length) {
      const bytesRead = await this.file.readAt(chunk.subarray(filled), position + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return chunk.subarray(0, filled)
  }

  /** After damage was met; once is enough, as long as the log is open. */
  rebuildIndexOnce(): void {
    if (this.#isRebuilt) return
    this.rebuildIndex()
    this.#isRebuilt = true
  }

  /** Forgets everything known of the content, so that a scan can find it out again. */
  forget(): void {
    this.#index = new SparseIndex()
    this.#bytesSinceIndex = 0
    this.maxTimestampMs = -1
    this.plannedBytes = this.writtenBytes = 0
  }

  /** A sealed segment's index can be read again. */
  unloadIndex(): void {
    this.#index = undefined
  }

  get hasIndexLoaded(): boolean {
    return this.#index !== undefined
  }

  close(): void {
    this.#file?.close()
  }

  delete(): void {
    this.close()
    for (const suffix of ['log', 'index', 'timeindex', 'aborted', 'snapshot'])
      this.#files.remove(this.path(suffix))
  }

  path(suffix: string): string {
    return join(this.#dir, segmentName(this.baseOffset, suffix))
  }

  #loaded(): SparseIndex {
    if (this.#index) return this.#index
    this.#index = new SparseIndex()
    const [offsets, times] = [this.#readIfThere('index'), this.#readIfThere('timeindex')]
    const saved = offsets && times && SparseIndex.decode(offsets, times, this.writtenBytes)
    if (saved) {
      this.#index = saved
      // The next entry is due at once: how far the last one lies back is not known.
      this.#bytesSinceIndex = indexIntervalBytes + 1
    } else if (this.writtenBytes > 0) this.rebuildIndex()
    return this.#index
  }

  #readIfThere(suffix: string): Buffer | undefined {
    const path = this.path(suffix)
    return this.#files.exists(path) ? this.#files.read(path) : undefined
  }
}

export function segmentName(baseOffset: number, suffix: string): string {
  return `${String(baseOffset).padStart(20, '0')}.${suffix}`
}
