// Walking a segment batch by batch with every check: sane length, magic 2, offsets without a gap, CRC. Recovery does
// it behind the last checkpoint, a lost index is built by it, and reads use it where they meet damage.
//
// Damage with good batches behind it is bit rot: the walk steps over it, by the length that the damaged batch claims
// or else by looking at every byte for the next good one. Only at the end of a log that was not closed may damage be
// something else: a write of which a power cut kept some pages and not others. Those read as zeros up to or from a
// boundary of a sector; nothing there was ever acknowledged.

import type { BatchHeader } from '../protocol/record-batch.ts'
import { batchHeaderBytes, isBatchIntact, readBatchHeader } from '../protocol/record-batch.ts'
import type { OpenFile } from './file-layer.ts'

export interface ScanRange {
  file: OpenFile
  from: number
  to: number
  /** Of the batch before `from`; undefined where that is not known. */
  lastOffset: number | undefined
  /** Offsets may have gaps. */
  isSparse: boolean
  /** End at pages that were never written. */
  endsAtHole?: boolean
}

export interface Damage {
  from: number
  to: number
  fault: string
}

export interface ScanResult {
  /** Where the last good batch ends. */
  goodBytes: number
  /** With good batches behind it. */
  damages: Damage[]
  /** Why the walk ended before the end of the file. */
  end: { fault: string; hasGoodBehind: boolean } | undefined
}

/** Good batches are handed to `found`, which ends the walk by returning true. */
export function scanBatches(
  { file, from, to, lastOffset: before, isSparse, endsAtHole = false }: ScanRange,
  found: (header: BatchHeader, position: number, batch: ScannedBatch) => boolean | void,
): ScanResult {
  const window = new Window(file, to)
  const damages: Damage[] = []
  let lastOffset = before
  let position = from
  while (position < to) {
    const batch = window.batch(position)
    const fault = typeof batch === 'string' ? batch : batchFault(batch, lastOffset, isSparse)
    if (fault === undefined) {
      const { header } = batch as ScannedBatch
      if (found(header, position, batch as ScannedBatch) === true) break
      lastOffset = header.lastOffset
      position += header.sizeBytes
      continue
    }
    const next = nextGood(window, position, lastOffset)
    const isHole = next !== undefined && endsAtHole && window.hasHole(position, next.position)
    if (!next || isHole)
      return { goodBytes: position, damages, end: { fault, hasGoodBehind: isHole } }
    damages.push({ from: position, to: next.position, fault })
    lastOffset = next.baseOffset - 1
    position = next.position
  }
  return { goodBytes: position, damages, end: undefined }
}

export interface ScannedBatch {
  header: BatchHeader
  /** The buffer that holds it, and where. */
  buffer: Buffer
  start: number
}

/** What is wrong with a batch that lies whole in the buffer, or nothing. */
export function batchFault(
  { header, buffer, start }: ScannedBatch,
  lastOffset: number | undefined,
  isSparse = false,
): string | undefined {
  if (header.magic !== 2) return `magic ${header.magic}`
  if (header.lastOffset < header.baseOffset) return 'a negative count'
  const fault = offsetFault(header, lastOffset, isSparse)
  if (fault !== undefined) return fault
  if (!isBatchIntact(buffer, start, header.sizeBytes)) return 'a wrong checksum'
  return undefined
}

/** Whether a batch may follow the offset. */
export function offsetFault(
  { baseOffset }: BatchHeader,
  before: number | undefined,
  isSparse: boolean,
): string | undefined {
  if (before === undefined || baseOffset === before + 1) return undefined
  return isSparse && baseOffset > before ? undefined : `offset ${baseOffset} after ${before}`
}

const searchBytesMax = 64 * 1024 * 1024

function nextGood(
  window: Window,
  damaged: number,
  lastOffset: number | undefined,
): { position: number; baseOffset: number } | undefined {
  const claimed = window.batch(damaged)
  const ahead = typeof claimed === 'string' ? undefined : damaged + claimed.header.sizeBytes
  const end = Math.min(window.fileBytes - batchHeaderBytes, damaged + searchBytesMax)
  // A record may hold bytes that look like a batch: the claimed length is tried first.
  if (ahead !== undefined && ahead <= end) {
    const baseOffset = goodAt(window, ahead, lastOffset)
    if (baseOffset !== undefined) return { position: ahead, baseOffset }
  }
  for (let position = damaged + 1; position <= end; position++) {
    const baseOffset = window.hasMagic(position) ? goodAt(window, position, lastOffset) : undefined
    if (baseOffset !== undefined) return { position, baseOffset }
  }
  return undefined
}

/** The base offset of a good batch that may follow at a distance. */
function goodAt(window: Window, position: number, lastOffset = -1): number | undefined {
  const batch = window.batch(position)
  if (typeof batch === 'string' || batch.header.baseOffset <= lastOffset) return undefined
  return batchFault(batch, undefined) === undefined ? batch.header.baseOffset : undefined
}

const scanBytes = 1024 * 1024
const magicAt = 16
const sectorBytes = 512
/** So many zeros at a boundary are no accident; the first bytes of an offset always are. */
const zerosMin = 16
const zerosMinAtStart = 8

/** Reads ahead, so that a scan costs one system call a megabyte. */
class Window {
  readonly fileBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  #from = 0
  readonly #file: OpenFile

  constructor(file: OpenFile, fileBytes: number) {
    this.#file = file
    this.fileBytes = fileBytes
  }

  /** The batch at the position, or why there is none. */
  batch(position: number): ScannedBatch | string {
    if (position + batchHeaderBytes > this.fileBytes) return 'a torn header'
    const at = this.#load(position, batchHeaderBytes)
    const header = readBatchHeader(this.#buffer, at)
    if (header.sizeBytes < batchHeaderBytes) return `a length of ${header.sizeBytes}`
    if (position + header.sizeBytes > this.fileBytes) return 'a torn batch'
    const start = this.#load(position, header.sizeBytes)
    return { header, buffer: this.#buffer, start }
  }

  hasMagic(position: number): boolean {
    const at = this.#load(position, batchHeaderBytes)
    return this.#buffer[at + magicAt] === 2
  }

  /** Whether zeros reach a boundary of a sector in the range, from before or from behind it. */
  hasHole(from: number, to: number): boolean {
    const firstBoundary = Math.ceil(from / sectorBytes) * sectorBytes
    if (firstBoundary <= to && firstBoundary - from >= zerosMinAtStart)
      if (this.#isZero(from, firstBoundary)) return true
    for (let boundary = firstBoundary; boundary <= to; boundary += sectorBytes) {
      const before = boundary - zerosMin >= from && this.#isZero(boundary - zerosMin, boundary)
      const behind = boundary + zerosMin <= to && this.#isZero(boundary, boundary + zerosMin)
      if (before || behind) return true
    }
    return false
  }

  #isZero(from: number, to: number): boolean {
    const at = this.#load(from, to - from)
    for (let i = at; i < at + to - from; i++) if (this.#buffer[i] !== 0) return false
    return true
  }

  /** Where in the buffer the bytes are. */
  #load(position: number, length: number): number {
    if (position < this.#from || position + length > this.#from + this.#buffer.length) {
      const bytes = Math.min(Math.max(scanBytes, length), this.fileBytes - position)
      this.#buffer = Buffer.allocUnsafe(bytes)
      this.#buffer.fill(0, this.#file.readAtSync(this.#buffer, position))
      this.#from = position
    }
    return position - this.#from
  }
}
