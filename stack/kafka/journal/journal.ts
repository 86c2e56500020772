// The broker's small state on disk: topics, their settings, groups, offsets, producer ids. One append-only file of
// checked frames, `N.wal`, behind one snapshot, `N.snap`, which holds the same frames:
//
//   uint32 length of the payload   uint32 crc32c of the payload   payload: JSON, {"kind": …, …}
//
// State changes only by applying an entry, after it is durable; replay at start is the same function. So a snapshot,
// taken between two writes, holds exactly what was acknowledged. When the file has grown well past its snapshot, a new
// snapshot is written whole, then an empty `N+1.wal`, then the old pair is removed: each step leaves a pair to start
// from. Entries say what is, not what changed by how much, so that one applied twice does no harm.
//
// At start a torn tail is cut; a damaged frame with good ones behind it is bit rot: it is named and left out, what
// follows is kept.

import { join } from 'node:path'
import { messageOf, OperatingError } from '../../base/errors.ts'
import { invariant } from '../../base/invariant.ts'
import type { Logger } from '../../base/logger.ts'
import { MiB } from '../../base/units.ts'
import type { FileLayer, OpenFile } from '../log/file-layer.ts'
import type { Durability } from '../log/partition-log.ts'
import type { Frame } from './frames.ts'
import { encodeFrame, readFrames } from './frames.ts'

/** A plain JSON object; its kind says which owner applies it. */
export interface JournalEntry {
  kind: string
}

/** Who keeps the state of some kinds of entries. */
export interface JournalOwner<Entry extends JournalEntry = JournalEntry> {
  kinds: readonly Entry['kind'][]
  /** Changes the owner's state; called in order, once durable, and again for each entry at start. */
  apply(entry: Entry): void
  /** The whole state as entries. */
  dump(): Iterable<Entry>
}

export interface JournalOptions {
  dir: string
  files: FileLayer
  logger: Logger
  durability: Durability
  /** A new snapshot is due when the file is larger than this and than four times the snapshot. */
  rotateBytes?: number
}

interface Waiting {
  entry: JournalEntry
  frame: Buffer
  resolve: () => void
  reject: (error: unknown) => void
}

const rotateBytesDefault = 8 * MiB
const rotateSnapshots = 4
const firstVersion: JournalEntry & { version: number } = { kind: 'journal', version: 1 }

