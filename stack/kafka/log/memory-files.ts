// A disk in memory with the manners of a real one: what was written is there for everybody, but only what was synced
// survives a crash. For tests: any operation can be made to fail or to wait, and `crash` gives one of the states that
// a power cut may leave behind:
//
//   content   since the last sync of the file, each write is there, not there, or there in part
//   names     since the last sync of the folder, each creation, renaming and removal has happened or not

import { dirname } from 'node:path'
import type { Random } from '../../base/random.ts'
import type { FileLayer, OpenFile } from './file-layer.ts'

interface Content {
  bytes: Buffer
  durable: Buffer
  /** Since the last sync, in order. */
  changes: Change[]
}

type Change = { at: number; bytes: Buffer } | { cutTo: number }

interface NameChange {
  path: string
  /** Undefined: removed. */
  content: Content | undefined
  /** What it was called before, where it was renamed: both happen or neither. */
  from?: string
}

export type FileOperation =
  | 'write'
  | 'sync'
  | 'truncate'
  | 'whole'
  | 'create'
  | 'rename'
  | 'remove'
  | 'syncDir'

/** Called before an operation takes effect; throws to make it fail, or (write and sync) waits. */
export type BeforeOperation = (operation: FileOperation, path: string) => void | Promise<void>

export class MemoryFiles implements FileLayer {
  before: BeforeOperation = () => {}
  #files = new Map<string, Content>()
  #durable = new Map<string, Content>()
  /** Since the last sync of their folder, in order. */
  #nameChanges = new Map<string, NameChange[]>()

  open(path: string): OpenFile {
    let content = this.#files.get(path)
    if (!content) {
      void this.before('create', path)
      content = newContent()
      this.#setName(path, content)
    }
    return new MemoryFile(path, content, this)
  }

  exists(path: string): boolean {
    return (
      this.#files.has(path) || [...this.#files.keys()].some((each) => each.startsWith(`${path}/`))
    )
  }

