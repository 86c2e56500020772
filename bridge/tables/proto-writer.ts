// Protobuf's wire format, as much of it as rows need: varints, texts and nested messages. What is written goes into large
// runs of bytes and is handed over message by message; a run lives as long as one of its messages.
// https://protobuf.dev/programming-guides/encoding/

import { KiB } from '#stack/base/units.ts'

const runBytes = 256 * KiB
const lengthDelimited = 2
const two32 = 2 ** 32

export class ProtoWriter {
  #run = Buffer.allocUnsafe(runBytes)
  /** Where the message in hand begins, and the next byte. */
  #start = 0
  #at = 0
  /** Nested messages are written here first, since their length stands before them. */
  #inner: ProtoWriter | undefined

  /** Hands over what was written since the last time. */
  take(): Buffer {
    const message = this.#run.subarray(this.#start, this.#at)
    this.#start = this.#at
    return message
  }

  /** int64; a negative one takes ten bytes. */
  integer(field: number, value: number): void {
    this.#room(20)
    this.#varint(field * 8)
    if (value >= 0) return this.#varint(value)
    for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
      const byte = Number(rest & 0x7fn)
      if (rest < 0x80n) return void (this.#run[this.#at++] = byte)
      this.#run[this.#at++] = byte | 0x80
    }
  }

  boolean(field: number, value: boolean): void {
    this.integer(field, value ? 1 : 0)
  }

  text(field: number, text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#room(20 + bytes)
    this.#varint(field * 8 + lengthDelimited)
    this.#varint(bytes)
    this.#at += this.#run.write(text, this.#at)
  }

  message(field: number, write: (inner: ProtoWriter) => void): void {
    const inner = (this.#inner ??= new ProtoWriter())
    // A message that was given up in the middle left something behind.
    inner.take()
    write(inner)
    const message = inner.take()
    this.#room(20 + message.length)
    this.#varint(field * 8 + lengthDelimited)
    this.#varint(message.length)
    this.#at += message.copy(this.#run, this.#at)
  }

  /** Of an integer from 0 to 2^53; the room is there. */
  #varint(value: number): void {
    let rest = value
    while (rest >= two32) {
      this.#run[this.#at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      this.#run[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#run[this.#at++] = rest
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#run.length) return
    const run = Buffer.allocUnsafe(Math.max(runBytes, 2 * (this.#at - this.#start + bytes)))
    this.#at = this.#run.copy(run, 0, this.#start, this.#at)
    this.#start = 0
    this.#run = run
  }
}
