// Brings the queued batches of one partition to disk, in order: one writer at a time takes everything that has piled up
// for a segment, writes it in one call, and with durability `fsync` syncs it: that is the group commit. The visible end
// moves after the sync, never before, so nobody reads what a crash can take back.
//
// Between batches the queue may hold a checkpoint: what lies before it is synced, indexes and producer state are saved,
// and, where the segment was full, the next file is begun. So a file is whole on disk before the next one exists.
//
// A failed write (a full disk) takes back what half arrived and refuses what is queued; later batches are tried again.
// After a failed sync nobody knows what is on disk: the partition stops until the broker starts again.

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { MiB } from '../../base/units.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import { encodeCheckpoint, removeOldCheckpoints } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { FileLayer } from './file-layer.ts'
import type { FlushLimit } from './flush-limit.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { Undo } from './producer-state.ts'
import { OffsetWaiters } from './offset-waiters.ts'
import type { Segment } from './segment.ts'

export type Durability = 'fsync' | 'interval' | 'none'

export interface QueuedBatch {
  bytes: Buffer
  header: BatchHeader
  segment: Segment
  position: number
  undo: Undo | undefined
}

interface QueuedCheckpoint {
  checkpoint: Checkpoint
  /** Whose bytes end here. */
  segment: Segment
  /** The file that is begun here, where the segment is full. */
  next: Segment | undefined
}

type Queued = QueuedBatch | QueuedCheckpoint

/** What the log hears of its writer. */
export interface WriterEvents {
  /** The end that consumers may see has moved. */
  visible(offset: number): void
  /** The batches, newest first, will never be written; their offsets are free again. */
  refused(batches: QueuedBatch[], why: string): void
  /** A sync failed: nothing more is written. */
  stopped(why: string): void
}

export interface WriterOptions {
  dir: string
  files: FileLayer
  clock: Clock
  durability: Durability
  flushLimit: FlushLimit
  /** Saved with each checkpoint. */
  epochs: LeaderEpochs
  endOffset: number
  events: WriterEvents
}

const syncIntervalMs = 50
/** The index of a segment that is so small is built anew faster than it is read. */
const unindexedBytes = MiB

export class LogWriter {
  readonly #options: WriterOptions
  #queue: Queued[] = []
  #writtenOffset: number
  #isRunning = false
  #idle: Promise<void> = Promise.resolve()
  #stoppedWhy: string | undefined
  #syncTimer: Timer | undefined
  #unsynced: Segment | undefined
  readonly #written: OffsetWaiters
  readonly #visible: OffsetWaiters

  constructor(options: WriterOptions) {
    this.#options = options
    this.#writtenOffset = options.endOffset
    this.#written = new OffsetWaiters(options.endOffset)
    this.#visible = new OffsetWaiters(options.endOffset)
  }

  get writtenOffset(): number {
    return this.#writtenOffset
  }

  add(item: Queued): void {
    this.#queue.push(item)
    if (!this.#isRunning) this.#idle = this.#run()
  }

  /** Resolves when the log below the offset is written, or visible to consumers; rejects when it never will be. */
  until(level: 'written' | 'visible', offset: number): Promise<void> {
    return (level === 'written' ? this.#written : this.#visible).until(offset)
  }

  /** Nothing is queued or under way. */
  idle(): Promise<void> {
    return this.#idle
  }

  /** Refuses everything from now on. */
  stop(why: string): void {
    if (this.#stoppedWhy !== undefined) return
    this.#stoppedWhy = why
    this.#syncTimer?.cancel()
    this.#queue = []
    this.#fail(new Error(why))
    this.#options.events.stopped(why)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // What arrives in this turn of the event loop joins the same write.
    await Promise.resolve()
    while (this.#queue.length > 0 && this.#stoppedWhy === undefined) {
      await this.#options.flushLimit.run(() => this.#step())
    }
    this.#isRunning = false
  }

  async #step(): Promise<void> {
    const [first] = this.#queue
    if (!first) return
    if ('checkpoint' in first) {
      this.#queue.shift()
      await this.#reachCheckpoint(first)
    } else await this.#writeBatches(this.#takeBatches())
  }

  /** Up to the next checkpoint: all of one segment. */
  #takeBatches(): QueuedBatch[] {
    const end = this.#queue.findIndex((item) => 'checkpoint' in item)
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end) as QueuedBatch[]
  }