  list(dir: string): string[] {
    const inside = [...this.#files.keys()].filter((path) => path.startsWith(`${dir}/`))
    return [...new Set(inside.map((path) => path.slice(dir.length + 1).split('/')[0] as string))]
  }

  makeDir(): void {
    // Folders are there as soon as something is in them.
  }

  remove(path: string): void {
    void this.before('remove', path)
    for (const each of this.#files.keys()) {
      if (each === path || each.startsWith(`${path}/`)) this.#setName(each, undefined)
    }
  }

  rename(from: string, to: string): void {
    void this.before('rename', to)
    this.#change({ path: to, content: this.#get(from), from })
  }

  read(path: string): Buffer {
    return Buffer.from(this.#get(path).bytes)
  }

  writeWhole(path: string, data: string | Buffer): void {
    void this.before('whole', path)
    const bytes = Buffer.from(data as string)
    this.#setName(path, { bytes, durable: bytes, changes: [] })
  }

  async writeWholeLater(path: string, data: string | Buffer): Promise<void> {
    await this.before('whole', path)
    const bytes = Buffer.from(data as string)
    this.#setName(path, { bytes, durable: bytes, changes: [] })
  }

  syncDir(dir: string): void {
    void this.before('syncDir', dir)
    for (const change of this.#nameChanges.get(dir) ?? []) applyName(this.#durable, change)
    this.#nameChanges.delete(dir)
  }

  /** The disk as it may be after a power cut now. This one stays as it is. */
  crash(random: Random): MemoryFiles {
    const names = new Map(this.#durable)
    for (const changes of this.#nameChanges.values()) {
      // A journalling file system keeps the order of a folder's changes: some prefix of them has happened.
      for (const change of changes.slice(0, random.int(changes.length + 1)))
        applyName(names, change)
    }
    const after = new MemoryFiles()
    const seen = new Map<Content, Buffer>()
    for (const [path, content] of names) {
      const bytes = seen.get(content) ?? contentAfterCrash(content, random)
      seen.set(content, bytes)
      const whole = { bytes, durable: bytes, changes: [] }
      after.#files.set(path, whole)
      after.#durable.set(path, whole)
    }
    return after
  }

  /** The disk as another process finds it after this one was killed: everything written is there. */
  killed(): MemoryFiles {
    const after = new MemoryFiles()
    for (const [path, { bytes }] of this.#files) {
      const whole = { bytes: Buffer.from(bytes), durable: Buffer.from(bytes), changes: [] }
      after.#files.set(path, whole)
      after.#durable.set(path, whole)
    }
    return after
  }

  /** Changes the bytes of a file behind everybody's back: bit rot, a cut by hand. */
  damage(path: string, change: (bytes: Buffer) => Buffer): void {
    const content = this.#get(path)
    content.bytes = content.durable = change(Buffer.from(content.bytes))
    content.changes = []
  }

  paths(): string[] {
    return [...this.#files.keys()].sort()
  }

  #get(path: string): Content {
    const content = this.#files.get(path)
    if (!content) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    return content
  }

  #setName(path: string, content: Content | undefined): void {
    this.#change({ path, content })
  }

  #change(change: NameChange): void {
    const dir = dirname(change.path)
    applyName(this.#files, change)
    this.#nameChanges.set(dir, [...(this.#nameChanges.get(dir) ?? []), change])
  }
}

class MemoryFile implements OpenFile {
  readonly path: string
  readonly #content: Content
  readonly #files: MemoryFiles
  #isClosed = false

  constructor(path: string, content: Content, files: MemoryFiles) {
    this.path = path
    this.#content = content
    this.#files = files
  }

  sizeBytes(): number {
    return this.#content.bytes.length
  }

  async writeAt(buffers: readonly Buffer[], position: number): Promise<void> {
    this.#check()
    const bytes = Buffer.concat(buffers)
    try {
      await this.#files.before('write', this.path)
    } catch (error) {
      // A disk that runs full takes what still fits.
      this.#change({ at: position, bytes: bytes.subarray(0, Math.floor(bytes.length * 0.8)) })
      throw error
    }
    this.#change({ at: position, bytes })
  }

  async sync(): Promise<void> {
    this.#check()
    // What is synced is what was written when the sync began.
    const { bytes, changes } = this.#content
    await this.#files.before('sync', this.path)
    this.#content.durable = bytes
    this.#content.changes = this.#content.changes.slice(changes.length)
  }

  async readAt(target: Buffer, position: number): Promise<number> {
    await Promise.resolve()
    return this.readAtSync(target, position)
  }

  readAtSync(target: Buffer, position: number): number {
    this.#check()
    return this.#content.bytes.copy(target, 0, position)
  }

  truncateSync(sizeBytes: number): void {
    this.#check()
    void this.#files.before('truncate', this.path)
    this.#change({ cutTo: sizeBytes })
    this.syncSync()
  }

  syncSync(): void {
    void this.#files.before('sync', this.path)
    this.#content.durable = this.#content.bytes
    this.#content.changes = []
  }

  close(): void {
    this.#isClosed = true
  }

  #check(): void {
    if (this.#isClosed) throw new Error(`${this.path} is closed`)
  }

  #change(change: Change): void {
    this.#content.bytes = changed(this.#content.bytes, change)
    this.#content.changes = [...this.#content.changes, change]
  }
}

function newContent(): Content {
  return { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), changes: [] }
}

function applyName(names: Map<string, Content>, { path, content, from }: NameChange): void {
  if (from !== undefined) names.delete(from)
  if (content) names.set(path, content)
  else names.delete(path)
}

function changed(bytes: Buffer, change: Change): Buffer {
  if ('cutTo' in change) return Buffer.from(bytes.subarray(0, change.cutTo))
  const end = change.at + change.bytes.length
  const next = Buffer.alloc(Math.max(bytes.length, end))
  bytes.copy(next)
  change.bytes.copy(next, change.at)
  return next
}

function contentAfterCrash({ durable, changes }: Content, random: Random): Buffer {
  let bytes = durable
  for (const change of changes) {
    const fate = random.int(4)
    if (fate === 0) continue
    if ('cutTo' in change || fate > 1) bytes = changed(bytes, change)
    else bytes = changed(bytes, { at: change.at, bytes: torn(change.bytes, random) })
  }
  return bytes
}

/** The beginning of a write, or the whole with a hole of zeros where a page did not make it. */
function torn(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes
  const at = random.int(bytes.length)
  if (random.chance(0.5)) return bytes.subarray(0, at)
  const holed = Buffer.from(bytes)
  holed.fill(0, at, Math.min(bytes.length, at + 1 + random.int(4096)))
  return holed
}
