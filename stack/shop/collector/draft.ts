// What every dialect's mapper makes: a draft of the canonical event in the producer's own time, with what had no home
// beside it. `Fields` hands out the fields of a foreign object one by one; what nobody took is left for `extra`, so
// that nothing is dropped silently.

import { currencyDigits } from '#stack/contract/currency.ts'
import type { Dialect, EventFlag } from '#stack/contract/events.ts'
import { minorUnits } from '#stack/contract/money.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { decimalText, isPlainObject } from './json.ts'

/** The person's browser, where the request came from one. */
export interface Visitor {
  userAgent: string
  ip: string
}

/** What the collector knows beside the body. */
export interface MapContext {
  receivedMs: number
  /** Of the first event of the body within its request. */
  position: number
  /** For producers that do not name themselves. */
  source: string
  defaultCurrency: string
}

export interface Draft {
  dialect: Dialect
  name: string | undefined
  eventId?: string
  /** The time as the producer wrote it; empty if none. */
  writtenTime: string
  /** The same as a number; absent where it is none, or none was written. */
  createdMs?: number
  sentAt?: string
  sentMs?: number
  /** Further fields of the envelope. */
  envelope: RawObject
  context: RawObject
  /** Not an object only where a native producer sent something else. */
  data: unknown
  flags: Set<EventFlag>
  extra: RawObject
  /** Retail: a purchase without an order id takes the event's id (1.10). */
  orderIdFromEvent?: boolean
  /** What else tells this event from another of the same content, for its derived id. */
  idParts?: readonly string[]
  /** The element of the body it came from. */
  raw: unknown
}

/** An element that no mapper can read anything from. */
export interface Unreadable {
  unreadable: true
  raw: unknown
}

export type Mapped = Draft | Unreadable

export function newDraft(dialect: Dialect, raw: unknown): Draft {
  return {
    dialect,
    name: undefined,
    writtenTime: '',
    envelope: {},
    context: {},
    data: {},
    flags: new Set(),
    extra: {},
    raw,
  }
}

export function put(target: RawObject, key: string, value: unknown): void {
  if (value !== undefined && value !== null && value !== '') target[key] = value
}

/** Sets an object unless it is empty. */
export function putObject(target: RawObject, key: string, value: RawObject): void {
  if (Object.keys(value).length > 0) target[key] = value
}

export class Fields {
  readonly #source: RawObject
  readonly #taken = new Set<string>()
  readonly #inner = new Map<string, Fields>()

  constructor(source: unknown) {
    this.#source = isPlainObject(source) ? source : {}
  }

  /** The first of the keys that holds something, marked as used. */
  take(...keys: string[]): unknown {
    for (const key of keys) {
      const value = this.#peek(key)
      if (value === undefined || value === null || value === '') continue
      this.#taken.add(key)
      return value
    }
    return undefined
  }

  has(key: string): boolean {
    return this.#peek(key) !== undefined
  }

  /** Numbers and booleans become texts; objects are left for `extra`. */
  text(...keys: string[]): string | undefined {
    for (const key of keys) {
      const text = asText(this.#peek(key))
      if (text === undefined || text === '') continue
      this.#taken.add(key)
      return text
    }
    return undefined
  }

  /** The fields of an object; what nobody takes of them is left over in this one's rest. */
  object(key: string): Fields {
    const known = this.#inner.get(key)
    if (known !== undefined) return known
    const inner = new Fields(this.#peek(key))
    if (isPlainObject(this.#peek(key))) {
      this.#taken.add(key)
      this.#inner.set(key, inner)
    }
    return inner
  }

  list(key: string): unknown[] | undefined {
    const value = this.#peek(key)
    if (!Array.isArray(value)) return undefined
    this.#taken.add(key)
    return value
  }

  /** A number from a number or its text; what is neither is handed on, for the validator to refuse. */
  number(...keys: string[]): unknown {
    const value = this.take(...keys)
    const text = decimalText(value)
    return text === undefined || text === '' || Number.isNaN(Number(text)) ? value : Number(text)
  }

  /** Minor units from the decimal text; NaN, which the validator refuses, for what is no amount. */
  money(scale: Scale, ...keys: string[]): number | undefined {
    const value = this.take(...keys)
    return value === undefined ? undefined : scale.minor(value)
  }

  /** What nobody took so far; with this it is taken. */
  rest(): RawObject {
    const rest: RawObject = {}
    for (const [key, value] of Object.entries(this.#source)) {
      // `__proto__` as a key would set a prototype instead of a field.
      if (this.#taken.has(key) || key === '__proto__') continue
      this.#taken.add(key)
      if (value !== null && value !== '') rest[key] = value
    }
    for (const [key, inner] of this.#inner) putObject(rest, key, inner.rest())
    return rest
  }

  #peek(key: string): unknown {
    return Object.hasOwn(this.#source, key) ? this.#source[key] : undefined
  }
}

/** The lines of a list; what is left of a line goes to `extra.items`, beside its product. */
export function readItems(
  draft: Draft,
  list: readonly unknown[],
  read: (fields: Fields) => RawObject,
): unknown[] {
  const leftovers: RawObject[] = []
  const items = list.map((element) => {
    if (!isPlainObject(element)) return element
    const fields = new Fields(element)
    const item = read(fields)
    const rest = fields.rest()
    if (Object.keys(rest).length > 0) leftovers.push({ productId: item['productId'], ...rest })
    return item
  })
  if (leftovers.length > 0) draft.extra['items'] = leftovers
  return items
}

/** The names of what must not be stored are kept: that it was there is not lost. */
export function noteDropped(draft: Draft, names: readonly string[]): void {
  if (names.length === 0) return
  const before = Array.isArray(draft.extra['dropped']) ? (draft.extra['dropped'] as string[]) : []
  draft.extra['dropped'] = [...before, ...names]
}

export function asText(value: unknown): string | undefined {
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? value : decimalText(value)
}

/** Reads amounts of one currency and remembers on the draft when digits were lost. */
export class Scale {
  readonly #digits: number
  readonly #draft: Draft

  constructor(draft: Draft, currency: string | undefined, context: MapContext) {
    this.#draft = draft
    const code = currency ?? context.defaultCurrency
    this.#digits = currencyDigits(code) ?? 2
  }

  minor(value: unknown): number {
    const text = decimalText(value)
    const amount = text === undefined ? undefined : minorUnits(text, this.#digits)
    if (amount?.rounded) this.#draft.flags.add('rounded')
    return amount?.minor ?? Number.NaN
  }
}
