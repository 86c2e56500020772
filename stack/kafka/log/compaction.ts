// One pass of compaction over the sealed segments of a partition (broker.md 3.9). First the dirty part is read, and for
// each key the offset of its last record is noted; then all segments are written anew without what is out of date.
// Offsets never change, so the new files have gaps.
//
//   goes at once      records whose key comes again, records without a key, everything of aborted transactions
//   goes with time    tombstones, and markers of transactions of which nothing else is left
//   stays             the header of each living producer's last batch: its sequence goes on from there
//
// A partition in which a batch is damaged is left as it is: nothing good behind the damage may be lost.

import { join } from 'node:path'
import { MiB } from '../../base/units.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import {
  batchHeaderBytes,
  batchRecords,
  isControl,
  isTransactional,
  keepRecords,
  readBatchHeader,
} from '../protocol/record-batch.ts'
import type { AbortedTransaction } from './aborted-transactions.ts'
import { DamagedBatchError } from './batch-read.ts'
import { batchFault } from './batch-scan.ts'
import { cleanedName } from './cleaned.ts'
import type { FileLayer } from './file-layer.ts'
import { Segment } from './segment.ts'

export interface CompactionOptions {
  files: FileLayer
  dir: string
  /** Where the part begins that no pass has seen. */
  dirtyFrom: number
  /** Tombstones and markers below it have been there long enough. */
  horizonOffset: number
  aborted: readonly AbortedTransaction[]
  /** Base offsets of the last batches of living producers. */
  lastBatches: ReadonlySet<number>
  signal: AbortSignal
}

/** What takes the place of some segments, under another name. */
export interface Compacted {
  segment: Segment
  path: string
}

const chunkBytes = MiB
/** Bounds the memory of a pass; what lies behind the last key that fits is dirty for the next one. */
const keysMax = 500_000

export class Compaction {
  readonly #options: CompactionOptions
  readonly #lastOffsets = new Map<string, number>()
  readonly #abortedOf: Map<number, AbortedTransaction[]>
  /** Producers of whose current transaction something was kept. */
  readonly #kept = new Set<number>()
  #upTo = 0

  constructor(options: CompactionOptions) {
    this.#options = options
    this.#abortedOf = Map.groupBy(options.aborted, ({ producerId }) => producerId)
  }

