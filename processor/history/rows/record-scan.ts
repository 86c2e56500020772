// A record's JSON read in its bytes: where the values of known fields lie, without making an object of it. Only compact
// JSON is read, every byte of it checked; what is spread over lines, or names a field twice, is left to JSON.parse.
//
// Fields come in the order in which they came last, as a rule: each key remembers its follower, and is compared, not
// looked for.

import { isUtf8 } from 'node:buffer'
import { invariant } from '#stack/base/invariant.ts'
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  isAt,
  isDigit,
  minus,
  openBrace,
  openBracket,
  quote,
  textBytes,
  words,
  zero,
} from '#stack/contract/json-bytes.ts'

/** What a field's value is: null is the same as absent. `any` is taken as it stands. */
type Form = 'text' | 'integer' | 'truth' | 'any'

/** An object's fields by name; a list of objects, as an array of one. */
export interface Fields {
  readonly [name: string]: Form | Fields | readonly [Fields]
}

interface Key {
  /** With its quotes and colon. */
  bytes: Uint8Array
  slot: number
  form: Form | 'object' | 'list'
  shape: Shape | undefined
  /** Which key followed it last. */
  next: Key | undefined
}

interface Shape {
  keys: Key[]
  first: Key
}

const encoder = new TextEncoder()
const none = -1

export class RecordScan {
  bytes: Buffer = Buffer.alloc(0)
  /** Of the value of each field, of a text without its quotes; -1: the record has no such field. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Of the elements of the list, field by field: element times `elementWidth` plus the field's place in it. */
  elementStarts = new Int32Array(256)
  elementEnds = new Int32Array(256)
  elementCount = 0
  readonly elementWidth: number
  /** Texts may hold escapes. */
  hasEscapes = false
  #isAscii = true
  readonly #slots = new Map<string, number>()
  readonly #elementSlots = new Map<string, number>()
  readonly #shape: Shape

  constructor(fields: Fields) {
    this.#shape = this.#compile(fields, '', this.#slots)
    this.starts = new Int32Array(this.#slots.size)
    this.ends = new Int32Array(this.#slots.size)
    this.elementWidth = this.#elementSlots.size
  }

  /** The number of a field, by its path; asked once. */
  slotOf(path: string): number {
    const slot = this.#slots.get(path) ?? this.#elementSlots.get(path)
    invariant(slot !== undefined, `no field ${path}`)
    return slot
  }

  /** Answers whether the bytes are one object of compact JSON with values of the forms that are known. */
  scan(bytes: Buffer): boolean {
    this.bytes = bytes
    this.starts.fill(none)
    this.elementCount = 0
    this.hasEscapes = false
    this.#isAscii = true
    if (bytes[0] !== openBrace || this.#object(1, this.#shape, none) !== bytes.length) return false
    return this.#isAscii || isUtf8(bytes)
  }

  #compile(fields: Fields, path: string, slots: Map<string, number>): Shape {
    const keys = Object.entries(fields).map(([name, form]): Key => {
      const slot = slots.size
      slots.set(path + name, slot)
      const key = { bytes: encoder.encode(`"${name}":`), slot, next: undefined }
      if (typeof form === 'string') return { ...key, form, shape: undefined }
      if (!isList(form)) {
        return { ...key, form: 'object', shape: this.#compile(form, `${path}${name}.`, slots) }
      }
      invariant(this.#elementSlots.size === 0, 'one list is read by its elements')
      const shape = this.#compile(form[0], `${path}${name}.`, this.#elementSlots)
      return { ...key, form: 'list', shape }
    })
    return { keys, first: keys[0] as Key }
  }

  /** From behind the brace; answers where it ends, or -1. `element` is the number of the list's element, or -1. */
  #object(from: number, shape: Shape, element: number): number {
    const { bytes } = this
    if (bytes[from] === closeBrace) return from + 1
    let i = from
    let guess = shape.first
    let before: Key | undefined
    for (;;) {
      const key = isAt(bytes, i, guess.bytes) ? guess : this.#find(shape, i)
      if (key === undefined) {
        const end = this.#text(i)
        // A name that is written with escapes may be a known one.
        const isPlain = end !== none && !bytes.subarray(i, end).includes(backslash)
        i = isPlain && bytes[end] === colon ? this.#any(end + 1) : none
      } else {
        i = this.#value(i + key.bytes.length, key, element)
        if (before === undefined) shape.first = key
        else before.next = key
        before = key
        guess = key.next ?? shape.first
      }
      if (i === none) return none
      const byte = bytes[i]
      if (byte === closeBrace) return i + 1
      if (byte !== comma) return none
      i++
    }
  }

  #find({ keys }: Shape, from: number): Key | undefined {
    for (const key of keys) if (isAt(this.bytes, from, key.bytes)) return key
    return undefined
  }

  #value(from: number, { slot, form, shape }: Key, element: number): number {
    const isElement = element !== none
    const at = isElement ? element * this.elementWidth + slot : slot
    const starts = isElement ? this.elementStarts : this.starts
    if (starts[at] !== none) return none
    const byte = this.bytes[from] as number
    if (byte === 110) return this.#any(from)
    const end = this.#valueEnd(from, byte, { form, shape })
    if (end === none) return none
    // The list's own arrays may have grown meanwhile; an element holds no list.
    const isText = form === 'text'
    starts[at] = isText ? from + 1 : from
    ;(isElement ? this.elementEnds : this.ends)[at] = isText ? end - 1 : end
    return end
  }

  #valueEnd(from: number, byte: number, { form, shape }: Pick<Key, 'form' | 'shape'>): number {
    switch (form) {
      case 'text':
        return byte === quote ? this.#text(from) : none
      case 'integer':
        return isNumberStart(byte) ? this.#any(from) : none
      case 'truth':
        return byte === 116 || byte === 102 ? this.#any(from) : none
      case 'object':
        return byte === openBrace ? this.#object(from + 1, shape as Shape, none) : none
      case 'list':
        return byte === openBracket ? this.#list(from + 1, shape as Shape) : none
      case 'any':
        return this.#any(from)
    }
  }