  async #writeBatches(batches: QueuedBatch[]): Promise<void> {
    const { segment, position } = batches[0] as QueuedBatch
    try {
      await segment.file.writeAt(
        batches.map((batch) => batch.bytes),
        position,
      )
    } catch (error) {
      return this.#takeBack(segment, batches, messageOf(error))
    }
    if (this.#stoppedWhy !== undefined) return
    for (const batch of batches) segment.wrote(batch.header, batch.position)
    const end = (batches.at(-1) as QueuedBatch).header.lastOffset + 1
    this.#writtenOffset = end
    this.#written.reach(end)
    if (this.#options.durability === 'fsync' && !(await this.#sync(segment))) return
    if (this.#options.durability !== 'fsync') this.#syncBehind(segment)
    this.#becomeVisible(end)
  }

  #becomeVisible(offset: number): void {
    this.#visible.reach(offset)
    this.#options.events.visible(offset)
  }

  async #sync(segment: Segment): Promise<boolean> {
    try {
      await segment.file.sync()
    } catch (error) {
      this.stop(messageOf(error))
    }
    return this.#stoppedWhy === undefined
  }

  /** With durability `interval`: no timer while nothing is written. */
  #syncBehind(segment: Segment): void {
    this.#unsynced = segment
    if (this.#options.durability !== 'interval' || this.#syncTimer) return
    this.#syncTimer = this.#options.clock.after(syncIntervalMs, () => {
      this.#syncTimer = undefined
      const due = this.#unsynced
      this.#unsynced = undefined
      if (due && this.#stoppedWhy === undefined) void this.#sync(due)
    })
  }

  async #reachCheckpoint({ checkpoint, segment, next }: QueuedCheckpoint): Promise<void> {
    if (!(await this.#sync(segment))) return
    try {
      await this.#saveCheckpoint(checkpoint, segment, next !== undefined)
      if (!next) return
      next.create()
      this.#options.files.syncDir(this.#options.dir)
    } catch (error) {
      // Between two files there is no going on without the new one; the old one goes on being written.
      if (next) this.#takeBack(segment, [], messageOf(error))
    }
  }

  async #saveCheckpoint(
    checkpoint: Checkpoint,
    segment: Segment,
    isSealed: boolean,
  ): Promise<void> {
    const { files, dir, epochs } = this.#options
    const indexes = isSealed || segment.writtenBytes > unindexedBytes ? segment.encodeIndexes() : []
    const whole = [...indexes, ...segment.encodeAborted()]
    await Promise.all(whole.map(({ path, bytes }) => files.writeWholeLater(path, bytes)))
    epochs.save()
    const { path, text } = encodeCheckpoint(dir, checkpoint)
    await files.writeWholeLater(path, text)
    files.syncDir(dir)
    removeOldCheckpoints(files, dir)
  }

  #takeBack(segment: Segment, batches: QueuedBatch[], why: string): void {
    if (this.#stoppedWhy !== undefined) return
    try {
      if (segment.file.sizeBytes() > segment.writtenBytes)
        segment.file.truncateSync(segment.writtenBytes)
    } catch (error) {
      return this.stop(messageOf(error))
    }
    const refused = [...batches, ...this.#queue.filter((item) => 'bytes' in item)]
    this.#queue = []
    this.#options.events.refused(refused.reverse(), why)
    this.#fail(new Error(why))
  }

  #fail(error: unknown): void {
    this.#written.fail(error)
    this.#visible.fail(error)
  }
}
