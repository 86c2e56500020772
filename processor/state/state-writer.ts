// A state as bytes (shapes.ts says of what). All its text lies together, so that it is read as one string:
//
//   length of the numbers, varint · numbers · text as UTF-8
//
//   varint   seven bits a byte, least significant first, the top bit set on all but the last
//
// Each value begins with a number: 0 it is absent, 1 it is null, and from 2 on what its kind says:
//
//   number, time, offset   2: eight bytes of a double · 3 + difference, zigzag
//   text                   2: length, in the text · 3: a hash, 16 bytes · 4 + which of the texts told before
//   id                     2: a hash · 3: a UUID, 16 bytes · 4 + length it shares with the id before; length of the rest
//   flag, oneOf, maybe     2 + false or true · 2 + its place · 2: the value follows
//
// A record, a list and a tuple are always there and have no such number. Lengths are in UTF-16 units.

import { invariant } from '#stack/base/invariant.ts'
import { KiB } from '#stack/base/units.ts'
import { ByteWriter } from '#stack/base/byte-writer.ts'
import { kinds } from './shapes.ts'
import type { Shape } from './shapes.ts'

type Maybe<T> = T | null | undefined
type Values = readonly unknown[]

/** A number, or a byte of a record. */
const numberBytes = 9

export class StateWriter {
  readonly #out = new ByteWriter()
  /** Of the state in hand. */
  #numbers: Buffer = Buffer.allocUnsafe(4 * KiB)
  #at = 0
  #text: Buffer = Buffer.allocUnsafe(4 * KiB)
  #textLength = 0
  readonly #told = new Told()
  #lastTimeMs = 0
  #lastOffset = 0

  write<T>(shape: Shape<T>, value: T): Buffer {
    this.#at = 0
    this.#textLength = 0
    this.#told.clear()
    this.#lastTimeMs = 0
    this.#lastOffset = 0
    this.#value(shape as Shape<unknown>, value, undefined)
    const length = this.#at
    this.#count(length)
    this.#out.copy(this.#numbers, length, this.#at)
    this.#out.copy(this.#numbers, 0, length)
    this.#out.copy(this.#text, 0, this.#textLength)
    return this.#out.take()
  }

