// The log of one partition. Appending is synchronous: offsets are given, producer state is judged, the bytes are queued
// for the writer (log-writer.ts). Reading is answered from memory where the tail is cached, otherwise from the segments'
// files. This file owns the offsets:
//
//   log start ≤ last stable offset ≤ high watermark ≤ log end
//
// The high watermark is what consumers may see: with durability `fsync`, what is synced. The last stable offset is the
// end of what read_committed may see: the first open transaction holds it back.

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { dayMs, MiB } from '../../base/units.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { BatchHeader, Marker } from '../protocol/record-batch.ts'
import {
  buildMarker,
  placeBatch,
  readBatchHeader,
  stampAppendTime,
} from '../protocol/record-batch.ts'
import type { AbortedTransaction } from './aborted-transactions.ts'
import type { ReadRange } from './batch-read.ts'
import { readBatches } from './batch-read.ts'
import { removeCheckpointsBelow } from './checkpoint.ts'
import type { Cleaned } from './cleaned.ts'
import { afterPass, horizonOf, saveCleaned } from './cleaned.ts'
import type { Compacted } from './compaction.ts'
import { Compaction, groupsOf } from './compaction.ts'
import type { FileLayer } from './file-layer.ts'
import type { FlushLimit } from './flush-limit.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LoadedIndexes } from './loaded-indexes.ts'
import { LogWriter } from './log-writer.ts'
import type { Durability, QueuedBatch } from './log-writer.ts'
import type { EndedTransaction, ProducerState, StoredProducer } from './producer-state.ts'
import { nothingRecovered, recoverPartition, saveLogStart } from './recovery.ts'
import type { Recovered } from './recovery.ts'
import { Segment } from './segment.ts'
import { StableOffset } from './stable-offset.ts'
import { PartitionTail } from './tail-cache.ts'
import type { TailCache } from './tail-cache.ts'
import { firstAtOrAfter, largestTimestamp } from './time-lookup.ts'
import type { FoundOffset, TimeRange } from './time-lookup.ts'

export type { Durability } from './log-writer.ts'

/** What all partitions of a broker share. */
export interface LogShared {
  files: FileLayer
  clock: Clock
  logger: Logger
  durability: Durability
  cache: TailCache
  indexes: LoadedIndexes
  flushLimit: FlushLimit
  /** Grows with each start of the broker; a client learns from it that a crash cut the tail. */
  leaderEpoch: number
}

/** The topic's settings that the log obeys; read at each use, so that changes hold at once. */
export interface LogSettings {
  segmentBytes: number
  segmentMs: number
  retentionMs: number
  retentionBytes: number
  deletes: boolean
  compacts: boolean
  /** The share of bytes that no pass has seen that makes one due. */
  dirtyRatioMin: number
  compactionLagMsMin: number
  compactionLagMsMax: number
  /** How long tombstones and markers stay behind the pass that met them first. */
  deleteRetentionMs: number
  appendTime: boolean
}

export interface AppendResult {
  errorCode: number
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
}

export interface Appended {
  result: AppendResult
  /** Resolves at the level that `acks` asks for; rejects where the batch cannot be stored. */
  durable: Promise<void>
}

interface QueueOptions {
  nowMs: number
  appendTime: boolean
  /** Of a control batch. */
  marker?: Marker
}

/** After so many bytes a crash has to scan no more than these. */
const checkpointBytes = 16 * MiB
const producerExpiryMs = dayMs
/** Offsets in the index are 32 bits, relative to the segment's base. */
const offsetsPerSegmentMax = 2 ** 31 - 1

export class PartitionLog {
  readonly name: string
  readonly #dir: string
  readonly #shared: LogShared
  readonly #settings: () => LogSettings
  readonly #segments: [Segment, ...Segment[]]
  readonly #producers: ProducerState
  readonly #stable: StableOffset
  readonly #epochs: LeaderEpochs
  readonly #writer: LogWriter
  readonly #tail = new PartitionTail()
  readonly #watchers = new Set<() => void>()
  #logStartOffset: number
  #logEndOffset: number
  #highWatermark: number
  #bytesSinceCheckpoint: number
  #offline: string | undefined
  #cleaned: Cleaned

