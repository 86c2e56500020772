// An event read in its bytes, without making an object of it: where each field of the table lies, and that its value is of
// its kind. What a scan calls plain is what decode.ts accepts and leaves as it is, to the byte; of everything else, an
// escape, a null, an unknown field, a time in another form, it only says that it is not plain, and decode.ts judges. Most
// of what producers send is plain, and then costs a fifth.
//
// Fields come in the order in which they came last, as a rule: each key remembers its follower, and is compared, not
// looked for.

import { isUtf8 } from 'node:buffer'
import { invariant } from '../base/invariant.ts'
import { isCurrency } from './currency.ts'
import { eventFields, itemFields, limits, nameRules } from './event-fields.ts'
import type { FieldKind, FieldTable } from './event-fields.ts'
import { dialects, eventNames } from './events.ts'
import type { EventName } from './events.ts'
import {
  backslash,
  closeBrace,
  closeBracket,
  comma,
  isAt,
  openBrace,
  openBracket,
  quote,
  textBytes,
} from './json-bytes.ts'
import { Texts } from './texts.ts'
import { timeAt } from './time.ts'

interface Key {
  /** With its quotes and colon. */
  bytes: Uint8Array
  slot: number
  form: Form
  unitsMin: number
  unitsMax: number
  /** Of an object, and of the items of a list. */
  shape: Shape | undefined
  /** Which key followed it last. */
  next: Key | undefined
}

interface Shape {
  keys: Key[]
  first: Key
}

type Form =
  | 'text'
  | 'eventId'
  | 'name'
  | 'dialect'
  | 'currency'
  | 'policy'
  | 'version'
  | 'time'
  | 'count'
  | 'positive'
  | 'boolean'
  | 'consent'
  | 'object'
  | 'items'
  | 'other'

const forms: Readonly<Record<FieldKind, [form: Form, unitsMax?: number, unitsMin?: number]>> = {
  version: ['version', 3, 3],
  eventId: ['eventId', limits.eventIdUnits, 1],
  text: ['text', limits.textUnits],
  key: ['text', limits.textUnits, 1],
  identity: ['text', limits.identityUnits, 1],
  orderId: ['text', limits.textUnits, 1],
  url: ['text', limits.urlUnits],
  time: ['time', 24, 24],
  dialect: ['dialect', 32],
  currency: ['currency', 3, 3],
  policy: ['policy', 32],
  count: ['count'],
  step: ['positive'],
  quantity: ['positive'],
  money: ['count'],
  number: ['count'],
  boolean: ['boolean'],
  consent: ['consent'],
  items: ['items'],
  object: ['object'],
  flags: ['other'],
  free: ['other'],
  extra: ['other'],
}

const encoder = new TextEncoder()
let slotCount = 0
/** `context.page.url` → its number. */
const slots = new Map<string, number>()

function compile(fields: FieldTable, path: string): Shape {
  const keys = Object.entries(fields).map(([name, { kind, fields: inner }]): Key => {
    const [form, unitsMax = 0, unitsMin = 0] =
      name === 'name' && path === '' ? forName : forms[kind]
    const slot = slotCount++
    slots.set(path + name, slot)
    const bytes = encoder.encode(`"${name}":`)
    const table = kind === 'items' ? itemFields : inner
    const shape = table && compile(table, `${path}${name}.`)
    return { bytes, slot, form, unitsMin, unitsMax, shape, next: undefined }
  })
  return { keys, first: keys[0] as Key }
}

const forName: [Form, number, number] = ['name', 32, 1]
const eventShape = compile(eventFields, '')

/** The number of a field, by its path; asked once, when a module is loaded. */
export function slotOf(path: string): number {
  const slot = slots.get(path)
  invariant(slot !== undefined, `no field ${path}`)
  return slot
}