  /** `before`: what stands in its place in the record or element before. */
  #value(shape: Shape<unknown>, value: unknown, before: unknown): void {
    // The kind says what it is.
    switch (shape.kind) {
      case kinds.number:
        return this.#number(value as Maybe<number>, (before as Maybe<number>) ?? 0)
      case kinds.time:
        return this.#time(value as Maybe<number>)
      case kinds.offset:
        return this.#offset(value as Maybe<number>)
      case kinds.text:
        return this.#textOnce(value as Maybe<string>)
      case kinds.id:
        return this.#id(value as Maybe<string>, (before as Maybe<string>) ?? '')
      case kinds.flag:
        return this.#isThere(value) ? this.#count(value === true ? 3 : 2) : undefined
      case kinds.oneOf:
        return this.#oneOf(shape, value)
      case kinds.record:
        return this.#record(shape, value as object, before as object | undefined)
      case kinds.maybe:
        return this.#maybe(shape, value, before)
      case kinds.list:
        return this.#list(shape.parts[0] as Shape<unknown>, value as Values)
      case kinds.tuple:
        return this.#tuple(shape.parts, value as Values, before as Values | undefined)
    }
  }

  #number(value: Maybe<number>, base: number): void {
    if (!this.#isThere(value)) return
    const difference = value - base
    if (isExact(value) && isExact(base)) {
      return this.#count(3 + (difference < 0 ? -2 * difference - 1 : 2 * difference))
    }
    this.#count(2)
    this.#at = this.#numbers.writeDoubleLE(value, this.#at)
  }

  #time(value: Maybe<number>): void {
    this.#number(value, this.#lastTimeMs)
    this.#lastTimeMs = value ?? this.#lastTimeMs
  }

  #offset(value: Maybe<number>): void {
    this.#number(value, this.#lastOffset)
    this.#lastOffset = value ?? this.#lastOffset
  }

  #textOnce(value: Maybe<string>): void {
    if (!this.#isThere(value)) return
    const index = this.#told.indexOf(value)
    if (index >= 0) return this.#count(4 + index)
    if (this.#hex(3, value)) return
    this.#count(2)
    this.#count(value.length)
    this.#characters(value, 0)
  }

  #id(value: Maybe<string>, before: string): void {
    if (!this.#isThere(value) || this.#hex(2, value) || this.#uuid(3, value)) return
    const shared = sharedLength(value, before)
    this.#count(4 + shared)
    this.#count(value.length - shared)
    this.#characters(value, shared)
  }

  #oneOf({ places }: Shape<unknown>, value: unknown): void {
    if (!this.#isThere(value)) return
    const place = places.get(value)
    invariant(place !== undefined, 'what is told is one of the values of its field')
    this.#count(2 + place)
  }

  #record(shape: Shape<unknown>, value: object, before: object | undefined): void {
    const { valuesOf, blank } = shape.layout
    this.#row(shape.parts, valuesOf(value), before === undefined ? blank : valuesOf(before))
  }

  #row(fields: readonly Shape<unknown>[], values: Values, before: Values): void {
    for (let first = 0; first < fields.length; first += 8) {
      this.#room(numberBytes)
      const maskAt = this.#at++
      let mask = 0
      for (let i = first; i < fields.length && i < first + 8; i++) {
        if (values[i] === before[i]) continue
        mask |= 1 << (i - first)
        this.#value(fields[i] as Shape<unknown>, values[i], before[i])
      }
      this.#numbers[maskAt] = mask
    }
  }

  #maybe(shape: Shape<unknown>, value: unknown, before: unknown): void {
    if (!this.#isThere(value)) return
    this.#count(2)
    this.#value(shape.parts[0] as Shape<unknown>, value, before ?? undefined)
  }

  #list(part: Shape<unknown>, values: Values): void {
    this.#count(values.length)
    if (part.kind === kinds.record) return this.#rows(part, values)
    for (let i = 0; i < values.length; i++) {
      this.#value(part, values[i], i === 0 ? undefined : values[i - 1])
    }
  }

  /** Each record's values are taken out once. */
  #rows({ parts, layout }: Shape<unknown>, records: Values): void {
    let before: Values = layout.blank
    for (const record of records) {
      const values = layout.valuesOf(record as object)
      this.#row(parts, values, before)
      before = values
    }
  }

  #tuple(parts: readonly Shape<unknown>[], values: Values, before: Values | undefined): void {
    for (let i = 0; i < parts.length; i++) {
      this.#value(parts[i] as Shape<unknown>, values[i], before?.[i])
    }
  }

  #isThere<T>(value: T): value is NonNullable<T> {
    if (value === undefined) this.#count(0)
    else if (value === null) this.#count(1)
    else return true
    return false
  }

  #count(value: number): void {
    this.#room(numberBytes)
    if (value < 128) this.#numbers[this.#at++] = value
    else this.#at = putVarint(this.#numbers, this.#at, value)
  }

  /** Hashes are most of what is long and told once. Answers whether it is one. */
  #hex(head: number, value: string): boolean {
    if (value.length !== 32) return false
    this.#room(numberBytes + 16)
    const isHash = putHex(this.#numbers, this.#at + 1, value, 0, 32)
    if (isHash) this.#putDigits(head)
    return isHash
  }

  #uuid(head: number, value: string): boolean {
    if (value.length !== 36) return false
    this.#room(numberBytes + 16)
    let at = this.#at + 1
    let from = 0
    for (const end of uuidDashes) {
      if (value.charCodeAt(end) !== dash && end < 36) return false
      if (!putHex(this.#numbers, at, value, from, end)) return false
      at += (end - from) / 2
      from = end + 1
    }
    this.#putDigits(head)
    return true
  }

  #putDigits(head: number): void {
    this.#numbers[this.#at] = head
    this.#at += 17
  }

  #characters(value: string, from: number): void {
    const { length } = value
    if (this.#textLength + 3 * length > this.#text.length)
      this.#text = grown(this.#text, this.#textLength, 3 * length)
    const text = this.#text
    let at = this.#textLength
    for (let i = from; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 127) {
        this.#textLength += text.write(value.substring(from), this.#textLength)
        return
      }
      text[at++] = unit
    }
    this.#textLength = at
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#numbers.length)
      this.#numbers = grown(this.#numbers, this.#at, bytes)
  }
}

