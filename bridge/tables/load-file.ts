// A file of newline-delimited JSON that a load job takes: written row by row under another name, and there, whole and
// durable, when it is finished. A table has one at a time; it stays until it is known what became of the job.

import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { syncDirectory, writeFileAtomic } from '#stack/base/files.ts'
import { KiB } from '#stack/base/units.ts'

const chunkBytes = 256 * KiB
const lineFeed = 0x0a

export class LoadFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
  }

  write(salt: string): LoadFileWriter {
    return new LoadFileWriter(this.path, salt)
  }

  /** One that is gone is made anew without rows: it takes the job's id, and whatever is still on its way comes too late. */
  ensure(): void {
    if (!existsSync(this.path)) writeFileAtomic(this.path, '')
  }

  /** The row that begins there; undefined where none does, or the file is gone. */
  rowAt(position: number): string | undefined {
    if (!existsSync(this.path)) return undefined
    const bytes = readFileSync(this.path)
    const isStart = position === 0 || bytes[position - 1] === lineFeed
    const end = bytes.indexOf(lineFeed, position)
    return isStart && end > position ? bytes.toString('utf8', position, end) : undefined
  }

  remove(): void {
    rmSync(this.path, { force: true })
  }
}

export class LoadFileWriter {
  readonly #path: string
  readonly #handle: number
  readonly #hash = createHash('sha256')
  #chunk: Uint8Array[] = []
  #chunkBytes = 0
  #isOpen = true
  bytes = 0
  rows = 0

  /** What else makes the digest differ: the same bytes for another table are another load. */
  constructor(path: string, salt: string) {
    this.#path = path
    this.#handle = openSync(`${path}.part`, 'w')
    this.#hash.update(salt)
  }

  /** A whole line, its line feed among it. */
  add(line: Uint8Array): void {
    this.#chunk.push(line)
    this.#chunkBytes += line.length
    this.bytes += line.length
    this.rows++
    if (this.#chunkBytes >= chunkBytes) this.#flush()
  }

  /** The file is there when this returns; the digest in hexadecimal. */
  finish(): string {
    this.#flush()
    fsyncSync(this.#handle)
    this.#close()
    renameSync(`${this.#path}.part`, this.#path)
    syncDirectory(dirname(this.#path))
    return this.#hash.digest('hex')
  }

  discard(): void {
    if (this.#isOpen) this.#close()
    rmSync(`${this.#path}.part`, { force: true })
  }

  #close(): void {
    this.#isOpen = false
    closeSync(this.#handle)
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#chunk)
    this.#hash.update(bytes)
    for (let at = 0; at < bytes.length;) at += writeSync(this.#handle, bytes, at)
    this.#chunk = []
    this.#chunkBytes = 0
  }
}
