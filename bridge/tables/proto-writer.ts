// Protobuf's wire format, as much of it as rows need: varints, texts and nested messages, handed over message by message.
// https://protobuf.dev/programming-guides/encoding/

import { ByteWriter } from '#stack/base/byte-writer.ts'

const lengthDelimited = 2
const two32 = 2 ** 32

export class ProtoWriter {
  readonly #bytes = new ByteWriter()
  /** Nested messages are written here first, since their length stands before them. */
  #inner: ProtoWriter | undefined

  /** Hands over what was written since the last time. */
  take(): Buffer {
    return this.#bytes.take()
  }

  /** int64; a negative one takes ten bytes. */
  integer(field: number, value: number): void {
    this.#varint(field * 8)
    if (value >= 0) return this.#varint(value)
    for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
      const byte = Number(rest & 0x7fn)
      if (rest < 0x80n) return this.#bytes.byte(byte)
      this.#bytes.byte(byte | 0x80)
    }
  }

  boolean(field: number, value: boolean): void {
    this.integer(field, value ? 1 : 0)
  }

  text(field: number, text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#varint(field * 8 + lengthDelimited)
    this.#varint(bytes)
    this.#bytes.text(text)
  }

  message(field: number, write: (inner: ProtoWriter) => void): void {
    const inner = (this.#inner ??= new ProtoWriter())
    // A message that was given up in the middle left something behind.
    inner.take()
    write(inner)
    const message = inner.take()
    this.#varint(field * 8 + lengthDelimited)
    this.#varint(message.length)
    this.#bytes.copy(message)
  }

  /** Of an integer from 0 to 2^53. */
  #varint(value: number): void {
    let rest = value
    while (rest >= two32) {
      this.#bytes.byte((rest % 128) | 0x80)
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      this.#bytes.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#bytes.byte(rest)
  }
}