function grown(buffer: Buffer, usedBytes: number, bytes: number): Buffer {
  const larger = Buffer.allocUnsafe(2 * (usedBytes + bytes))
  buffer.copy(larger, 0, 0, usedBytes)
  return larger
}

const toldMax = 512
const slots = 2 * toldMax
const generationMax = 2 ** 31 / slots - 1

/** The texts of the state in hand by their numbers; the first ones only, so that this needs no growth. */
class Told {
  readonly #texts: string[] = []
  #count = 0
  /** Open addressing: the state for which an entry was made, and the number of its text. */
  readonly #entries = new Int32Array(slots)
  #generation = 1

  clear(): void {
    this.#count = 0
    if (++this.#generation < generationMax) return
    this.#entries.fill(0)
    this.#generation = 1
  }

  /** -1: it was not told yet, and is from now on. */
  indexOf(text: string): number {
    for (let slot = slotOf(text); ; slot = (slot + 1) % slots) {
      const entry = this.#entries[slot] as number
      if (entry < this.#generation * slots) {
        this.#add(slot, text)
        return -1
      }
      if (this.#texts[entry % slots] === text) return entry % slots
    }
  }

  #add(slot: number, text: string): void {
    if (this.#count === toldMax) return
    this.#entries[slot] = this.#generation * slots + this.#count
    this.#texts[this.#count++] = text
  }
}

/** By a few characters: texts of one state mostly differ in their length or at their end. */
function slotOf(text: string): number {
  const { length } = text
  if (length === 0) return 0
  const ends = text.charCodeAt(0) * 7 + text.charCodeAt(length - 1) * 131
  return (ends + text.charCodeAt(length >> 1) * 17 + length * 31) % slots
}

/** Whether a difference to it is exact, too. */
function isExact(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 50
}

const dash = 45
/** Where the groups of a UUID end. */
const uuidDashes = [8, 13, 18, 23, 36]

const digits = new Int8Array(128).fill(-1)
for (let i = 0; i < 16; i++) digits[i.toString(16).charCodeAt(0)] = i

/** Two digits a byte; false: there is something else than digits as they are written here. */
function putHex(bytes: Buffer, start: number, text: string, from: number, end: number): boolean {
  let at = start
  for (let i = from; i < end; i += 2) {
    const high = digits[text.charCodeAt(i)] ?? -1
    const low = digits[text.charCodeAt(i + 1)] ?? -1
    if (high < 0 || low < 0) return false
    bytes[at++] = high * 16 + low
  }
  return true
}

/** Never ends within a surrogate pair, of which UTF-8 knows no halves. */
function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  let shared = 0
  while (shared < end && a.charCodeAt(shared) === b.charCodeAt(shared)) shared++
  const isCut = shared > 0 && (a.charCodeAt(shared - 1) & 0xfc00) === 0xd800
  return isCut ? shared - 1 : shared
}

/** Four groups of bits at a time, which fit an integer. */
function putVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 2 ** 28) {
    const high = Math.floor(rest / 2 ** 28)
    let low = rest - high * 2 ** 28
    for (let i = 0; i < 4; i++, low >>>= 7) bytes[at++] = (low & 127) | 128
    rest = high
  }
  for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128
  bytes[at++] = rest
  return at
}
