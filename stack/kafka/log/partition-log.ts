// The log of one partition. Appending is synchronous: offsets are given, producer state is judged, the bytes are
// queued. One writer at a time then writes everything that has piled up and, with durability `fsync`, syncs it: that
// is the group commit. The high watermark moves after the sync, never before, so nobody reads what a crash can take
// back. After a failed write or sync the partition is offline until the broker starts again.

import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import {
  batchRecords,
  placeBatch,
  readBatchHeader,
  stampAppendTime,
} from '../protocol/record-batch.ts'
import type { FileLayer } from './file-layer.ts'
import type { FlushLimit } from './flush-limit.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { ProducerState } from './producer-state.ts'
import type { Recovered } from './recovery.ts'
import { recoverPartition, saveProducers } from './recovery.ts'
import { Segment } from './segment.ts'
import { readSegment } from './segment-read.ts'
import { PartitionTail } from './tail-cache.ts'
import type { TailCache } from './tail-cache.ts'

export type Durability = 'fsync' | 'interval' | 'none'

/** What all partitions of a broker share. */
export interface LogShared {
  files: FileLayer
  clock: Clock
  logger: Logger
  durability: Durability
  cache: TailCache
  flushLimit: FlushLimit
  /** Grows with each start of the broker; a client learns from it that a crash cut the tail. */
  leaderEpoch: number
  /** The last stop was clean: nothing needs to be scanned. */
  cleanStart: boolean
}

/** The topic's settings that the log obeys; read at each use, so that changes hold at once. */
export interface LogSettings {
  segmentBytes: number
  segmentMs: number
  retentionMs: number
  retentionBytes: number
  deletes: boolean
  appendTime: boolean
}

export interface AppendResult {
  errorCode: number
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
}

interface Pending {
  bytes: Buffer
  segment: Segment
  position: number
  nextOffset: number
  written: (() => void)[]
  failed: ((error: unknown) => void)[]
}

export interface FoundOffset {
  offset: number
  timestampMs: number
  leaderEpoch: number
}

const syncIntervalMs = 50
const snapshotsKept = 2

export class PartitionLog {
  readonly name: string
  readonly #dir: string
  readonly #shared: LogShared
  readonly #settings: () => LogSettings
  #segments: Segment[]
  #producers: ProducerState
  #epochs: LeaderEpochs
  #logStartOffset: number
  #logEndOffset: number
  #highWatermark: number
  #tail = new PartitionTail()
  #pending: Pending[] = []
  #flushing = false
  #flushed: Promise<void> = Promise.resolve()
  #offline: string | undefined
  #unsynced = new Set<Segment>()
  #watchers = new Set<() => void>()
  #sizeBytes = 0

