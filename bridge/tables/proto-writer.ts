// Protobuf's wire format, as much of it as rows need: varints, and texts or messages, handed over message by message.
// https://protobuf.dev/programming-guides/encoding/

import { KiB } from '#stack/base/units.ts'

const lengthDelimited = 2
const runBytes = 256 * KiB
/** A field's number and a length, or a number, take no more. */
const headBytes = 16
/** Of a text that is shorter a call into native code costs more than its bytes do. */
const longText = 48

export class ProtoWriter {
  /** Messages lie one behind the other in large runs; a run lives as long as one of its messages. */
  #run: Buffer = Buffer.alloc(0)
  #start = 0
  #at = 0

  /** Hands over what was written since the last time. */
  take(): Buffer {
    const message = this.#run.subarray(this.#start, this.#at)
    this.#start = this.#at
    return message
  }

  /** int64, by its two words; a negative one takes ten bytes. */
  integer(field: number, low: number, high: number): void {
    this.#room(2 * headBytes)
    this.#varint(field * 8)
    let [rest, above] = [low, high]
    while (above !== 0) {
      this.#run[this.#at++] = (rest & 0x7f) | 0x80
      rest = ((rest >>> 7) | (above << 25)) >>> 0
      above >>>= 7
    }
    this.#varint(rest)
  }

  text(field: number, text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#head(field, bytes)
    this.#at += this.#run.write(text, this.#at)
  }

  /** A text, or a message, that lies there. */
  bytes(field: number, source: Buffer, from: number, length: number): void {
    this.#head(field, length)
    this.copy(source, from, length)
  }

  /** Fields that were written before. */
  copy(source: Buffer, from = 0, length = source.length): void {
    this.#room(length)
    const run = this.#run
    const at = this.#at
    this.#at += length
    if (length >= longText) source.copy(run, at, from, from + length)
    else for (let i = 0; i < length; i++) run[at + i] = source[from + i] as number
  }

  #head(field: number, length: number): void {
    this.#room(headBytes + length)
    this.#varint(field * 8 + lengthDelimited)
    this.#varint(length)
  }

  /** Of 32 bits; there is room. */
  #varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#run[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#run[this.#at++] = rest
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#run.length) return
    const run = Buffer.allocUnsafeSlow(Math.max(runBytes, 2 * (this.#at - this.#start + bytes)))
    this.#at = this.#run.copy(run, 0, this.#start, this.#at)
    this.#start = 0
    this.#run = run
  }
}
