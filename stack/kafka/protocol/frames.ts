// Cuts a byte stream into frames: an int32 size, then that many bytes. Memory is what has arrived, never what a size
// promises. A frame within one chunk is a slice of it; a longer one is put together once, when it is whole.

import { MalformedError } from './reader.ts'

const sizeBytes = 4
const mergedBytesMax = 4096

export class FrameReader {
  readonly #frameBytesMax: number
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  /** Of the frame in progress, once its four bytes are there. */
  #size: number | undefined

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
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

  /** The next whole frame without its size, undefined until more bytes come. Throws MalformedError. */
  next(): Buffer | undefined {
    if (this.#size === undefined) {
      if (this.#bufferedBytes < sizeBytes) return undefined
      this.#size = this.#take(sizeBytes).readInt32BE(0)
      if (this.#size < 0 || this.#size > this.#frameBytesMax) {
        throw new MalformedError(`a frame of ${this.#size} bytes`)
      }
    }
    if (this.#bufferedBytes < this.#size) return undefined
    const frame = this.#take(this.#size)
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
    const gathered = Buffer.allocUnsafeSlow(bytes)
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
