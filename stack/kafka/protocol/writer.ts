// Writes protocol primitives. Byte fields (records) are kept as slices beside the rest, so that a message is never copied
// together: `buffers()` goes to the socket as it is.

import { invariant } from '../../base/invariant.ts'

const twoTo32 = 4294967296

export class Writer {
  #chunk: Buffer
  #from = 0
  #at = 0
  #done: Buffer[] = []
  #doneBytes = 0

  constructor(sizeHint = 512) {
    this.#chunk = Buffer.allocUnsafe(sizeHint)
  }

  get length(): number {
    return this.#doneBytes + this.#at - this.#from
  }

  int8(value: number): void {
    const at = this.#room(1)
    this.#chunk.writeInt8(value, at)
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int16(value: number): void {
    const at = this.#room(2)
    this.#chunk.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#room(4)
    this.#chunk.writeInt32BE(value, at)
  }

  int64(value: number): void {
    const at = this.#room(8)
    this.#chunk.writeInt32BE(Math.floor(value / twoTo32), at)
    this.#chunk.writeUInt32BE(value - Math.floor(value / twoTo32) * twoTo32, at + 4)
  }

  uvarint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#byte((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.#byte(rest)
  }

  /** Zigzag, up to 53 bits. */
  varlong(value: number): void {
    let rest = value < 0 ? -value * 2 - 1 : value * 2
    while (rest >= 0x80) {
      this.#byte((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.#byte(rest)
  }

  text(value: string, byteLength: number): void {
    const at = this.#room(byteLength)
    this.#chunk.write(value, at, byteLength, 'utf8')
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#chunk.set(bytes, at)
  }

  /** Kept as they are; the caller does not touch them again. */
  slices(buffers: readonly Buffer[]): void {
    this.#cut()
    for (const buffer of buffers) {
      this.#done.push(buffer)
      this.#doneBytes += buffer.length
    }
  }

  uuid(value: string): void {
    const bytes = Buffer.from(value.replaceAll('-', ''), 'hex')
    invariant(bytes.length === 16, `a UUID "${value}"`)
    this.raw(bytes)
  }

  /** Fills in four bytes that were written before any slice (the frame's size). */
  patchInt32(at: number, value: number): void {
    const first = this.#done[0] ?? this.#chunk.subarray(this.#from, this.#at)
    first.writeInt32BE(value, at)
  }

  buffers(): Buffer[] {
    this.#cut()
    return this.#done
  }

  #byte(value: number): void {
    const at = this.#room(1)
    this.#chunk[at] = value
  }

  #cut(): void {
    if (this.#at === this.#from) return
    const part = this.#chunk.subarray(this.#from, this.#at)
    this.#done.push(part)
    this.#doneBytes += part.length
    this.#from = this.#at
  }

  /** Takes the place first: growing changes the chunk, so the chunk is looked up after it. */
  #room(bytes: number): number {
    if (this.#at + bytes > this.#chunk.length) this.#grow(bytes)
    const at = this.#at
    this.#at += bytes
    return at
  }

  #grow(bytes: number): void {
    const used = this.#at - this.#from
    const larger = Buffer.allocUnsafe(Math.max(this.#chunk.length * 2, used + bytes + 256))
    this.#chunk.copy(larger, 0, this.#from, this.#at)
    this.#chunk = larger
    this.#from = 0
    this.#at = used
  }
}