export class Journal {
  readonly #options: JournalOptions
  readonly #owners = new Map<string, JournalOwner>()
  #file: OpenFile | undefined
  #generation = 0
  #sizeBytes = 0
  #snapshotBytes = 0
  #waiting: Waiting[] = []
  #writing = false
  #idle: Promise<void> = Promise.resolve()
  #offline: string | undefined
  #isClosed = false

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Before `recover`: hands the entries of these kinds to this owner. */
  own<Entry extends JournalEntry>(owner: JournalOwner<Entry>): void {
    invariant(this.#file === undefined, 'a journal owner after recovery')
    for (const kind of owner.kinds) this.#owners.set(kind, owner)
  }

  /** Applies everything that is on disk and makes ready for writing. */
  recover(): void {
    const { files, dir } = this.#options
    files.makeDir(dir)
    const snapshots = generations(files, dir, '.snap')
    this.#generation = snapshots.at(-1) ?? 0
    if (snapshots.length > 0) this.#recoverSnapshot()
    // A snapshot whose step to its own file failed has a file of the generation before that went on.
    for (const before of generations(files, dir, '.wal')) {
      if (before < this.#generation) this.#applyAll(readWal(files, dir, before), `${before}.wal`)
    }
    const file = files.open(join(dir, `${this.#generation}.wal`))
    this.#file = file
    this.#recoverWal(file)
    if (this.#sizeBytes === 0) files.syncDir(dir)
    this.#rotateWhenMixed()
  }

  /** Resolves when the entry is as durable as configured and its owner has applied it. */
  append(entry: JournalEntry): Promise<void> {
    invariant(this.#file !== undefined, 'a journal entry before recovery')
    const why = this.#isClosed ? 'the broker is stopping' : this.#offline
    if (why !== undefined) return Promise.reject(this.#failure(why))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, frame: encodeFrame(entry), resolve, reject })
      if (!this.#writing) this.#idle = this.#write()
    })
  }

  /** Everything appended so far is on disk. */
  async close(): Promise<void> {
    await this.#idle
    if (this.#offline === undefined) await this.#file?.sync()
    this.#file?.close()
    this.#isClosed = true
  }

  /** Something that was appended may not be on disk. */
  get hasFailed(): boolean {
    return this.#offline !== undefined
  }

  async #write(): Promise<void> {
    this.#writing = true
    // What arrives in this turn of the event loop joins the same write.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      await this.#writeGroup(group)
    }
    this.#writing = false
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const file = this.#file as OpenFile
    const frames = group.map((waiting) => waiting.frame)
    try {
      if (this.#offline !== undefined) throw new Error(this.#offline)
      await this.#store(file, frames)
    } catch (error) {
      for (const waiting of group) waiting.reject(this.#failure(messageOf(error)))
      return
    }
    this.#sizeBytes += frames.reduce((sum, frame) => sum + frame.length, 0)
    for (const waiting of group) {
      this.#apply(waiting.entry)
      waiting.resolve()
    }
    this.#rotateWhenDue()
  }

  async #store(file: OpenFile, frames: readonly Buffer[]): Promise<void> {
    try {
      await file.writeAt(frames, this.#sizeBytes)
    } catch (error) {
      // A full disk: take back what half arrived, refuse these entries, go on with later ones.
      this.#offlineUnless(() => file.truncateSync(this.#sizeBytes))
      throw error
    }
    if (this.#options.durability !== 'fsync') return
    try {
      await file.sync()
    } catch (error) {
      // After a failed sync nobody knows what is on disk; a second one that succeeds would lie (ATC'20).
      this.#goOffline(messageOf(error))
      throw error
    }
  }

  #apply(entry: JournalEntry): void {
    const owner = this.#owners.get(entry.kind)
    invariant(owner !== undefined, `a journal entry of kind ${entry.kind}`)
    owner.apply(entry)
  }

  #rotateWhenDue(): void {
    const limit = this.#options.rotateBytes ?? rotateBytesDefault
    if (this.#sizeBytes < Math.max(limit, this.#snapshotBytes * rotateSnapshots)) return
    try {
      this.#rotate()
    } catch (error) {
      // The old pair stays in use; with a full disk the next write will say so itself.
      this.#snapshotBytes = this.#sizeBytes
      this.#options.logger.warn('the journal could not write a snapshot; it goes on without', {
        why: messageOf(error),
      })
    }
  }

  #rotate(): void {
    const { files, dir } = this.#options
    const next = this.#generation + 1
    const frames = [encodeFrame(firstVersion)]
    for (const owner of new Set(this.#owners.values())) {
      for (const entry of owner.dump()) frames.push(encodeFrame(entry))
    }
    const snapshot = Buffer.concat([...frames, encodeFrame({ kind: 'end' })])
    files.writeWhole(join(dir, `${next}.snap`), snapshot)
    const file = files.open(join(dir, `${next}.wal`))
    files.syncDir(dir)
    this.#file?.close()
    this.#file = file
    this.#generation = next
    this.#sizeBytes = 0
    this.#snapshotBytes = snapshot.length
    this.#removeOlder()
  }

  /** After a start from more than one file, one snapshot holds all of it. */
  #rotateWhenMixed(): void {
    const { files, dir } = this.#options
    if (generations(files, dir, '.wal').length > 1) this.#rotate()
    else this.#removeOlder()
  }

  #recoverSnapshot(): void {
    const { files, dir, logger } = this.#options
    const path = join(dir, `${this.#generation}.snap`)
    const bytes = files.read(path)
    this.#snapshotBytes = bytes.length
    const { frames, goodBytes } = readFrames(bytes)
    const damaged = frames.filter((frame) => frame.entry === undefined)
    if (damaged.length > 0 || goodBytes < bytes.length || lastKind(frames) !== 'end') {
      logger.error('a snapshot of the journal is damaged; what is readable was kept', {
        path,
        damagedEntries: damaged.length,
        unreadableBytes: bytes.length - goodBytes,
      })
    }
    this.#applyAll(frames, path)
  }

  #recoverWal(file: OpenFile): void {
    const bytes = this.#options.files.read(file.path)
    const { frames, goodBytes } = readFrames(bytes)
    this.#applyAll(frames, file.path)
    this.#sizeBytes = goodBytes
    if (goodBytes === bytes.length) return
    file.truncateSync(goodBytes)
    this.#options.logger.warn(
      `recovery cut ${bytes.length - goodBytes} bytes of a torn journal tail`,
      { path: file.path, position: goodBytes },
    )
  }

  #applyAll(frames: readonly Frame[], path: string): void {
    for (const { entry, position } of frames) {
      if (entry === undefined) {
        this.#options.logger.error('a journal entry is damaged and left out', { path, position })
      } else if (entry.kind !== 'journal' && entry.kind !== 'end') {
        this.#apply(entry)
      }
    }
  }

  #removeOlder(): void {
    const { files, dir } = this.#options
    for (const suffix of ['.snap', '.wal']) {
      for (const generation of generations(files, dir, suffix)) {
        if (generation < this.#generation) files.remove(join(dir, `${generation}${suffix}`))
      }
    }
  }

  #offlineUnless(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#goOffline(messageOf(error))
    }
  }

  #goOffline(why: string): void {
    this.#offline ??= why
    this.#options.logger.error('the journal is offline until the broker starts again', { why })
  }

  #failure(why: string): OperatingError {
    return new OperatingError(`the journal could not be written: ${why}`, {
      where: this.#options.dir,
      hint: 'make room on the disk or replace it, then start the broker again',
    })
  }
}

function readWal(files: FileLayer, dir: string, generation: number): Frame[] {
  return readFrames(files.read(join(dir, `${generation}.wal`))).frames
}

function lastKind(frames: readonly Frame[]): string | undefined {
  return frames.at(-1)?.entry?.kind
}

function generations(files: FileLayer, dir: string, suffix: string): number[] {
  return files
    .list(dir)
    .filter((name) => name.endsWith(suffix))
    .map((name) => Number(name.slice(0, -suffix.length)))
    .filter((generation) => Number.isInteger(generation))
    .sort((a, b) => a - b)
}
