// Reads protocol primitives from one frame. Every length is checked against the bytes that remain before anything is
// made of it, so a malformed frame costs an error and no memory.

export class MalformedError extends Error {
  override name = 'MalformedError'
}

const twoTo32 = 4294967296
/** Of all arrays of a message together. */
export const elementsMax = 250_000

export class Reader {
  readonly buffer: Buffer
  position: number
  readonly end: number
  #elements = 0

  constructor(buffer: Buffer, position = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  /** Small elements take many times their bytes as objects, so that a frame's size alone bounds too little. */
  countElements(count: number): void {
    this.#elements += count
    if (this.#elements > elementsMax) throw new MalformedError(`more than ${elementsMax} elements`)
  }

  get remaining(): number {
    return this.end - this.position
  }

  need(bytes: number): number {
    const at = this.position
    if (bytes < 0 || bytes > this.end - at) {
      throw new MalformedError(`${bytes} bytes wanted, ${this.end - at} left`)
    }
    this.position = at + bytes
    return at
  }

  int8(): number {
    return this.buffer.readInt8(this.need(1))
  }

  uint8(): number {
    return this.buffer[this.need(1)] as number
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  int16(): number {
    return this.buffer.readInt16BE(this.need(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.need(4))
  }

  /** As a number: exact to 2^53, which offsets, ids and times never leave. */
  int64(): number {
    const at = this.need(8)
    return this.buffer.readInt32BE(at) * twoTo32 + this.buffer.readUInt32BE(at + 4)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.need(1)] as number
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffffffff) throw new MalformedError('a varint of more than 32 bits')
        return value
      }
    }
    throw new MalformedError('a varint of more than 5 bytes')
  }

  /** Zigzag, up to 64 bits (record fields). */
  varlong(): number {
    let low = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.buffer[this.need(1)] as number
      low += (byte & 0x7f) * scale
      if (byte < 0x80) return low % 2 === 0 ? low / 2 : -(low + 1) / 2
      scale *= 128
    }
    throw new MalformedError('a varint of more than 10 bytes')
  }

  bytes(length: number): Buffer {
    const at = this.need(length)
    return this.buffer.subarray(at, at + length)
  }

  text(length: number): string {
    const at = this.need(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** Unknown tagged fields are skipped (KIP-482). */
  skipTaggedFields(): void {
    const count = this.uvarint()
    for (let i = 0; i < count; i++) {
      this.uvarint()
      this.need(this.uvarint())
    }
  }
}