  constructor(name: string, dir: string, shared: LogShared, settings: () => LogSettings) {
    this.name = name
    this.#dir = dir
    this.#shared = shared
    this.#settings = settings
    const recovered: Recovered = recoverPartition({ name, dir, ...shared })
    this.#segments = recovered.segments
    this.#producers = recovered.producers
    this.#epochs = recovered.epochs
    this.#logStartOffset = recovered.logStartOffset
    this.#logEndOffset = recovered.logEndOffset
    this.#highWatermark = recovered.logEndOffset
    this.#sizeBytes = this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
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
  /** The end of what read_committed may see; with transactions the first open one will hold it back. */
  get lastStableOffset(): number {
    return this.#highWatermark
  }
  get leaderEpoch(): number {
    return this.#shared.leaderEpoch
  }
  get sizeBytes(): number {
    return this.#sizeBytes
  }
  get isOffline(): boolean {
    return this.#offline !== undefined
  }

  /**
   * One validated batch, in a buffer that is ours from now on. `durable` resolves at the level that `acks` asks for.
   */
  append(batch: Buffer, acks: number): { result: AppendResult; durable: Promise<void> } {
    const refuse = (errorCode: number, baseOffset = -1) => ({
      result: { errorCode, baseOffset, logAppendTimeMs: -1, logStartOffset: this.#logStartOffset },
      durable: Promise.resolve(),
    })
    if (this.#offline !== undefined) return refuse(errorCodes.KAFKA_STORAGE_ERROR)
    const verdict = this.#producers.judge(readBatchHeader(batch))
    if (verdict.kind === 'refused') return refuse(verdict.errorCode)
    if (verdict.kind === 'duplicate') {
      // The first copy may still wait for its sync; its retry must not be acknowledged earlier.
      return { ...refuse(errorCodes.NONE, verdict.baseOffset), durable: this.#flushed }
    }
    const nowMs = this.#shared.clock.now()
    const { appendTime } = this.#settings()
    if (appendTime) stampAppendTime(batch, nowMs)
    placeBatch(batch, 0, this.#logEndOffset, this.#shared.leaderEpoch)
    const header = readBatchHeader(batch)
    const segment = this.#segmentFor(header, nowMs)
    this.#producers.note(header, nowMs)
    this.#epochs.note(header.leaderEpoch, header.baseOffset)
    const durable = this.#enqueue(batch, header, segment, acks)
    const result = {
      errorCode: errorCodes.NONE,
      baseOffset: header.baseOffset,
      logAppendTimeMs: appendTime ? nowMs : -1,
      logStartOffset: this.#logStartOffset,
    }
    return { result, durable }
  }

  /** Whole batches from the one that holds `offset`, all below `upTo`; the first one even if it is larger than asked. */
  read(offset: number, maxBytes: number, upTo: number): Buffer[] | Promise<Buffer[]> {
    if (offset >= upTo) return []
    return this.#tail.from(offset, maxBytes, upTo) ?? this.#readFile(offset, maxBytes, upTo)
  }

  /** About how many bytes lie from an offset on, to within an index interval. */
  bytesFrom(offset: number): number {
    const first = this.#segmentIndex(offset)
    return this.#segments
      .slice(first)
      .reduce(
        (sum, segment, i) => sum + segment.sizeBytes - (i === 0 ? segment.positionOf(offset) : 0),
        0,
      )
  }

  /** Called whenever visible bytes grew or the partition went offline. Returns how to stop. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  /** The first record at or after the time, looked for inside batches too. */
  offsetForTimestamp(timestampMs: number): FoundOffset | undefined {
    for (const segment of this.#segments) {
      if (segment.maxTimestampMs < timestampMs) continue
      const from = segment.positionBefore(timestampMs)
      for (const found of this.#recordsFrom(
        segment,
        from,
        (header) => header.maxTimestampMs >= timestampMs,
      )) {
        if (found.timestampMs >= timestampMs && found.offset >= this.#logStartOffset) return found
      }
    }
    return undefined
  }

  /** The record with the largest timestamp (ListOffsets -3). */
  maxTimestampOffset(): FoundOffset | undefined {
    const largest = Math.max(-1, ...this.#segments.map((segment) => segment.maxTimestampMs))
    const segment = this.#segments.find(
      (each) => each.maxTimestampMs === largest && each.sizeBytes > 0,
    )
    if (!segment) return undefined
    for (const found of this.#recordsFrom(
      segment,
      0,
      (header) => header.maxTimestampMs === largest,
    )) {
      if (found.timestampMs === largest) return found
    }
    return undefined
  }

  /** Where an epoch of the log ended: (-1, -1) for one never seen (KIP-320). */
  epochEnd(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#epochs.endOf(epoch, this.#logEndOffset)
  }

  /** Durable before it returns: records below are gone, also after a crash. */
  deleteRecordsBefore(offset: number): void {
    if (offset <= this.#logStartOffset) return
    this.#setLogStart(offset)
    this.#dropWhile((segment, next) => next.baseOffset <= offset && segment !== this.#active)
  }

  /** By time with each segment's largest timestamp, by size down to what is kept; never the active segment's data. */
  applyRetention(nowMs: number): void {
    const { deletes, retentionMs, retentionBytes } = this.#settings()
    this.#producers.expire(nowMs - 24 * 3600 * 1000)
    if (!deletes || this.#offline !== undefined) return
    const isExpired = (segment: Segment) =>
      retentionMs >= 0 && segment.sizeBytes > 0 && segment.maxTimestampMs < nowMs - retentionMs
    if (isExpired(this.#active) && this.#highWatermark === this.#logEndOffset) this.#roll(nowMs)
    this.#dropWhile(
      (segment) =>
        isExpired(segment) ||
        (retentionBytes >= 0 && this.#sizeBytes - segment.sizeBytes >= retentionBytes),
    )
    const first = (this.#segments[0] as Segment).baseOffset
    if (first > this.#logStartOffset) this.#setLogStart(first)
  }

  /** Everything on disk, indexes and producer state saved: the next start scans nothing. */
  async close(): Promise<void> {
    await this.#flushed
    if (this.#offline === undefined) {
      for (const segment of this.#unsynced) await segment.file.sync()
      this.#active.saveIndex()
      saveProducers(
        this.#shared.files,
        this.#dir,
        this.#logEndOffset,
        this.#producers,
        snapshotsKept,
      )
    }
    for (const segment of this.#segments) segment.close()
  }

  async delete(): Promise<void> {
    this.#goOffline('the topic was deleted')
    await this.#flushed
    for (const segment of this.#segments) segment.close()
    this.#shared.files.remove(this.#dir)
  }

  get #active(): Segment {
    return this.#segments.at(-1) as Segment
  }

  #segmentFor(header: BatchHeader, nowMs: number): Segment {
    const { segmentBytes, segmentMs } = this.#settings()
    const active = this.#active
    const isFull = active.sizeBytes + header.sizeBytes > segmentBytes
    const isOld = active.firstAppendMs !== undefined && nowMs - active.firstAppendMs >= segmentMs
    if (active.sizeBytes > 0 && (isFull || isOld)) this.#roll(nowMs)
    this.#active.firstAppendMs ??= nowMs
    return this.#active
  }

  #roll(nowMs: number): void {
    const sealed = this.#active
    sealed.saveIndex()
    saveProducers(this.#shared.files, this.#dir, this.#logEndOffset, this.#producers, snapshotsKept)
    const next = new Segment(this.#shared.files, this.#dir, this.#logEndOffset)
    next.firstAppendMs = nowMs
    this.#shared.files.syncDir(this.#dir)
    this.#segments.push(next)
  }

  #enqueue(batch: Buffer, header: BatchHeader, segment: Segment, acks: number): Promise<void> {
    const position = segment.extend(header)
    this.#sizeBytes += header.sizeBytes
    this.#logEndOffset = header.lastOffset + 1
    this.#shared.cache.add(this.#tail, {
      baseOffset: header.baseOffset,
      lastOffset: header.lastOffset,
      bytes: batch,
    })
    const entry: Pending = {
      bytes: batch,
      segment,
      position,
      nextOffset: this.#logEndOffset,
      written: [],
      failed: [],
    }
    this.#pending.push(entry)
    const written = new Promise<void>((resolve, reject) => {
      entry.written.push(resolve)
      entry.failed.push(reject)
    })
    written.catch(() => {})
    if (!this.#flushing) this.#flushed = this.#flush()
    if (acks === 0) return Promise.resolve()
    const syncs = this.#shared.durability === 'fsync'
    return acks === 1 || !syncs ? written : this.#synced(entry.nextOffset)
  }

  /** Resolves when the high watermark has reached the offset. */
  #synced(offset: number): Promise<void> {
    if (this.#highWatermark >= offset) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const stop = this.watch(() => {
        if (this.#highWatermark >= offset) {
          stop()
          resolve()
        } else if (this.#offline !== undefined) {
          stop()
          reject(new Error(this.#offline))
        }
      })
    })
  }

  async #flush(): Promise<void> {
    this.#flushing = true
    // What arrives in this turn of the event loop joins the same write.
    await Promise.resolve()
    try {
      while (this.#pending.length > 0 && this.#offline === undefined) {
        await this.#shared.flushLimit.run(() => this.#writePending())
      }
    } catch (error) {
      this.#goOffline(messageOf(error))
    } finally {
      this.#flushing = false
    }
  }

  async #writePending(): Promise<void> {
    const entries = this.#pending
    this.#pending = []
    const touched = new Set<Segment>()
    try {
      for (const group of bySegment(entries)) {
        const [first] = group as [Pending, ...Pending[]]
        await first.segment.file.writeAt(
          group.map((entry) => entry.bytes),
          first.position,
        )
        touched.add(first.segment)
      }
      for (const entry of entries) for (const resolve of entry.written) resolve()
      await this.#syncAsConfigured(touched)
    } catch (error) {
      for (const entry of [...entries, ...this.#pending])
        for (const reject of entry.failed) reject(error)
      throw error
    }
    const last = entries.at(-1) as Pending
    this.#highWatermark = last.nextOffset
    this.#changed()
  }

  async #syncAsConfigured(touched: ReadonlySet<Segment>): Promise<void> {
    const { durability, clock } = this.#shared
    if (durability === 'fsync') {
      for (const segment of touched) await segment.file.sync()
      return
    }
    const wasIdle = this.#unsynced.size === 0
    for (const segment of touched) this.#unsynced.add(segment)
    if (durability === 'interval' && wasIdle)
      clock.after(syncIntervalMs, () => void this.#syncBehind())
  }

  async #syncBehind(): Promise<void> {
    const segments = [...this.#unsynced]
    this.#unsynced.clear()
    try {
      for (const segment of segments) await segment.file.sync()
    } catch (error) {
      this.#goOffline(messageOf(error))
    }
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

  async #readFile(offset: number, maxBytes: number, upTo: number): Promise<Buffer[]> {
    for (let i = this.#segmentIndex(offset); i < this.#segments.length; i++) {
      const slices = await readSegment(this.#segments[i] as Segment, offset, maxBytes, upTo)
      if (slices.length > 0) return slices
    }
    return []
  }

  /** The last segment that begins at or before the offset. */
  #segmentIndex(offset: number): number {
    let index = this.#segments.length - 1
    while (index > 0 && (this.#segments[index] as Segment).baseOffset > offset) index--
    return index
  }

  *#recordsFrom(
    segment: Segment,
    position: number,
    wanted: (header: BatchHeader) => boolean,
  ): Generator<FoundOffset> {
    for (const header of segment.headers(position)) {
      if (header.lastOffset >= this.#highWatermark) return
      if (!wanted(header)) continue
      for (const record of batchRecords(segment.batchAt(header.position, header.sizeBytes))) {
        yield {
          offset: record.offset,
          timestampMs: record.timestampMs,
          leaderEpoch: header.leaderEpoch,
        }
      }
    }
  }

  #dropWhile(isDue: (segment: Segment, next: Segment) => boolean): void {
    while (this.#segments.length > 1) {
      const [first, next] = this.#segments as [Segment, Segment]
      if (!isDue(first, next)) return
      this.#segments.shift()
      this.#sizeBytes -= first.sizeBytes
      first.delete()
    }
  }

  #setLogStart(offset: number): void {
    this.#logStartOffset = offset
    this.#shared.files.writeWhole(join(this.#dir, 'log-start'), `${offset}\n`)
    this.#changed()
  }
}

function* bySegment(entries: readonly Pending[]): Generator<Pending[]> {
  let group: Pending[] = []
  for (const entry of entries) {
    if (group.length > 0 && group[0]?.segment !== entry.segment) {
      yield group
      group = []
    }
    group.push(entry)
  }
  if (group.length > 0) yield group
}
