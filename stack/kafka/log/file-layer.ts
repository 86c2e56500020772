// The few file operations that the log and the journal use, as one seam: tests fail a sync, cut a write, replay a
// crash (memory-files.ts). Writes and syncs of the hot path are asynchronous, the rest is start-up.
//
// Opened files hold a descriptor only while they are used or among the last used ones, so that a thousand partitions
// need no thousand descriptors.

import * as fs from 'node:fs'
import { promisify } from 'node:util'

export interface OpenFile {
  readonly path: string
  sizeBytes(): number
  writeAt(buffers: readonly Buffer[], position: number): Promise<void>
  /** The content and the size are on disk when this resolves. */
  sync(): Promise<void>
  readAt(target: Buffer, position: number): Promise<number>
  readAtSync(target: Buffer, position: number): number
  /** Cut and synced when it returns. */
  truncateSync(sizeBytes: number): void
  syncSync(): void
  /** Reads that are under way end well; later ones are refused. */
  close(): void
}

export interface FileLayer {
  /** Creates the file where there is none. */
  open(path: string): OpenFile
  exists(path: string): boolean
  list(dir: string): string[]
  makeDir(dir: string): void
  remove(path: string): void
  rename(from: string, to: string): void
  read(path: string): Buffer
  /** Whole or not there after a crash; the name itself is durable after syncDir. */
  writeWhole(path: string, data: string | Buffer): void
  writeWholeLater(path: string, data: string | Buffer): Promise<void>
  /** Names created, changed or removed in the folder are durable. */
  syncDir(dir: string): void
}

const writev = promisify(fs.writev)
const fdatasync = promisify(fs.fdatasync)
const read = promisify(fs.read)

/** Linux takes at most 1,024 buffers a call. */
const buffersPerCall = 1000
const openFilesMax = 256

/** Descriptors of files in the order of their last use; idle ones above the limit are closed. */
class Descriptors {
  readonly #max: number
  readonly #open = new Map<RealFile, number>()

  constructor(max: number) {
    this.#max = max
  }

  get(file: RealFile): number {
    let fd = this.#open.get(file)
    if (fd === undefined) fd = fs.openSync(file.path, fs.constants.O_RDWR)
    else this.#open.delete(file)
    this.#open.set(file, fd)
    if (this.#open.size > this.#max) this.#closeOldest()
    return fd
  }

  close(file: RealFile): void {
    const fd = this.#open.get(file)
    this.#open.delete(file)
    if (fd !== undefined) fs.closeSync(fd)
  }

  #closeOldest(): void {
    for (const file of this.#open.keys()) {
      if (file.users > 0) continue
      this.close(file)
      return
    }
  }
}

class RealFile implements OpenFile {
  readonly path: string
  /** Asynchronous operations under way. */
  users = 0
  #isClosed = false
  readonly #descriptors: Descriptors

  constructor(path: string, descriptors: Descriptors) {
    this.path = path
    this.#descriptors = descriptors
    fs.closeSync(fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644))
  }

  sizeBytes(): number {
    return fs.statSync(this.path).size
  }

  writeAt(buffers: readonly Buffer[], position: number): Promise<void> {
    return this.#use(async (fd) => {
      let at = position
      for (let i = 0; i < buffers.length; i += buffersPerCall) {
        let group = buffers.slice(i, i + buffersPerCall)
        while (group.length > 0) {
          const { bytesWritten } = await writev(fd, group, at)
          at += bytesWritten
          group = rest(group, bytesWritten)
        }
      }
    })
  }

  sync(): Promise<void> {
    return this.#use((fd) => fdatasync(fd))
  }

  readAt(target: Buffer, position: number): Promise<number> {
    return this.#use(async (fd) => {
      const { bytesRead } = await read(fd, target, 0, target.length, position)
      return bytesRead
    })
  }

  readAtSync(target: Buffer, position: number): number {
    return fs.readSync(this.#fd(), target, 0, target.length, position)
  }

  truncateSync(sizeBytes: number): void {
    const fd = this.#fd()
    fs.ftruncateSync(fd, sizeBytes)
    fs.fsyncSync(fd)
  }

  syncSync(): void {
    fs.fdatasyncSync(this.#fd())
  }

  close(): void {
    this.#isClosed = true
    if (this.users === 0) this.#descriptors.close(this)
  }

  #fd(): number {
    if (this.#isClosed) throw new Error(`${this.path} is closed`)
    return this.#descriptors.get(this)
  }

  async #use<T>(operation: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#fd()
    this.users++
    try {
      return await operation(fd)
    } finally {
      this.users--
      if (this.#isClosed && this.users === 0) this.#descriptors.close(this)
    }
  }
}

/** What a short write left over. */
function rest(buffers: readonly Buffer[], written: number): Buffer[] {
  let left = written
  const remaining: Buffer[] = []
  for (const buffer of buffers) {
    if (left >= buffer.length) left -= buffer.length
    else {
      remaining.push(left > 0 ? buffer.subarray(left) : buffer)
      left = 0
    }
  }
  return remaining
}

const descriptors = new Descriptors(openFilesMax)

export const realFiles: FileLayer = {
  open: (path) => new RealFile(path, descriptors),
  exists: (path) => fs.existsSync(path),
  list: (dir) => (fs.existsSync(dir) ? fs.readdirSync(dir) : []),
  makeDir: (dir) => void fs.mkdirSync(dir, { recursive: true }),
  remove: (path) => fs.rmSync(path, { recursive: true, force: true }),
  rename: (from, to) => fs.renameSync(from, to),
  read: (path) => fs.readFileSync(path),
  writeWhole: (path, data) => {
    const beside = `${path}.tmp`
    const fd = fs.openSync(beside, 'w')
    try {
      fs.writeFileSync(fd, data)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(beside, path)
  },
  writeWholeLater: async (path, data) => {
    const beside = `${path}.tmp`
    const file = await fs.promises.open(beside, 'w')
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.promises.rename(beside, path)
  },
  syncDir: (dir) => {
    if (process.platform === 'win32') return
    const fd = fs.openSync(dir, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
}
