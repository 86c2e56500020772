// The states of one partition's keys as bytes outside the JavaScript heap, where a million of them cost the garbage
// collector nothing. The bytes are those of the changelog, so a state is encoded once.
//
//   entry    value length u32 · slot u32 · key length u16 · key · value, one after the other in chunks of 1 MiB
//   slot     a small number that is a key's as long as it has a state; timers go by it
//   index    open addressing over slots, by the hash of the key
//
// A new value is written behind the last one and the old one is garbage. When garbage is a quarter of everything, the chunk
// that holds most of it is written anew and used again: one chunk at a time, so that no growth stops the world.

import { invariant } from '#stack/base/invariant.ts'
import { MiB } from '#stack/base/units.ts'

export interface StateStore {
  /** Keys with a state. */
  readonly size: number
  /** A view, good until the next change. */
  get(key: string): Buffer | undefined
  /** Answers the key's slot. */
  set(key: string, value: Buffer): number
  delete(key: string): void
  /** -1: it has no state. */
  slotOf(key: string): number
  /** Of a slot in use. */
  keyAt(slot: number): string
}

const chunkBytes = MiB
const headBytes = 10
const none = -1

interface Chunk {
  bytes: Buffer
  usedBytes: number
  liveBytes: number
}

export class MemoryStore implements StateStore {
  #chunks: Chunk[] = []
  #usedBytes = 0
  #liveBytes = 0
  #index = new Int32Array(64).fill(none)
  /** By slot: the hash of its key; which chunk its entry lies in, and where. */
  #hashes = new Uint32Array(32)
  #chunkOf = new Int32Array(32)
  #offsets = new Int32Array(32)
  #slotCount = 0
  readonly #freeSlots: number[] = []
  /** The key that is looked for, as bytes. */
  #key = Buffer.alloc(1024)
  #keyLength = 0
  #head = none

  get size(): number {
    return this.#slotCount - this.#freeSlots.length
  }

  get(key: string): Buffer | undefined {
    const slot = this.slotOf(key)
    if (slot === none) return undefined
    const { bytes } = this.#chunks[this.#chunkOf[slot] as number] as Chunk
    const at = this.#offsets[slot] as number
    const from = at + headBytes + bytes.readUInt16LE(at + 8)
    return bytes.subarray(from, from + bytes.readUInt32LE(at))
  }

  set(key: string, value: Buffer): number {
    const hash = this.#hash(key)
    let slot = this.#find(hash)
    if (slot === none) slot = this.#newSlot(hash)
    else this.#waste(slot)
    this.#append(slot, value)
    this.#tidy()
    return slot
  }

  delete(key: string): void {
    const hash = this.#hash(key)
    const slot = this.#find(hash)
    if (slot === none) return
    this.#waste(slot)
    this.#takeOut(slot, hash)
    this.#chunkOf[slot] = none
    this.#freeSlots.push(slot)
    this.#tidy()
  }

  slotOf(key: string): number {
    return this.#find(this.#hash(key))
  }

  keyAt(slot: number): string {
    const chunk = this.#chunks[this.#chunkOf[slot] ?? none]
    invariant(chunk, `slot ${slot} is in use`)
    const at = this.#offsets[slot] as number
    const from = at + headBytes
    return chunk.bytes.toString('utf8', from, from + chunk.bytes.readUInt16LE(at + 8))
  }

  // Entries

  #append(slot: number, value: Buffer): void {
    const bytes = headBytes + this.#keyLength + value.length
    const chunk = this.#roomFor(bytes)
    const at = chunk.usedBytes
    chunk.bytes.writeUInt32LE(value.length, at)
    chunk.bytes.writeUInt32LE(slot, at + 4)
    chunk.bytes.writeUInt16LE(this.#keyLength, at + 8)
    this.#key.copy(chunk.bytes, at + headBytes, 0, this.#keyLength)
    value.copy(chunk.bytes, at + headBytes + this.#keyLength)
    this.#placed(chunk, slot, bytes)
  }

  #placed(chunk: Chunk, slot: number, bytes: number): void {
    this.#chunkOf[slot] = this.#head
    this.#offsets[slot] = chunk.usedBytes
    chunk.usedBytes += bytes
    chunk.liveBytes += bytes
    this.#usedBytes += bytes
    this.#liveBytes += bytes
  }

  #waste(slot: number): void {
    const chunk = this.#chunks[this.#chunkOf[slot] as number] as Chunk
    const bytes = entryBytes(chunk.bytes, this.#offsets[slot] as number)
    chunk.liveBytes -= bytes
    this.#liveBytes -= bytes
  }

