// Cuts a byte stream into frames: an int32 size, then that many bytes. Memory is what has arrived, never what a size
// promises. A frame within one chunk is a slice of it; a longer one is put together when it is asked for, in memory of
// its own or in a scratch buffer that many readers share.

import { MalformedError } from './reader.ts'

const sizeBytes = 4
const mergedBytesMax = 4096
const scratchBytesMax = 8 * 1024 * 1024

/** Memory for one long frame at a time: what was gathered in it before is overwritten. */
export class Scratch {
  #buffer = Buffer.alloc(0)

  take(bytes: number): Buffer {
    if (bytes > scratchBytesMax) return Buffer.allocUnsafeSlow(bytes)
    if (bytes > this.#buffer.length)
      this.#buffer = Buffer.allocUnsafeSlow(Math.min(scratchBytesMax, bytes * 2))
    return this.#buffer.subarray(0, bytes)
  }
}

export class FrameReader {
  /** A frame that claims more is refused. */
  frameBytesMax: number
  readonly #scratch: Scratch | undefined
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  /** Of the frame in progress, once its four bytes are there. */
  #size: number | undefined

  /** With a scratch buffer a frame holds until the next one is taken by whoever shares it. */
  constructor(frameBytesMax: number, scratch?: Scratch) {
    this.frameBytesMax = frameBytesMax
    this.#scratch = scratch
  }

  /** Received and not yet part of a frame that was handed out. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  push(chunk: Buffer): void {
    this.#bufferedBytes += chunk.length
    const last = this.#chunks.at(-1)
    // Many tiny chunks would cost more as objects than as bytes.
    if (last !== undefined && last.length + chunk.length <= mergedBytesMax) {
      this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, chunk])
    } else this.#chunks.push(chunk)
  }

  /** Whether a whole frame is there. Throws MalformedError. */
  hasNext(): boolean {
    if (this.#size === undefined) {
      if (this.#bufferedBytes < sizeBytes) return false
      const size = this.#take(sizeBytes).readInt32BE(0)
      if (size < 0 || size > this.frameBytesMax)
        throw new MalformedError(`a frame of ${size} bytes`)
      this.#size = size
    }
    return this.#bufferedBytes >= this.#size
  }

  /** The first two bytes of the next frame, which is there; undefined where it is shorter. */
  peekInt16(): number | undefined {
    const [first, second] = this.#chunks
    if ((this.#size as number) < 2 || first === undefined) return undefined
    if (first.length >= 2) return first.readInt16BE(0)
    return Buffer.concat([first, (second as Buffer).subarray(0, 1)]).readInt16BE(0)
  }

  /** The next whole frame without its size, undefined until more bytes come. Throws MalformedError. */
  next(): Buffer | undefined {
    if (!this.hasNext()) return undefined
    const frame = this.#take(this.#size as number)
    this.#size = undefined
    return frame
  }

  /** Exactly so many bytes, which are there. */
  #take(bytes: number): Buffer {
    this.#bufferedBytes -= bytes
    const first = this.#chunks[0]
    if (first !== undefined && first.length >= bytes) {
      if (first.length === bytes) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(bytes)
      return first.subarray(0, bytes)
    }
    return bytes === 0 ? Buffer.alloc(0) : this.#gather(bytes)
  }

  #gather(bytes: number): Buffer {
    const gathered = this.#scratch?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes)
    let filled = 0
    let used = 0
    while (filled < bytes) {
      const chunk = this.#chunks[used] as Buffer
      const part = chunk.subarray(0, bytes - filled)
      part.copy(gathered, filled)
      filled += part.length
      if (part.length < chunk.length) this.#chunks[used] = chunk.subarray(part.length)
      else used++
    }
    this.#chunks.splice(0, used)
    return gathered
  }
}
