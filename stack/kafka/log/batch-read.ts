// Reading whole batches from a segment's file, checked: what lies on disk may have rotted, and a wrong byte is never
// served. Batches in memory were checked when they were produced. One that is damaged is refused; those before and
// behind it are served.

import { OperatingError } from '../../base/errors.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import { batchHeaderBytes, readBatchHeader } from '../protocol/record-batch.ts'
import { batchFault, offsetFault, scanBatches } from './batch-scan.ts'
import type { Segment } from './segment.ts'

/** A batch on disk is not what was written. */
export class DamagedBatchError extends OperatingError {
  override name = 'DamagedBatchError'
}

export interface ReadRange {
  offset: number
  maxBytes: number
  /** Batches at or behind it are not visible. */
  upTo: number
}

const readAheadBytes = 64 * 1024

/** The batches from the one that holds the offset on, as one slice; undefined where the segment has none. */
export async function readBatches(segment: Segment, range: ReadRange): Promise<Buffer | undefined> {
  try {
    const { position, lastOffset } = segment.floor(range.offset)
    return await readFrom(segment, { position, firstLast: lastOffset }, range)
  } catch (error) {
    if (!(error instanceof DamagedBatchError)) throw error
    const position = positionPastDamage(segment, range.offset)
    return position === undefined ? undefined : readFrom(segment, { position }, range)
  }
}

interface Start {
  position: number
  /** The last offset of the batch there, where the index knows it. */
  firstLast?: number | undefined
}

async function readFrom(
  segment: Segment,
  { position: from, firstLast }: Start,
  range: ReadRange,
): Promise<Buffer | undefined> {
  const damaged = (fault: string) =>
    new DamagedBatchError(`a batch on disk is damaged: ${fault}`, {
      where: `${segment.path('log')}, offset ${range.offset}`,
    })
  const { isSparse } = segment
  let position = from
  let before = from === 0 ? segment.baseOffset - 1 : undefined
  let wantedBytes = Math.max(range.maxBytes, readAheadBytes)
  for (let isFirst = true; position < segment.writtenBytes; isFirst = false) {
    const chunk = await segment.readChunk(position, wantedBytes)
    const expected = { before, firstLast: isFirst ? firstLast : undefined, isSparse }
    const walk = walkBatches(chunk, expected, range)
    if (walk.fault !== undefined) throw damaged(`${walk.fault} at ${position + walk.at}`)
    if (walk.start !== undefined) return chunk.subarray(walk.start, walk.at)
    if (walk.isEnd) return undefined
    position += walk.at
    before = walk.before
    wantedBytes = Math.max(wantedBytes, walk.needsBytes)
    if (position !== segment.writtenBytes && position + walk.needsBytes > segment.writtenBytes)
      throw damaged(`a batch of ${walk.needsBytes} bytes at ${position}`)
  }
  return undefined
}

interface Walk {
  /** Where what is wanted begins; it ends at `at`. */
  start: number | undefined
  at: number
  /** Last offset of the batch before `at`. */
  before: number | undefined
  /** The batch at `at` needs so many bytes to be looked at. */
  needsBytes: number
  /** No visible batch lies behind. */
  isEnd: boolean
  fault: string | undefined
}

interface Expected {
  before: number | undefined
  firstLast: number | undefined
  isSparse: boolean
}

/** Steps over batches below the offset, then takes as many as are wanted and lie whole in the chunk. */
function walkBatches(chunk: Buffer, expected: Expected, range: ReadRange): Walk {
  const walk: Walk = {
    start: undefined,
    at: 0,
    before: expected.before,
    needsBytes: batchHeaderBytes,
    isEnd: false,
    fault: undefined,
  }
  while (walk.at + batchHeaderBytes <= chunk.length) {
    const header = readBatchHeader(chunk, walk.at)
    const fault = placeFault(header, walk, expected)
    const isWanted = header.lastOffset >= range.offset
    const isWhole = walk.at + header.sizeBytes <= chunk.length
    if (fault === undefined && header.baseOffset >= range.upTo) return { ...walk, isEnd: true }
    if (fault === undefined && isWanted && !isWhole)
      return { ...walk, needsBytes: header.sizeBytes }
    const damage =
      fault ??
      (isWanted ? batchFault({ header, buffer: chunk, start: walk.at }, undefined) : undefined)
    // What was taken before the damage is served; the next read begins at it.
    if (damage !== undefined) return walk.start === undefined ? { ...walk, fault: damage } : walk
    if (isWanted) {
      const isTooMuch =
        walk.start !== undefined && walk.at + header.sizeBytes - walk.start > range.maxBytes
      if (isTooMuch) return walk
      walk.start ??= walk.at
    }
    walk.before = header.lastOffset
    walk.at += header.sizeBytes
  }
  return walk
}

/** Whether a header may stand where it stands. */
function placeFault(
  header: BatchHeader,
  walk: Walk,
  { firstLast, isSparse }: Expected,
): string | undefined {
  if (header.sizeBytes < batchHeaderBytes) return `a length of ${header.sizeBytes}`
  if (walk.at === 0 && firstLast !== undefined && header.lastOffset !== firstLast)
    return 'an index that does not fit'
  return offsetFault(header, walk.before, isSparse)
}

/**
 * The first good batch that reaches the offset, found by walking from the beginning with every check. Throws where
 * the offset itself lies in damage.
 */
function positionPastDamage(segment: Segment, offset: number): number | undefined {
  // The index may be what is damaged.
  segment.rebuildIndexOnce()
  const { position: from, lastOffset } = segment.floor(offset)
  let found: { position: number; baseOffset: number } | undefined
  const range = {
    ...segment.range(from, segment.writtenBytes),
    lastOffset: lastOffset === undefined ? segment.baseOffset - 1 : undefined,
  }
  const { damages, end } = scanBatches(range, (header, position) => {
    if (header.lastOffset < offset) return false
    found = { position, baseOffset: header.baseOffset }
    return true
  })
  const hasDamage = damages.length > 0 || !segment.isSparse
  const isLost = found ? found.baseOffset > offset && hasDamage : end !== undefined
  if (!isLost) return found?.position
  const fault = end?.fault ?? damages.at(-1)?.fault ?? 'it is missing'
  throw new DamagedBatchError(`a batch on disk is damaged: ${fault}`, {
    where: `${segment.path('log')}, offset ${offset}`,
    hint: 'consumers can go on by seeking behind it',
  })
}
