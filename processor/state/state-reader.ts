// A state from its bytes, as state-writer.ts wrote them.

import { kinds } from './shapes.ts'
import type { Shape } from './shapes.ts'

type Maybe<T> = T | null | undefined
type Values = readonly unknown[]

export function readState<T>(shape: Shape<T>, bytes: Buffer): T {
  return new StateReader(bytes).value(shape as Shape<unknown>, undefined) as T
}

class StateReader {
  readonly #bytes: Buffer
  #at = 0
  readonly #text: string
  #textAt = 0
  readonly #told: string[] = []
  #lastTimeMs = 0
  #lastOffset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    const length = this.#count()
    this.#text = bytes.toString('utf8', this.#at + length)
  }

  /** `before`: what stands in its place in the record or element before. */
  value(shape: Shape<unknown>, before: unknown): unknown {
    switch (shape.kind) {
      case kinds.number:
        return this.#number((before as Maybe<number>) ?? 0)
      case kinds.time:
        return this.#time()
      case kinds.offset:
        return this.#offset()
      case kinds.text:
        return this.#textOnce()
      case kinds.id:
        return this.#id(before as Maybe<string>)
      case kinds.flag:
        return this.#oneOf(flags)
      case kinds.oneOf:
        return this.#oneOf(shape.values)
      case kinds.record:
        return this.#record(shape, before as object | undefined)
      case kinds.maybe:
        return this.#maybe(shape, before)
      case kinds.list:
        return this.#list(shape.parts[0] as Shape<unknown>)
      case kinds.tuple:
        return this.#tuple(shape.parts, before as Values | undefined)
    }
  }

  #number(base: number): Maybe<number> {
    const head = this.#count()
    if (head < 2) return absentOrNull(head)
    if (head > 2) return base + unzigzag(head - 3)
    this.#at += 8
    return this.#bytes.readDoubleLE(this.#at - 8)
  }

  #time(): Maybe<number> {
    const value = this.#number(this.#lastTimeMs)
    this.#lastTimeMs = value ?? this.#lastTimeMs
    return value
  }

  #offset(): Maybe<number> {
    const value = this.#number(this.#lastOffset)
    this.#lastOffset = value ?? this.#lastOffset
    return value
  }

  #textOnce(): Maybe<string> {
    const head = this.#count()
    if (head < 2) return absentOrNull(head)
    if (head > 3) return this.#told[head - 4]
    const text = head === 2 ? this.#characters(this.#count()) : this.#hex()
    this.#told.push(text)
    return text
  }

  #id(before: Maybe<string>): Maybe<string> {
    const head = this.#count()
    if (head < 2) return absentOrNull(head)
    if (head === 2) return this.#hex()
    if (head === 3) return uuidOf(this.#hex())
    const rest = this.#characters(this.#count())
    return before == null ? rest : before.substring(0, head - 4) + rest
  }

  #oneOf(values: Values): unknown {
    const head = this.#count()
    return head < 2 ? absentOrNull(head) : values[head - 2]
  }

  #record(shape: Shape<unknown>, before: object | undefined): object {
    const { valuesOf, recordOf, blank } = shape.layout
    return recordOf(this.#row(shape.parts, before === undefined ? blank : valuesOf(before)))
  }

  #row(fields: readonly Shape<unknown>[], before: Values): Values {
    const values = before.slice()
    for (let first = 0; first < fields.length; first += 8) {
      let mask = this.#bytes[this.#at++] as number
      for (let i = first; mask !== 0; i++, mask >>= 1) {
        if ((mask & 1) !== 0) values[i] = this.value(fields[i] as Shape<unknown>, before[i])
      }
    }
    return values
  }

  #maybe(shape: Shape<unknown>, before: unknown): unknown {
    const head = this.#count()
    if (head < 2) return absentOrNull(head)
    return this.value(shape.parts[0] as Shape<unknown>, before ?? undefined)
  }

  #list(part: Shape<unknown>): unknown[] {
    const count = this.#count()
    if (part.kind === kinds.record) return this.#rows(part, count)
    const values: unknown[] = []
    for (let i = 0; i < count; i++) values.push(this.value(part, values[i - 1]))
    return values
  }

  #rows({ parts, layout }: Shape<unknown>, count: number): object[] {
    const records: object[] = []
    let before: Values = layout.blank
    for (let i = 0; i < count; i++) {
      before = this.#row(parts, before)
      records.push(layout.recordOf(before))
    }
    return records
  }

  #tuple(parts: readonly Shape<unknown>[], before: Values | undefined): unknown[] {
    return parts.map((part, i) => this.value(part, before?.[i]))
  }

  #count(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#at++] as number
    if (byte < 128) return byte
    let value = byte & 127
    let scale = 128
    do {
      byte = bytes[this.#at++] as number
      value += (byte & 127) * scale
      scale *= 128
    } while (byte > 127)
    return value
  }

  #hex(): string {
    this.#at += 16
    return this.#bytes.toString('hex', this.#at - 16, this.#at)
  }

  #characters(length: number): string {
    this.#textAt += length
    return this.#text.substring(this.#textAt - length, this.#textAt)
  }
}

const flags: Values = [false, true]

function absentOrNull(head: number): null | undefined {
  return head === 0 ? undefined : null
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function uuidOf(digits: string): string {
  const group = (from: number, end: number): string => digits.substring(from, end)
  return `${group(0, 8)}-${group(8, 12)}-${group(12, 16)}-${group(16, 20)}-${group(20, 32)}`
}
