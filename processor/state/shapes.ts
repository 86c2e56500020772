// What a state consists of, as tables of fields: plain data that state-writer.ts and state-reader.ts go by. A value is
// written as what it differs in from the one in the same place before it: a row of a list from the row before it, a time
// from the time that was told last.
//
//   number     the difference to the number before
//   time       the difference to the time told last, offset likewise
//   text       told once in a state, later by its number
//   id         what is never told twice: how many characters it shares with the id before, and the rest
//   oneOf      its place in a list of values
//   record     for each eight fields a byte with a bit for each that differs from the record before, then their values
//   maybe      a value whose own shape cannot say that it is absent
//   list       how many, then each after the one before it
//   tuple      its values
//
// Numbers, texts, ids, flags and oneOf may be absent or null.

export const kinds = {
  number: 0,
  time: 1,
  offset: 2,
  text: 3,
  id: 4,
  flag: 5,
  oneOf: 6,
  record: 7,
  maybe: 8,
  list: 9,
  tuple: 10,
} as const
type Kind = (typeof kinds)[keyof typeof kinds]

type Maybe<T> = T | null | undefined

/** One class for all kinds, so that reading and writing do not have to tell their objects apart. */
export class Shape<in out T> {
  /** Only for the compiler. */
  declare readonly valueType: (value: T) => T
  readonly kind: Kind
  /** Of a record its fields, of others what they are made of. */
  readonly parts: readonly Shape<unknown>[]
  /** Of oneOf: the values, and where each stands among them. */
  readonly values: readonly unknown[]
  readonly places: ReadonlyMap<unknown, number>
  readonly layout: Layout

  constructor(kind: Kind, parts: readonly unknown[] = [], rest: Partial<Rest> = {}) {
    this.kind = kind
    // What a part holds is known where it is written and read: by what holds it.
    this.parts = parts as Shape<unknown>[]
    this.values = rest.values ?? []
    this.places = new Map(this.values.map((value, place) => [value, place]))
    this.layout = rest.layout ?? noLayout
  }
}

interface Rest {
  values: readonly unknown[]
  layout: Layout
}

/** A record's values in the order of its fields, and back. */
export interface Layout {
  valuesOf(record: object): unknown[]
  recordOf(values: readonly unknown[]): object
  /** Every field absent. */
  readonly blank: readonly undefined[]
}

const noLayout: Layout = { valuesOf: () => [], recordOf: () => ({}), blank: [] }

export function number<T extends Maybe<number>>(): Shape<T> {
  return new Shape(kinds.number)
}

export function time<T extends Maybe<number>>(): Shape<T> {
  return new Shape(kinds.time)
}

export function offset<T extends Maybe<number>>(): Shape<T> {
  return new Shape(kinds.offset)
}

export function text<T extends Maybe<string>>(): Shape<T> {
  return new Shape(kinds.text)
}

export function id<T extends Maybe<string>>(): Shape<T> {
  return new Shape(kinds.id)
}

export function flag<T extends Maybe<boolean>>(): Shape<T> {
  return new Shape(kinds.flag)
}

/** New values go to the end of the list. */
export function oneOf<T extends Maybe<string>>(values: readonly (T & string)[]): Shape<T> {
  return new Shape(kinds.oneOf, [], { values })
}

/** A shape for each field, so that none is forgotten. Read back, its fields stand in this order. */
export function record<T extends object>(fields: {
  readonly [K in keyof T]-?: Shape<T[K]>
}): Shape<T> {
  return new Shape(kinds.record, Object.values(fields), { layout: layoutOf(Object.keys(fields)) })
}

export function optional<T>(part: Shape<T>): Shape<T | undefined> {
  return new Shape(kinds.maybe, [part])
}

export function nullable<T>(part: Shape<T>): Shape<T | null> {
  return new Shape(kinds.maybe, [part])
}

export function list<T>(part: Shape<T>): Shape<T[]> {
  return new Shape(kinds.list, [part])
}

export function tuple<T extends readonly unknown[]>(
  ...parts: { readonly [I in keyof T]: Shape<T[I]> }
): Shape<T> {
  return new Shape(kinds.tuple, parts)
}

/**
 * Fields that are read by names which stand in the code take a tenth of the time of names that are looked up, so this
 * code is made from the names: `return [record.offset, record.timeMs, …]`.
 */
function layoutOf(names: readonly string[]): Layout {
  const values = names.map((name) => `record.${name}`)
  const fields = names.map((name, i) => `${name}: values[${i}]`)
  // oxlint-disable typescript/no-implied-eval -- of names of fields that stand in the code, and nothing that was read
  return {
    valuesOf: new Function('record', `return [${values.join()}]`) as Layout['valuesOf'],
    recordOf: new Function('values', `return {${fields.join()}}`) as Layout['recordOf'],
    blank: names.map(() => undefined),
  }
  // oxlint-enable typescript/no-implied-eval
}