  #list(from: number, shape: Shape): number {
    const { bytes } = this
    if (bytes[from] === closeBracket) return from + 1
    for (let i = from; ; i++) {
      if (bytes[i] !== openBrace) return none
      i = this.#object(i + 1, shape, this.#addElement())
      if (i === none) return none
      if (bytes[i] === closeBracket) return i + 1
      if (bytes[i] !== comma) return none
    }
  }

  #addElement(): number {
    const from = this.elementCount * this.elementWidth
    const to = from + this.elementWidth
    if (to > this.elementStarts.length) {
      this.elementStarts = grown(this.elementStarts)
      this.elementEnds = grown(this.elementEnds)
    }
    this.elementStarts.fill(none, from, to)
    return this.elementCount++
  }

  /** Behind the text that begins here with its quote, or -1. */
  #text(from: number): number {
    const { bytes } = this
    if (bytes[from] !== quote) return none
    const { length } = bytes
    for (let i = from + 1; i < length; i++) {
      const byte = bytes[i] as number
      const kind = textBytes[byte]
      if (kind === 1) continue
      if (kind === 2) this.#isAscii = false
      else if (byte === quote) return i + 1
      else {
        this.hasEscapes = true
        i = byte === backslash ? this.#escape(i + 1) : none
        if (i === none) return none
      }
    }
    return none
  }

  /** At the last byte of what follows a backslash, or -1. */
  #escape(at: number): number {
    const letter = String.fromCharCode(this.bytes[at] ?? 0)
    if ('"\\/bfnrt'.includes(letter)) return at
    const digits = this.bytes.toString('latin1', at + 1, at + 5)
    return letter === 'u' && /^[\da-fA-F]{4}$/.test(digits) ? at + 4 : none
  }

  /** Behind the value that begins here, or -1. */
  #any(from: number): number {
    const { bytes } = this
    const byte = bytes[from] as number
    if (byte === quote) return this.#text(from)
    if (byte === openBrace) return this.#members(from + 1, true)
    if (byte === openBracket) return this.#members(from + 1, false)
    if (isNumberStart(byte)) return numberEnd(bytes, from)
    for (const word of words) if (isAt(bytes, from, word)) return from + word.length
    return none
  }

  #members(from: number, isObject: boolean): number {
    const { bytes } = this
    const close = isObject ? closeBrace : closeBracket
    if (bytes[from] === close) return from + 1
    for (let i = from; ; i++) {
      if (isObject) {
        i = this.#text(i)
        if (i === none || bytes[i++] !== colon) return none
      }
      i = this.#any(i)
      if (i === none) return none
      if (bytes[i] === close) return i + 1
      if (bytes[i] !== comma) return none
    }
  }
}

function isList(form: Fields | readonly [Fields]): form is readonly [Fields] {
  return Array.isArray(form)
}

function isNumberStart(byte: number): boolean {
  return isDigit(byte) || byte === minus
}

/** Behind the number that begins here, or -1. */
function numberEnd(bytes: Uint8Array, from: number): number {
  let i = bytes[from] === minus ? from + 1 : from
  if (!isDigit(bytes[i])) return none
  if (bytes[i] === zero) i++
  else while (isDigit(bytes[i])) i++
  if (bytes[i] === 46) {
    if (!isDigit(bytes[++i])) return none
    while (isDigit(bytes[i])) i++
  }
  if (bytes[i] === 101 || bytes[i] === 69) {
    i++
    if (bytes[i] === 43 || bytes[i] === minus) i++
    if (!isDigit(bytes[i])) return none
    while (isDigit(bytes[i])) i++
  }
  return i
}

function grown(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(values.length * 2)
  larger.set(values)
  return larger
}