  #roomFor(bytes: number): Chunk {
    const head = this.#chunks[this.#head]
    if (head && head.usedBytes + bytes <= head.bytes.length) return head
    const empty = this.#chunks.findIndex(
      (chunk) => chunk.usedBytes === 0 && bytes <= chunk.bytes.length,
    )
    if (empty !== none) this.#head = empty
    else {
      const fresh = Buffer.allocUnsafeSlow(Math.max(chunkBytes, bytes))
      this.#head = this.#chunks.push({ bytes: fresh, usedBytes: 0, liveBytes: 0 }) - 1
    }
    return this.#chunks[this.#head] as Chunk
  }

  /** At most one chunk is written anew. */
  #tidy(): void {
    const garbageBytes = this.#usedBytes - this.#liveBytes
    if (garbageBytes < chunkBytes || garbageBytes * 4 < this.#usedBytes) return
    let worst: Chunk | undefined
    for (const [i, chunk] of this.#chunks.entries()) {
      if (i === this.#head || chunk.usedBytes === 0) continue
      const garbage = chunk.usedBytes - chunk.liveBytes
      if (worst === undefined || garbage > worst.usedBytes - worst.liveBytes) worst = chunk
    }
    if (worst) this.#evacuate(worst)
  }

  #evacuate(chunk: Chunk): void {
    const from = this.#chunks.indexOf(chunk)
    for (let at = 0; at < chunk.usedBytes;) {
      const bytes = entryBytes(chunk.bytes, at)
      const slot = chunk.bytes.readUInt32LE(at + 4)
      if (this.#chunkOf[slot] === from && this.#offsets[slot] === at) {
        const to = this.#roomFor(bytes)
        chunk.bytes.copy(to.bytes, to.usedBytes, at, at + bytes)
        this.#liveBytes -= bytes
        this.#placed(to, slot, bytes)
      }
      at += bytes
    }
    this.#usedBytes -= chunk.usedBytes
    chunk.usedBytes = 0
    chunk.liveBytes = 0
  }

  // Slots and their index

  #newSlot(hash: number): number {
    const slot = this.#freeSlots.pop() ?? this.#slotCount++
    if (slot === this.#hashes.length) this.#growSlots()
    this.#hashes[slot] = hash
    if (this.size * 2 > this.#index.length) this.#growIndex()
    this.#putIn(slot, hash)
    return slot
  }

  #growSlots(): void {
    const length = this.#hashes.length * 2
    const hashes = new Uint32Array(length)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#chunkOf = grown(this.#chunkOf, length)
    this.#offsets = grown(this.#offsets, length)
  }

  #growIndex(): void {
    const before = this.#index
    this.#index = new Int32Array(before.length * 2).fill(none)
    for (const slot of before) if (slot !== none) this.#putIn(slot, this.#hashes[slot] as number)
  }

  #putIn(slot: number, hash: number): void {
    const mask = this.#index.length - 1
    let i = hash & mask
    while (this.#index[i] !== none) i = (i + 1) & mask
    this.#index[i] = slot
  }

  #find(hash: number): number {
    const mask = this.#index.length - 1
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = this.#index[i] as number
      if (slot === none) return none
      if (this.#hashes[slot] === hash && this.#isKeyOf(slot)) return slot
    }
  }

  /** The ones behind it move up, so that no search ends early. */
  #takeOut(slot: number, hash: number): void {
    const index = this.#index
    const mask = index.length - 1
    let gap = hash & mask
    while (index[gap] !== slot) gap = (gap + 1) & mask
    for (let i = (gap + 1) & mask; index[i] !== none; i = (i + 1) & mask) {
      const home = (this.#hashes[index[i] as number] as number) & mask
      if (((i - home) & mask) < ((i - gap) & mask)) continue
      index[gap] = index[i] as number
      gap = i
    }
    index[gap] = none
  }

  #isKeyOf(slot: number): boolean {
    const { bytes } = this.#chunks[this.#chunkOf[slot] as number] as Chunk
    const at = this.#offsets[slot] as number
    if (bytes.readUInt16LE(at + 8) !== this.#keyLength) return false
    const from = at + headBytes
    for (let i = 0; i < this.#keyLength; i++) if (bytes[from + i] !== this.#key[i]) return false
    return true
  }

  #hash(key: string): number {
    if (key.length * 3 > this.#key.length) this.#key = Buffer.alloc(key.length * 3)
    this.#keyLength = this.#key.write(key)
    let hash = 0x811c9dc5
    for (let i = 0; i < this.#keyLength; i++) {
      hash = Math.imul(hash ^ (this.#key[i] as number), 0x01000193)
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
    return (hash ^ (hash >>> 16)) >>> 0
  }
}

function entryBytes(bytes: Buffer, at: number): number {
  return headBytes + bytes.readUInt16LE(at + 8) + bytes.readUInt32LE(at)
}

function grown(before: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const after = new Int32Array(length).fill(none)
  after.set(before)
  return after
}