  /** Notes the last offset of each key; tells where it had to end. */
  async noteKeys(segments: readonly Segment[]): Promise<number> {
    for (const segment of segments) {
      for await (const { header, batch } of this.#batches(segment)) {
        if (this.#lastOffsets.size >= keysMax) return this.#upTo
        this.#upTo = header.lastOffset + 1
        if (header.lastOffset >= this.#options.dirtyFrom) this.#noteKeysOf(header, batch)
      }
    }
    return this.#upTo
  }

  /** Writes segments anew, all into one. In order, from the first segment of the log on. */
  async rewrite(segments: readonly [Segment, ...Segment[]]): Promise<Compacted> {
    const { files, dir } = this.#options
    const { baseOffset } = segments[0]
    const path = join(dir, cleanedName(baseOffset))
    files.remove(path)
    const file = files.open(path)
    const segment = new Segment(files, dir, baseOffset)
    segment.isSparse = true
    let waiting: Buffer[] = []
    let writtenBytes = 0
    const write = async () => {
      await file.writeAt(waiting, writtenBytes)
      writtenBytes = segment.writtenBytes
      waiting = []
    }
    for (const each of segments) {
      for await (const { header, batch } of this.#batches(each)) {
        const kept = this.#keep(header, batch)
        if (!kept) continue
        segment.wrote(readBatchHeader(kept), segment.writtenBytes)
        waiting.push(kept)
        this.#keepAborted(segment, header)
        if (segment.writtenBytes - writtenBytes >= chunkBytes) await write()
      }
    }
    if (waiting.length > 0) await write()
    await file.sync()
    file.close()
    segment.plannedBytes = segment.writtenBytes
    return { segment, path }
  }

  async *#batches(segment: Segment): AsyncGenerator<{ header: BatchHeader; batch: Buffer }> {
    let position = 0
    let lastOffset = segment.baseOffset - 1
    let wantedBytes = chunkBytes
    while (position < segment.writtenBytes) {
      this.#options.signal.throwIfAborted()
      const chunk = await segment.readChunk(position, wantedBytes)
      wantedBytes = chunkBytes
      let at = 0
      while (at + batchHeaderBytes <= chunk.length) {
        const header = readBatchHeader(chunk, at)
        if (header.sizeBytes < batchHeaderBytes) throw damaged(segment, position + at)
        if (at + header.sizeBytes > chunk.length) {
          wantedBytes = Math.max(chunkBytes, header.sizeBytes)
          break
        }
        const scanned = { header, buffer: chunk, start: at }
        if (batchFault(scanned, lastOffset, segment.isSparse) !== undefined)
          throw damaged(segment, position + at)
        lastOffset = header.lastOffset
        yield { header, batch: chunk.subarray(at, at + header.sizeBytes) }
        at += header.sizeBytes
      }
      if (at === 0 && position + wantedBytes > segment.writtenBytes)
        throw damaged(segment, position)
      position += at
    }
  }

  #noteKeysOf(header: BatchHeader, batch: Buffer): void {
    if (isControl(header) || this.#isAborted(header)) return
    for (const { key, offset } of batchRecords(batch))
      if (key !== null) this.#lastOffsets.set(nameOf(key), offset)
  }

  /** What is left of a batch. */
  #keep(header: BatchHeader, batch: Buffer): Buffer | undefined {
    if (header.baseOffset >= this.#upTo) return batch
    if (isControl(header)) return this.#keepMarker(header) ? batch : undefined
    const isAborted = this.#isAborted(header)
    const { horizonOffset, lastBatches } = this.#options
    const kept = keepRecords(
      batch,
      ({ key, value, offset }) =>
        !isAborted &&
        key !== null &&
        (this.#lastOffsets.get(nameOf(key)) ?? -1) <= offset &&
        (value !== null || offset >= horizonOffset),
    )
    const isLast = header.producerId >= 0 && lastBatches.has(header.baseOffset)
    if (readBatchHeader(kept).count === 0 && !isLast) return undefined
    if (isTransactional(header)) this.#kept.add(header.producerId)
    return kept
  }

  /** It must stay as long as a batch of its transaction does: a log read from its start would never see the end. */
  #keepMarker({ producerId, baseOffset }: BatchHeader): boolean {
    const isNeeded = this.#kept.delete(producerId)
    return isNeeded || baseOffset >= this.#options.horizonOffset
  }

  /** Who reads of an aborted transaction waits for its marker: without one there must be no entry. */
  #keepAborted(segment: Segment, { producerId, lastOffset, attributes }: BatchHeader): void {
    if (!isControl({ attributes })) return
    const entry = this.#abortedOf.get(producerId)?.find((each) => each.lastOffset === lastOffset)
    if (entry) segment.aborted.add(entry)
  }

  #isAborted(header: BatchHeader): boolean {
    if (!isTransactional(header)) return false
    const entries = this.#abortedOf.get(header.producerId) ?? []
    return entries.some(
      ({ firstOffset, lastOffset }) =>
        firstOffset <= header.baseOffset && header.baseOffset < lastOffset,
    )
  }
}

/** Neighbours that fit into one segment together. */
export function groupsOf(
  segments: readonly Segment[],
  { segmentBytes, offsetsMax }: { segmentBytes: number; offsetsMax: number },
): [Segment, ...Segment[]][] {
  const groups: [Segment, ...Segment[]][] = []
  let bytes = 0
  for (const [i, segment] of segments.entries()) {
    const group = groups.at(-1)
    const end = segments[i + 1]?.baseOffset ?? segment.baseOffset
    const fits =
      group !== undefined &&
      bytes + segment.writtenBytes <= segmentBytes &&
      end - group[0].baseOffset <= offsetsMax
    if (fits) group.push(segment)
    else groups.push([segment])
    bytes = segment.writtenBytes + (fits ? bytes : 0)
  }
  return groups
}

function damaged(segment: Segment, position: number): DamagedBatchError {
  return new DamagedBatchError('a batch on disk is damaged, the partition is not compacted', {
    where: `${segment.path('log')}, position ${position}`,
  })
}

/** A key as the key of a map. */
function nameOf(key: Buffer): string {
  return key.toString('latin1')
}
