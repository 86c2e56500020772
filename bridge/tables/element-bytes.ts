// Elements of arrays as nested messages, made of the JSON that history hands out, in its bytes: each has all members, in the
// order of the contract, and no spaces. What is told otherwise, as texts with escapes are, is read by JSON.parse.

import {
  closeBrace,
  closeBracket,
  comma,
  isAt,
  isDigit,
  minus,
  nullWord,
  openBracket,
  quote,
  textBytes,
  zero,
} from '#stack/contract/json-bytes.ts'
import { structFields } from '#stack/contract/tables.ts'
import { ProtoWriter } from './proto-writer.ts'

export type ElementType = keyof typeof structFields

/** So many digits are a number to JavaScript without loss. */
const digitsMax = 15
const otherwise = -1
const two32 = 2 ** 32

export class ElementBytes {
  readonly #names: readonly string[]
  /** What stands before each member: `{"productId":`, then `,"variantId":`. */
  readonly #marks: readonly Buffer[]
  readonly #element = new ProtoWriter()
  readonly #elements = new ProtoWriter()
  #source: Buffer = nullWord

  constructor(type: ElementType) {
    this.#names = Object.keys(structFields[type])
    this.#marks = this.#names.map((name, i) => Buffer.from(`${i === 0 ? '{' : ','}"${name}":`))
  }

  /** One field for each element; handed over as they are to be copied. */
  read(field: number, json: Buffer): Buffer {
    this.#source = json
    if (this.#array(field) !== json.length) {
      this.#element.take()
      this.#elements.take()
      this.#parsed(field, json.toString())
    }
    return this.#elements.take()
  }

  #array(field: number): number {
    const source = this.#source
    if (source[0] !== openBracket) return otherwise
    for (let at = 0; ;) {
      at = this.#members(at + 1)
      if (at === otherwise) return otherwise
      this.#put(field)
      if (source[at] === closeBracket) return at + 1
      if (source[at] !== comma) return otherwise
    }
  }

  #members(from: number): number {
    let at = from
    for (let i = 0; i < this.#marks.length; i++) {
      const mark = this.#marks[i] as Buffer
      if (!isAt(this.#source, at, mark)) return otherwise
      at = this.#value(i + 1, at + mark.length)
      if (at === otherwise) return otherwise
    }
    return this.#source[at] === closeBrace ? at + 1 : otherwise
  }

  #value(field: number, from: number): number {
    const source = this.#source
    let at = from
    if (source[at] === quote) {
      at++
      while ((textBytes[source[at] as number] ?? 0) > 0) at++
      if (source[at] !== quote) return otherwise
      this.#element.bytes(field, source, from + 1, at - from - 1)
      return at + 1
    }
    if (isAt(source, at, nullWord)) return at + nullWord.length
    if (source[at] === minus) at++
    let value = 0
    const first = at
    for (; isDigit(source[at]); at++) {
      value = value * 10 + (source[at] as number) - zero
    }
    if (at === first || at - first > digitsMax) return otherwise
    writeNumber(this.#element, field, source[from] === minus ? -value : value)
    return at
  }

  #parsed(field: number, json: string): void {
    for (const element of JSON.parse(json) as Record<string, string | number | null>[]) {
      this.#names.forEach((name, i) => {
        const value = element[name] ?? null
        if (typeof value === 'number') writeNumber(this.#element, i + 1, value)
        else if (value !== null) this.#element.text(i + 1, value)
      })
      this.#put(field)
    }
  }

  #put(field: number): void {
    const element = this.#element.take()
    this.#elements.bytes(field, element, 0, element.length)
  }
}

/** Of whole numbers to 2^53. */
export function writeNumber(writer: ProtoWriter, field: number, value: number): void {
  writer.integer(field, value >>> 0, Math.floor(value / two32) >>> 0)
}