  constructor(name: string, dir: string, shared: LogShared, settings: () => LogSettings) {
    this.name = name
    this.#dir = dir
    this.#shared = shared
    this.#settings = settings
    const recovered = this.#recover()
    this.#segments = recovered.segments
    this.#producers = recovered.producers
    this.#stable = new StableOffset(recovered.producers)
    this.#epochs = recovered.epochs
    this.#cleaned = recovered.cleaned
    this.#logStartOffset = recovered.logStartOffset
    this.#logEndOffset = this.#highWatermark = recovered.logEndOffset
    this.#bytesSinceCheckpoint = recovered.scannedBytes
    this.#writer = new LogWriter({
      ...shared,
      dir,
      epochs: recovered.epochs,
      endOffset: recovered.logEndOffset,
      events: {
        visible: (offset) => this.#advance(offset),
        refused: (batches, why) => this.#takeBack(batches, why),
        stopped: (why) => this.#goOffline(why),
      },
    })
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }
  get logEndOffset(): number {
    return this.#logEndOffset
  }
  get highWatermark(): number {
    return this.#highWatermark
  }
  /** The end of what read_committed may see. */
  get lastStableOffset(): number {
    return this.#stable.of(this.#highWatermark, this.#logStartOffset)
  }
  get leaderEpoch(): number {
    return this.#shared.leaderEpoch
  }
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.plannedBytes, 0)
  }
  get isOffline(): boolean {
    return this.#offline !== undefined
  }

  /** One validated batch; it is copied, the buffer stays the caller's. */
  append(batch: Buffer, acks: number): Appended {
    if (this.#offline !== undefined) return this.#refuse(errorCodes.KAFKA_STORAGE_ERROR)
    const asked = readBatchHeader(batch)
    const verdict = this.#producers.judge(asked)
    if (verdict.kind === 'refused') return this.#refuse(verdict.errorCode)
    if (verdict.kind === 'duplicate') {
      // The first copy may still wait for its sync; its retry must not be acknowledged earlier.
      const { result } = this.#refuse(errorCodes.NONE)
      const durable = this.#durable(verdict.nextOffset, acks)
      const { baseOffset, maxTimestampMs: logAppendTimeMs } = verdict
      return { result: { ...result, baseOffset, logAppendTimeMs }, durable }
    }
    const nowMs = this.#shared.clock.now()
    const { appendTime } = this.#settings()
    const header = this.#queue(batch, { nowMs, appendTime })
    const result = {
      errorCode: errorCodes.NONE,
      baseOffset: header.baseOffset,
      logAppendTimeMs: appendTime ? nowMs : -1,
      logStartOffset: this.#logStartOffset,
    }
    return { result, durable: this.#durable(this.#logEndOffset, acks) }
  }

  /** Ends the producer's transaction here, as durable as acks=all. */
  appendMarker(producerId: number, producerEpoch: number, marker: Marker): Appended {
    if (this.#offline !== undefined) return this.#refuse(errorCodes.KAFKA_STORAGE_ERROR)
    const fault = this.#producers.judgeMarker(producerId, producerEpoch, marker.coordinatorEpoch)
    if (fault !== errorCodes.NONE) return this.#refuse(fault)
    const nowMs = this.#shared.clock.now()
    const batch = buildMarker(marker, { producerId, producerEpoch }, nowMs)
    const { baseOffset } = this.#queue(batch, { nowMs, appendTime: false, marker })
    const { result } = this.#refuse(errorCodes.NONE)
    return { result: { ...result, baseOffset }, durable: this.#durable(this.#logEndOffset, -1) }
  }

  /** Whether the producer has written here and its transaction has not ended. */
  isOpen(producerId: number): boolean {
    return this.#producers.isOpen(producerId)
  }

  get producers(): StoredProducer[] {
    return this.#producers.stored()
  }

  /** Aborted transactions that overlap [from, upTo), by their first offset. */
  abortedBetween(from: number, upTo: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (const segment of this.#segments.slice(this.#segmentIndex(from)))
      if (segment.aborted.collect(from, upTo, found)) break
    return found.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whole batches from the one that holds `offset`, all below `upTo`; the first one even if it is larger than asked. */
  read(offset: number, maxBytes: number, upTo: number): Buffer[] | Promise<Buffer[]> {
    if (offset >= upTo) return []
    return this.#tail.read(offset, maxBytes, upTo) ?? this.#readFile({ offset, maxBytes, upTo })
  }

  /** How many bytes lie from an offset on and below another; on disk to within an index interval. */
  bytesBetween(offset: number, upTo: number): number {
    const cached = this.#tail.bytesBetween(offset, upTo)
    if (cached !== undefined) return cached
    const first = this.#segmentIndex(offset)
    const last = this.#segmentIndex(upTo)
    const bytes = this.#segments
      .slice(first, last)
      .reduce((sum, segment) => sum + segment.writtenBytes, 0)
    const positionIn = (index: number, at: number) =>
      (this.#segments[index] as Segment).floor(at).position
    const end = upTo === this.#logEndOffset ? this.#active.writtenBytes : positionIn(last, upTo)
    return bytes + end - positionIn(first, offset)
  }

  /** Called whenever visible bytes grew or the partition went offline. Returns how to stop. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  /** The first record at or after the time, looked for inside batches too. */
  offsetForTimestamp(timestampMs: number, upTo = this.#highWatermark): FoundOffset | undefined {
    return firstAtOrAfter(this.#timeRange(upTo), timestampMs)
  }

  /** The record with the largest timestamp (ListOffsets -3). */
  maxTimestampOffset(upTo = this.#highWatermark): FoundOffset | undefined {
    return largestTimestamp(this.#timeRange(upTo))
  }

  /** Where an epoch of the log ended: (-1, -1) for one never seen (KIP-320). */
  epochEnd(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#epochs.endOf(epoch, this.#logEndOffset)
  }

  /** Durable before it returns: records below are gone, also after a crash. */
  deleteRecordsBefore(offset: number): void {
    if (offset <= this.#logStartOffset || offset > this.#highWatermark) return
    this.#setLogStart(offset)
    this.#dropWhile((_first, next) => next.baseOffset <= offset)
  }

  /** By time with each segment's largest timestamp, by size down to what is kept; never what is not visible yet. */
  async applyRetention(nowMs: number): Promise<void> {
    const { deletes, retentionMs, retentionBytes } = this.#settings()
    this.#producers.expire(nowMs - producerExpiryMs)
    if (!deletes || this.#offline !== undefined) return
    const isExpired = (segment: Segment) =>
      retentionMs >= 0 && segment.writtenBytes > 0 && segment.maxTimestampMs < nowMs - retentionMs
    const isIdle = this.#highWatermark === this.#logEndOffset
    if (isIdle && isExpired(this.#active)) {
      this.#roll(nowMs)
      await this.#writer.idle()
    }
    this.#dropWhile(
      (segment) =>
        isExpired(segment) ||
        (retentionBytes >= 0 && this.sizeBytes - segment.plannedBytes >= retentionBytes),
    )
    const { baseOffset } = this.#segments[0]
    if (baseOffset > this.#logStartOffset) this.#setLogStart(baseOffset)
  }

  /** Writes sealed segments anew, with the last record of each key only, once enough of them is dirty. */
  async compact(nowMs: number, signal: AbortSignal): Promise<void> {
    const { compacts, compactionLagMsMax, deleteRetentionMs, segmentBytes } = this.#settings()
    if (!compacts || this.#offline !== undefined) return
    const rolledMs = this.#active.firstAppendMs ?? nowMs
    if (this.#active.plannedBytes > 0 && rolledMs <= nowMs - compactionLagMsMax) this.#roll(nowMs)
    const segments = this.#cleanable(nowMs)
    if (!this.#isCompactionDue(segments, nowMs)) return
    await this.#writer.idle()
    const [first] = segments
    const end = this.#segments[segments.length]?.baseOffset ?? this.#logEndOffset
    const compaction = new Compaction({
      ...this.#shared,
      dir: this.#dir,
      dirtyFrom: this.#cleaned.to,
      horizonOffset: horizonOf(this.#cleaned, nowMs, deleteRetentionMs),
      aborted: this.abortedBetween(first?.baseOffset ?? 0, end),
      lastBatches: new Set(
        this.producers.flatMap(({ batches }) => batches.at(-1)?.baseOffset ?? []),
      ),
      signal,
    })
    const upTo = await compaction.noteKeys(segments)
    const sparseBelow = Math.max(upTo, this.#cleaned.sparseBelow)
    this.#saveCleaned({ ...this.#cleaned, sparseBelow })
    const due = segments.filter(({ baseOffset }) => baseOffset < upTo)
    for (const group of groupsOf(due, { segmentBytes, offsetsMax: offsetsPerSegmentMax })) {
      const compacted = await compaction.rewrite(group)
      if (!(await this.#replace(group, compacted))) return
    }
    this.#saveCleaned(afterPass(this.#cleaned, upTo, { nowMs, deleteRetentionMs }))
  }

  /** Everything on disk, producer state saved: the next start scans nothing. False where that failed. */
  async close(): Promise<boolean> {
    await this.#writer.idle()
    if (this.#offline === undefined && this.#bytesSinceCheckpoint > 0) {
      this.#checkpoint(undefined)
      await this.#writer.idle()
    }
    const isSaved = this.#offline === undefined
    this.#offline ??= 'the broker is stopping'
    for (const segment of this.#segments) segment.close()
    return isSaved
  }

  async delete(): Promise<void> {
    this.#offline = 'the topic was deleted'
    this.#writer.stop(this.#offline)
    await this.#writer.idle()
    for (const segment of this.#segments) this.#release(segment)
    this.#shared.cache.forget(this.#tail)
    this.#shared.files.remove(this.#dir)
    this.#changed()
  }

  /** A partition that cannot be read is offline; the others are served. */
  #recover(): Recovered {
    const { files, logger } = this.#shared
    try {
      return recoverPartition({ name: this.name, dir: this.#dir, ...this.#shared })
    } catch (error) {
      this.#offline = messageOf(error)
      logger.error('a partition could not be opened and is offline', {
        partition: this.name,
        why: this.#offline,
      })
      return nothingRecovered(files, this.#dir)
    }
  }

  get #active(): Segment {
    return this.#segments.at(-1) as Segment
  }

  #refuse(errorCode: number): Appended {
    const { logStartOffset } = this
    const result = { errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset }
    return { result, durable: Promise.resolve() }
  }

  /** Also for acks=0: the request's bytes count as held until they are written. */
  #durable(offset: number, acks: number): Promise<void> {
    const level = acks === -1 && this.#shared.durability === 'fsync' ? 'visible' : 'written'
    return this.#writer.until(level, offset)
  }

  #queue(batch: Buffer, { nowMs, appendTime, marker }: QueueOptions): BatchHeader {
    const asked = readBatchHeader(batch)
    const baseOffset = this.#logEndOffset
    const lastOffset = baseOffset + asked.lastOffset - asked.baseOffset
    const segment = this.#segmentFor(batch.length, lastOffset, nowMs)
    const bytes = this.#shared.cache.add(this.#tail, batch, baseOffset, lastOffset)
    if (appendTime) stampAppendTime(bytes, nowMs)
    placeBatch(bytes, 0, baseOffset, this.#shared.leaderEpoch)
    const header = readBatchHeader(bytes)
    this.#epochs.note(header.leaderEpoch, baseOffset)
    const { undo, ended } = this.#producers.note(header, nowMs, marker)
    const position = segment.plan(bytes.length)
    this.#logEndOffset = lastOffset + 1
    if (ended) this.#noteEnd(segment, ended)
    this.#bytesSinceCheckpoint += bytes.length
    this.#writer.add({ bytes, header, segment, position, undo })
    return header
  }

  #noteEnd(segment: Segment, ended: EndedTransaction): void {
    this.#stable.ended(ended)
    const lastStableOffset = this.#stable.ahead(this.#logEndOffset)
    if (ended.isAborted) segment.aborted.add({ ...ended, lastStableOffset })
  }

  #segmentFor(sizeBytes: number, lastOffset: number, nowMs: number): Segment {
    const { segmentBytes, segmentMs } = this.#settings()
    const active = this.#active
    const isFull =
      active.plannedBytes + sizeBytes > segmentBytes ||
      lastOffset - active.baseOffset > offsetsPerSegmentMax
    const isOld = active.firstAppendMs !== undefined && nowMs - active.firstAppendMs >= segmentMs
    if (active.plannedBytes > 0 && (isFull || isOld)) this.#roll(nowMs)
    else if (this.#bytesSinceCheckpoint >= checkpointBytes) this.#checkpoint(undefined)
    this.#active.firstAppendMs ??= nowMs
    return this.#active
  }

  #roll(nowMs: number): void {
    const next = new Segment(this.#shared.files, this.#dir, this.#logEndOffset)
    next.firstAppendMs = nowMs
    this.#checkpoint(next)
    this.#segments.push(next)
  }

  #checkpoint(next: Segment | undefined): void {
    this.#bytesSinceCheckpoint = 0
    const goesOn = next ?? this.#active
    const checkpoint = {
      offset: this.#logEndOffset,
      segment: goesOn.baseOffset,
      position: goesOn.plannedBytes,
      producers: this.#producers.stored(),
    }
    this.#writer.add({ checkpoint, segment: this.#active, next })
  }

  #advance(offset: number): void {
    this.#highWatermark = offset
    this.#stable.advance(offset)
    this.#changed()
  }

  /** Batches, newest first, that could not be written: as if they had never come. */
  #takeBack(batches: readonly QueuedBatch[], why: string): void {
    for (const { undo } of batches) if (undo) this.#producers.undo(undo)
    while (this.#segments.length > 1 && !this.#active.isCreated) this.#segments.pop()
    this.#active.plannedBytes = this.#active.writtenBytes
    this.#logEndOffset = this.#writer.writtenOffset
    this.#stable.truncate(this.#logEndOffset)
    this.#active.aborted.truncate(this.#logEndOffset)
    this.#shared.cache.truncate(this.#tail, this.#logEndOffset)
    this.#shared.logger.warn('batches could not be written and were refused', {
      partition: this.name,
      batches: batches.length,
      offset: this.#logEndOffset,
      why,
    })
  }

  #goOffline(why: string): void {
    if (this.#offline !== undefined) return
    this.#offline = why
    this.#shared.logger.error('the partition is offline until the broker starts again', {
      partition: this.name,
      why,
    })
    this.#changed()
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher()
  }

  async #readFile(range: ReadRange): Promise<Buffer[]> {
    const first = this.#segmentIndex(range.offset)
    for (const segment of this.#segments.slice(first)) {
      const slice = await this.#readSegment(segment, range)
      if (segment !== this.#active) this.#shared.indexes.touch(segment)
      if (slice) return [slice]
    }
    return []
  }

  /** Compaction may put another file in the place of one that is being read. */
  async #readSegment(segment: Segment, range: ReadRange): Promise<Buffer | undefined> {
    try {
      return await readBatches(segment, range)
    } catch (error) {
      const isReplaced = !this.#segments.includes(segment) && range.offset >= this.#logStartOffset
      if (!isReplaced || this.#offline !== undefined) throw error
      const now = this.#segments[this.#segmentIndex(Math.max(range.offset, segment.baseOffset))]
      return this.#readSegment(now as Segment, range)
    }
  }

  /** The last segment that begins at or before the offset. */
  #segmentIndex(offset: number): number {
    let index = this.#segments.length - 1
    while (index > 0 && (this.#segments[index] as Segment).baseOffset > offset) index--
    return index
  }

  #timeRange(upTo: number): TimeRange {
    const segments = this.#segments.filter((segment) => segment.isCreated)
    return { segments, logStartOffset: this.#logStartOffset, upTo }
  }

  /** Sealed, decided, visible, and old enough. */
  #cleanable(nowMs: number): Segment[] {
    const { compactionLagMsMin } = this.#settings()
    const stable = this.lastStableOffset
    const end = this.#segments.findIndex((segment, i) => {
      const next = this.#segments[i + 1]
      const isOld = segment.maxTimestampMs <= nowMs - compactionLagMsMin
      return !next?.isCreated || next.baseOffset > stable || (compactionLagMsMin > 0 && !isOld)
    })
    return this.#segments.slice(0, Math.max(0, end))
  }

  #isCompactionDue(segments: readonly Segment[], nowMs: number): boolean {
    const { dirtyRatioMin, compactionLagMsMax } = this.#settings()
    const bytesOf = (some: readonly Segment[]) =>
      some.reduce((sum, segment) => sum + segment.writtenBytes, 0)
    const dirty = segments.filter((_segment, i) => {
      const next = this.#segments[i + 1]
      return next !== undefined && next.baseOffset > this.#cleaned.to
    })
    if (bytesOf(dirty) === 0) return false
    const isOverdue = dirty.some((segment) => segment.maxTimestampMs <= nowMs - compactionLagMsMax)
    return isOverdue || bytesOf(dirty) / bytesOf(segments) > dirtyRatioMin
  }

  /** The new file takes the place of the old ones; false where they are not all there any more. */
  async #replace(
    group: readonly [Segment, ...Segment[]],
    { segment, path }: Compacted,
  ): Promise<boolean> {
    const { files } = this.#shared
    const at = this.#segments.indexOf(group[0])
    const areThere = group.every((each, i) => at >= 0 && this.#segments[at + i] === each)
    if (!areThere || this.#offline !== undefined) {
      files.remove(path)
      return false
    }
    const [, ...others] = group
    if (others.length > 0)
      this.#saveCleaned({ ...this.#cleaned, merging: group.map(({ baseOffset }) => baseOffset) })
    removeCheckpointsBelow(files, this.#dir, this.#active.baseOffset)
    for (const aborted of segment.encodeAborted()) files.writeWhole(aborted.path, aborted.bytes)
    if (segment.aborted.count === 0) files.remove(segment.path('aborted'))
    for (const suffix of ['index', 'timeindex']) files.remove(segment.path(suffix))
    files.rename(path, segment.path('log'))
    files.syncDir(this.#dir)
    segment.create()
    this.#segments.splice(at, group.length, segment)
    for (const each of group) this.#release(each)
    for (const each of others) each.delete()
    if (others.length > 0) this.#saveCleaned({ ...this.#cleaned, merging: [] })
    // What is cached still holds records of aborted transactions that are on no list any more.
    this.#shared.cache.forget(this.#tail)
    await Promise.all(
      segment.encodeIndexes().map((index) => files.writeWholeLater(index.path, index.bytes)),
    )
    files.syncDir(this.#dir)
    return true
  }

  #saveCleaned(cleaned: Cleaned): void {
    saveCleaned(this.#shared.files, this.#dir, cleaned)
    this.#cleaned = cleaned
  }

  #dropWhile(isDue: (first: Segment, next: Segment) => boolean): void {
    for (;;) {
      const [first, next] = this.#segments
      // One that is not created waits behind the sync of the first.
      if (!next?.isCreated || next.baseOffset > this.#highWatermark || !isDue(first, next)) return
      this.#segments.shift()
      this.#release(first)
      first.delete()
    }
  }

  #release(segment: Segment): void {
    this.#shared.indexes.forget(segment)
    segment.close()
  }

  #setLogStart(offset: number): void {
    saveLogStart(this.#shared.files, this.#dir, offset)
    this.#logStartOffset = offset
    this.#changed()
  }
}
