// Bytes written one after the other into large runs, and handed over piece by piece: no allocation for each, and nothing
// for the garbage collector to move. A piece is a view of its run; the run lives as long as one of its pieces.

import { KiB } from './units.ts'

const runBytes = 256 * KiB

export class ByteWriter {
  #run = Buffer.allocUnsafe(runBytes)
  /** Where the piece in hand begins, and the next byte. */
  #start = 0
  #at = 0

  /** Hands over what was written since the last time. */
  take(): Buffer {
    const piece = this.#run.subarray(this.#start, this.#at)
    this.#start = this.#at
    return piece
  }

  copy(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#room(end - start)
    this.#at += bytes.copy(this.#run, this.#at, start, end)
  }

  byte(value: number): void {
    this.#room(1)
    this.#run[this.#at++] = value
  }

  /** As UTF-8, without a length. */
  text(text: string): void {
    // No UTF-16 unit takes more than three bytes.
    this.#room(text.length * 3)
    this.#at += this.#run.write(text, this.#at)
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#run.length) return
    const run = Buffer.allocUnsafe(Math.max(runBytes, 2 * (this.#at - this.#start + bytes)))
    this.#at = this.#run.copy(run, 0, this.#start, this.#at)
    this.#start = 0
    this.#run = run
  }
}