const at = {
  eventId: slotOf('eventId'),
  source: slotOf('source'),
  name: slotOf('name'),
  dialect: slotOf('dialect'),
  version: slotOf('schemaVersion'),
  anonymousId: slotOf('anonymousId'),
  userId: slotOf('userId'),
  eventTime: slotOf('eventTime'),
  receivedAt: slotOf('receivedAt'),
  analytics: slotOf('context.consent.analytics'),
  data: slotOf('data'),
  items: slotOf('data.items'),
  productId: slotOf('data.items.productId'),
  quantity: slotOf('data.items.quantity'),
  unitPriceMinor: slotOf('data.items.unitPriceMinor'),
  discountMinor: slotOf('data.items.discountMinor'),
  currency: slotOf('data.currency'),
  orderId: slotOf('data.orderId'),
} as const
const itemSlots = { from: at.productId, to: at.productId + Object.keys(itemFields).length }
const required = [
  at.version,
  at.name,
  at.eventId,
  at.source,
  at.dialect,
  at.data,
  at.eventTime,
  at.receivedAt,
]

/** What a name needs in `data`: nameRules as slots. */
interface Needs {
  /** At least one item, unless the slot `unless` is there. */
  items: boolean
  unless: number
  snapshot: boolean
  /** `currency`, if this slot is there; -1: never. */
  currencyWith: number
  fields: number[]
}

const needsByName = new Map(eventNames.map((name) => [name as string, needsOf(name)]))

function needsOf(name: EventName): Needs {
  const {
    items,
    snapshot,
    itemsUnless,
    currency,
    currencyWith,
    orderId,
    fields = [],
  } = nameRules[name]
  return {
    items: items === true || itemsUnless !== undefined,
    unless: itemsUnless === undefined ? -1 : slotOf(`data.${itemsUnless}`),
    snapshot: snapshot === true,
    currencyWith: currency ? at.data : currencyWith ? slotOf(`data.${currencyWith}`) : -1,
    fields: [...fields.map((field) => slotOf(`data.${field}`)), ...(orderId ? [at.orderId] : [])],
  }
}

const idBytes = new Uint8Array(256).map((_, byte) =>
  /[A-Za-z0-9._:-]/.test(String.fromCharCode(byte)) ? 1 : 0,
)

const none = -1
const knownDialects: ReadonlySet<string> = new Set(dialects)

export class EventScan {
  bytes: Buffer = Buffer.alloc(0)
  /** Of the value of each field, without quotes; -1: the event has no such field. Of items: the last item's. */
  readonly starts = new Int32Array(slotCount)
  readonly ends = new Int32Array(slotCount)
  eventMs = 0
  receivedMs = 0
  readonly #numbers = new Float64Array(slotCount)
  readonly #texts = new Texts()
  /** Takes what is unknown for granted: it was decoded. */
  #isDecoded = false
  #isAscii = true
  #name = ''

  /** Answers whether the bytes are a plain event. */
  scan(bytes: Buffer): boolean {
    this.#isDecoded = false
    return bytes.length <= limits.eventBytes && this.#walk(bytes) && this.#isAccepted()
  }

  /** For the JSON of what decodeEvent returned: nothing is checked. */
  scanDecoded(bytes: Buffer): void {
    this.#isDecoded = true
    invariant(this.#walk(bytes), 'what was decoded can be scanned')
  }

  has(slot: number): boolean {
    return this.starts[slot] !== none
  }

  /** A text that hardly comes twice. */
  text(slot: number): string | undefined {
    const start = this.starts[slot] as number
    if (start === none) return undefined
    return this.#plain(start, this.ends[slot] as number, false)
  }

  /** A text that comes again and again. */
  known(slot: number): string | undefined {
    const start = this.starts[slot] as number
    if (start === none) return undefined
    return this.#plain(start, this.ends[slot] as number, true)
  }

  number(slot: number): number | undefined {
    return this.has(slot) ? this.#numbers[slot] : undefined
  }

  /** Of a boolean; null is null. */
  truth(slot: number): boolean | null | undefined {
    const start = this.starts[slot] as number
    if (start === none) return undefined
    const byte = this.bytes[start]
    return byte === 0x74 ? true : byte === 0x6e ? null : false
  }

  /** What a slot holds, parsed. */
  json(slot: number): unknown {
    if (!this.has(slot)) return undefined
    return JSON.parse(this.bytes.toString('utf8', this.starts[slot], this.ends[slot]))
  }

  get name(): EventName {
    return this.#name as EventName
  }

  #plain(start: number, end: number, isKnown: boolean): string {
    const { bytes } = this
    if (this.#isDecoded) {
      const text = bytes.toString('utf8', start, end)
      return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
    }
    if (isKnown) return this.#texts.get(bytes, start, end)
    return this.#isAscii ? bytes.toString('latin1', start, end) : bytes.toString('utf8', start, end)
  }

