// The canonical form of JSON (canonical-json.ts), made in its bytes: of most JSON only the order of members has to change, and
// no object is made of it. Spaces, escapes, names beyond ASCII, numbers that are not whole, a name that comes twice, and
// whatever is no JSON are left to JSON.parse.

import {
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
import { canonicalJson } from './canonical-json.ts'

/** Whole numbers of so many digits are written as they are read. */
const digitsMax = 15
const depthMax = 64
/** Of an object whose members have to be put in order, which takes their square in time. */
const membersMax = 32
const notPlain = -1

export class CanonicalBytes {
  /** What was read last. */
  bytes: Buffer = Buffer.alloc(256)
  length = 0
  #source: Buffer = this.bytes
  #unsorted: Buffer = Buffer.alloc(0)
  /** Where the members of objects that are open begin and end in `bytes`. */
  readonly #members: number[] = []

  /** Throws for what is no JSON. */
  read(source: Buffer, from: number, to: number): void {
    if (this.bytes.length < to - from) this.bytes = Buffer.alloc(2 * (to - from))
    this.#source = source
    this.#members.length = 0
    this.length = 0
    if (this.#value(from, 0) === to) return
    this.bytes = Buffer.from(canonicalJson(JSON.parse(source.toString('utf8', from, to))))
    this.length = this.bytes.length
  }

  /** Writes the value that begins there, and answers where it ends. */
  #value(from: number, depth: number): number {
    switch (this.#source[from] as number) {
      case quote:
        return this.#text(from)
      case openBrace:
        return depth < depthMax ? this.#object(from, depth + 1) : notPlain
      case openBracket:
        return depth < depthMax ? this.#array(from, depth + 1) : notPlain
      default:
        return this.#numberOrWord(from)
    }
  }

  #text(from: number): number {
    let at = from + 1
    while ((textBytes[this.#source[at] as number] ?? 0) > 0) at++
    return this.#source[at] === quote ? this.#copy(from, at + 1) : notPlain
  }

  #name(from: number): number {
    if (this.#source[from] !== quote) return notPlain
    let at = from + 1
    while (textBytes[this.#source[at] as number] === 1) at++
    if (this.#source[at] !== quote || this.#source[at + 1] !== colon) return notPlain
    return this.#copy(from, at + 2)
  }

  #numberOrWord(from: number): number {
    const source = this.#source
    const first = source[from] === minus ? from + 1 : from
    let at = first
    while (isDigit(source[at])) at++
    const digits = at - first
    // -0 is written as 0.
    const isPlain =
      digits > 0 && digits <= digitsMax && (source[first] !== zero || digits + first - from === 1)
    if (isPlain) return isNumberByte(source[at]) ? notPlain : this.#copy(from, at)
    const word = words.find((each) => isAt(source, from, each))
    return word ? this.#copy(from, from + word.length) : notPlain
  }

  #array(from: number, depth: number): number {
    let at = this.#copy(from, from + 1)
    if (this.#source[at] === closeBracket) return this.#copy(at, at + 1)
    for (;;) {
      at = this.#value(at, depth)
      if (at === notPlain) return notPlain
      const byte = this.#source[at]
      if (byte !== comma && byte !== closeBracket) return notPlain
      at = this.#copy(at, at + 1)
      if (byte === closeBracket) return at
    }
  }

  #object(from: number, depth: number): number {
    let at = this.#copy(from, from + 1)
    if (this.#source[at] === closeBrace) return this.#copy(at, at + 1)
    const members = this.#members
    const first = members.length
    let isSorted = true
    for (;;) {
      const start = this.length
      at = this.#name(at)
      if (at !== notPlain) at = this.#value(at, depth)
      if (at === notPlain) return notPlain
      if (members.length > first && this.#order(members.at(-2) as number, start) >= 0)
        isSorted = false
      members.push(start, this.length)
      const byte = this.#source[at]
      if (byte !== comma && byte !== closeBrace) return notPlain
      at = this.#copy(at, at + 1)
      if (byte === comma) continue
      const isDone = isSorted || this.#sort(first)
      members.length = first
      return isDone ? at : notPlain
    }
  }

  /** Puts the members from there on in order, which lie one behind the other. False: there are too many, or a name comes twice. */
  #sort(first: number): boolean {
    const members = this.#members
    if (members.length - first > 2 * membersMax) return false
    const start = members[first] as number
    const unsorted = this.#copied(start)
    for (let i = first + 2; i < members.length; i += 2) {
      const [from, to] = [members[i] as number, members[i + 1] as number]
      let place = i
      for (; place > first; place -= 2) {
        const order = this.#order(members[place - 2] as number, from)
        if (order === 0) return false
        if (order < 0) break
        members[place] = members[place - 2] as number
        members[place + 1] = members[place - 1] as number
      }
      members[place] = from
      members[place + 1] = to
    }
    let at = start
    for (let i = first; i < members.length; i += 2) {
      if (i > first) this.bytes[at++] = comma
      for (let from = members[i] as number; from < (members[i + 1] as number); from++) {
        this.bytes[at++] = unsorted[from - start] as number
      }
    }
    return true
  }

  /** Of two names that lie there in `bytes`: below 0 where the first comes first. */
  #order(a: number, b: number): number {
    const { bytes } = this
    for (let i = 1; ; i++) {
      const [one, other] = [bytes[a + i] as number, bytes[b + i] as number]
      if (one !== other) return one === quote ? -1 : other === quote ? 1 : one - other
      if (one === quote) return 0
    }
  }

  #copied(start: number): Buffer {
    if (this.#unsorted.length < this.length - start)
      this.#unsorted = Buffer.alloc(this.bytes.length)
    for (let i = start; i < this.length; i++) this.#unsorted[i - start] = this.bytes[i] as number
    return this.#unsorted
  }

  #copy(from: number, to: number): number {
    for (let i = from; i < to; i++) this.bytes[this.length++] = this.#source[i] as number
    return to
  }
}

/** What may come behind the digits of a number that is not whole. */
function isNumberByte(byte: number | undefined): boolean {
  return byte === 0x2e || byte === 0x65 || byte === 0x45
}
