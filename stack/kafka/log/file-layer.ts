// The few file operations that the log and the journal use, as one seam: tests fail a sync, cut a write, replay a
// crash. The real one is Node's fs; writes and syncs of the hot path are asynchronous, the rest is start-up and roll.

import * as fs from 'node:fs'
import { promisify } from 'node:util'

export interface OpenFile {
  readonly path: string
  sizeBytes(): number
  writeAt(buffers: readonly Buffer[], position: number): Promise<void>
  sync(): Promise<void>
  readAt(target: Buffer, position: number): Promise<number>
  readAtSync(target: Buffer, position: number): number
  truncateSync(sizeBytes: number): void
  close(): void
}

export interface FileLayer {
  open(path: string): OpenFile
  exists(path: string): boolean
  list(dir: string): string[]
  makeDir(dir: string): void
  remove(path: string): void
  rename(from: string, to: string): void
  read(path: string): Buffer
  /** Whole or not there after a crash. */
  writeWhole(path: string, data: string | Buffer): void
  syncDir(dir: string): void
}

const writev = promisify(fs.writev)
const fdatasync = promisify(fs.fdatasync)
const read = promisify(fs.read)

/** Linux takes at most 1,024 buffers a call. */
const buffersPerCall = 1000

class RealFile implements OpenFile {
  readonly path: string
  readonly #fd: number

  constructor(path: string) {
    this.path = path
    this.#fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644)
  }

  sizeBytes(): number {
    return fs.fstatSync(this.#fd).size
  }

  async writeAt(buffers: readonly Buffer[], position: number): Promise<void> {
    let at = position
    for (let i = 0; i < buffers.length; i += buffersPerCall) {
      let group = buffers.slice(i, i + buffersPerCall)
      while (group.length > 0) {
        const { bytesWritten } = await writev(this.#fd, group, at)
        at += bytesWritten
        group = rest(group, bytesWritten)
      }
    }
  }

  async sync(): Promise<void> {
    await fdatasync(this.#fd)
  }

  async readAt(target: Buffer, position: number): Promise<number> {
    const { bytesRead } = await read(this.#fd, target, 0, target.length, position)
    return bytesRead
  }

  readAtSync(target: Buffer, position: number): number {
    return fs.readSync(this.#fd, target, 0, target.length, position)
  }

  truncateSync(sizeBytes: number): void {
    fs.ftruncateSync(this.#fd, sizeBytes)
    fs.fsyncSync(this.#fd)
  }

  close(): void {
    fs.closeSync(this.#fd)
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

export const realFiles: FileLayer = {
  open: (path) => new RealFile(path),
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