  #walk(bytes: Buffer): boolean {
    this.bytes = bytes
    this.#isAscii = true
    this.starts.fill(none)
    return bytes[0] === openBrace && this.#object(1, eventShape) === bytes.length
  }

  /** From behind the brace; answers where it ends, or -1. */
  #object(from: number, shape: Shape): number {
    const { bytes } = this
    if (bytes[from] === closeBrace) return from + 1
    let i = from
    let guess = shape.first
    let before: Key | undefined
    for (;;) {
      const key = isAt(bytes, i, guess.bytes) ? guess : this.#find(shape, i)
      if (key === undefined) i = this.#unknown(i)
      else {
        if (this.starts[key.slot] !== none) return none
        i = this.#value(i + key.bytes.length, key)
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

  #unknown(from: number): number {
    return this.#isDecoded ? skip(this.bytes, skip(this.bytes, from) + 1) : none
  }

  #value(from: number, key: Key): number {
    const { slot, form } = key
    if (this.#isDecoded) return this.#decodedValue(from, key)
    this.starts[slot] = from
    let end: number
    switch (form) {
      case 'text':
        return this.#text(from, key)
      case 'eventId':
        return this.#eventId(from, key)
      case 'name':
      case 'dialect':
      case 'currency':
      case 'policy':
      case 'version':
        end = this.#text(from, key)
        return end === none || this.#isWord(key) ? end : none
      case 'time':
        return this.#time(from, key)
      case 'count':
        return this.#count(from, slot)
      case 'positive':
        end = this.#count(from, slot)
        return this.#numbers[slot] === 0 ? none : end
      case 'boolean':
      case 'consent':
        end = truthEnd(this.bytes, from, form === 'consent')
        break
      case 'object':
        end = this.bytes[from] === openBrace ? this.#object(from + 1, key.shape as Shape) : none
        break
      case 'items':
        end = this.#items(from, key.shape as Shape)
        break
      case 'other':
        return none
    }
    this.ends[slot] = end
    return end
  }

  #text(from: number, { slot, unitsMin, unitsMax }: Key): number {
    const { bytes } = this
    if (bytes[from] !== quote) return none
    const start = from + 1
    const { length } = bytes
    let i = start
    for (; i < length; i++) {
      const kind = textBytes[bytes[i] as number]
      if (kind === 1) continue
      if (kind === 0) break
      this.#isAscii = false
    }
    // A text has no more units than bytes; of one that is nearly too long decode.ts counts them.
    const units = i - start
    if (bytes[i] !== quote || units < unitsMin || units > unitsMax) return none
    this.starts[slot] = start
    this.ends[slot] = i
    return i + 1
  }

  #eventId(from: number, { slot, unitsMax }: Key): number {
    const { bytes } = this
    if (bytes[from] !== quote) return none
    const { length } = bytes
    let i = from + 1
    while (i < length && idBytes[bytes[i] as number] === 1) i++
    const units = i - from - 1
    if (bytes[i] !== quote || units === 0 || units > unitsMax) return none
    this.starts[slot] = from + 1
    this.ends[slot] = i
    return i + 1
  }

  #isWord({ form, slot }: Key): boolean {
    const word = this.#texts.get(this.bytes, this.starts[slot] as number, this.ends[slot] as number)
    if (form === 'name') {
      this.#name = word
      // What a custom event may hold is decode.ts's to say.
      return word !== 'custom' && needsByName.has(word)
    }
    if (form === 'dialect') return knownDialects.has(word)
    if (form === 'currency') return isCurrency(word)
    if (form === 'policy') return word === 'max' || word === 'sum' || word === 'replace'
    return word === '1.0'
  }

  #time(from: number, key: Key): number {
    const end = this.#text(from, key)
    if (end === none) return none
    const timeMs = timeAt(this.bytes, from + 1)
    if (timeMs === undefined) return none
    this.#numbers[key.slot] = timeMs
    if (key.slot === at.eventTime) this.eventMs = timeMs
    else if (key.slot === at.receivedAt) this.receivedMs = timeMs
    return end
  }

  /** A whole number as JSON.stringify writes it, of at most 15 digits. */
  #count(from: number, slot: number): number {
    const { bytes } = this
    let value = 0
    let i = from
    for (; i < from + 16; i++) {
      const digit = (bytes[i] as number) - 48
      if (!(digit >= 0 && digit <= 9)) break
      value = value * 10 + digit
    }
    const digits = i - from
    if (digits === 0 || digits > 15 || (digits > 1 && bytes[from] === 48)) return none
    this.#numbers[slot] = value
    this.ends[slot] = i
    return i
  }

  #items(from: number, shape: Shape): number {
    const { bytes } = this
    if (bytes[from] !== openBracket) return none
    let i = from + 1
    let count = 0
    if (bytes[i] === closeBracket) i++
    else {
      for (;;) {
        if (bytes[i] !== openBrace || ++count > limits.items) return none
        this.starts.fill(none, itemSlots.from, itemSlots.to)
        i = this.#object(i + 1, shape)
        if (i === none || !this.#isItem()) return none
        if (bytes[i++] === comma) continue
        if (bytes[i - 1] !== closeBracket) return none
        break
      }
    }
    this.#numbers[at.items] = count
    return i
  }

  #isItem(): boolean {
    if (!this.has(at.productId)) return false
    const discountMinor = this.number(at.discountMinor)
    if (discountMinor === undefined) return this.has(at.quantity)
    const unitPriceMinor = this.number(at.unitPriceMinor) ?? Infinity
    return this.has(at.quantity) && discountMinor <= unitPriceMinor
  }

  /** What is asked of fields together. Where the answer depends on more than the table, it is not plain. */
  #isAccepted(): boolean {
    for (const slot of required) if (!this.has(slot)) return false
    if (!this.has(at.anonymousId) && !this.has(at.userId)) return false
    if (this.eventMs - this.receivedMs > limits.aheadMs) return false
    if (this.truth(at.analytics) === false) return false
    const needs = needsByName.get(this.#name)
    if (needs === undefined || (this.#name === 'identify' && !this.has(at.userId))) return false
    return this.#hasData(needs) && (this.#isAscii || isUtf8(this.bytes))
  }

  #hasData({ items, unless, snapshot, currencyWith, fields }: Needs): boolean {
    const hasItems = this.has(at.items)
    if (snapshot && !hasItems) return false
    if (items && (unless === none || !this.has(unless))) {
      if (!hasItems || this.#numbers[at.items] === 0) return false
    }
    if (currencyWith !== none && this.has(currencyWith) && !this.has(at.currency)) return false
    return fields.every((slot) => this.has(slot))
  }

  // What was decoded

  #decodedValue(from: number, key: Key): number {
    const { slot, form, shape } = key
    const { bytes } = this
    const isObject = form === 'object' && bytes[from] === openBrace
    const end = isObject ? this.#object(from + 1, shape as Shape) : skip(bytes, from)
    const isText = bytes[from] === quote
    this.starts[slot] = isText ? from + 1 : from
    this.ends[slot] = isText ? end - 1 : end
    if (form === 'time') {
      const timeMs = Date.parse(bytes.toString('latin1', from + 1, end - 1))
      if (slot === at.eventTime) this.eventMs = timeMs
      else if (slot === at.receivedAt) this.receivedMs = timeMs
    } else if (form === 'name') this.#name = bytes.toString('utf8', from + 1, end - 1)
    else if (form === 'count' || form === 'positive') {
      this.#numbers[slot] = Number(bytes.toString('latin1', from, end))
    }
    return end
  }
}

const trueBytes = encoder.encode('true')
const falseBytes = encoder.encode('false')
const nullBytes = encoder.encode('null')

function truthEnd(bytes: Uint8Array, from: number, mayBeNull: boolean): number {
  if (isAt(bytes, from, trueBytes)) return from + 4
  if (isAt(bytes, from, falseBytes)) return from + 5
  return mayBeNull && isAt(bytes, from, nullBytes) ? from + 4 : none
}

/** Behind the value of compact JSON that begins here. */
function skip(bytes: Uint8Array, from: number): number {
  let depth = 0
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === quote) {
      for (i++; bytes[i] !== quote; i++) if (bytes[i] === backslash) i++
      if (depth === 0) return i + 1
    } else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) {
      if (depth === 0) return i
      if (--depth === 0) return i + 1
    } else if (byte === comma && depth === 0) return i
  }
  return bytes.length
}
