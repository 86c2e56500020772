// Field types of the message table. A type reads and writes one value for one version; a struct lists its fields with
// the versions they exist in. In flexible versions (KIP-482) strings, bytes and arrays have compact lengths and
// every struct ends with tagged fields. The TypeScript type of a message is inferred from its description.

import { MalformedError } from './reader.ts'
import type { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** What a description needs to know of the call: its version, and whether that is a flexible one. */
export interface Version {
  number: number
  flexible: boolean
}

export interface FieldType<T> {
  read(reader: Reader, version: Version): T
  write(writer: Writer, value: T, version: Version): void
  /** The least bytes that a value takes: bounds array counts before anything is allocated. */
  minBytes: number
  /** What a reader finds where the version has no such field. */
  absent: T
}

export type Infer<F> = F extends FieldType<infer T> ? T : never

const primitive = <T>(
  minBytes: number,
  absent: T,
  read: (reader: Reader) => T,
  write: (writer: Writer, value: T) => void,
): FieldType<T> => ({ read, write, minBytes, absent })

export const int8 = primitive<number>(
  1,
  0,
  (r) => r.int8(),
  (w, v) => w.int8(v),
)
export const int16 = primitive<number>(
  2,
  0,
  (r) => r.int16(),
  (w, v) => w.int16(v),
)
export const uint16 = primitive<number>(
  2,
  0,
  (r) => r.uint16(),
  (w, v) => w.uint16(v),
)
export const int32 = primitive<number>(
  4,
  0,
  (r) => r.int32(),
  (w, v) => w.int32(v),
)
export const int64 = primitive<number>(
  8,
  0,
  (r) => r.int64(),
  (w, v) => w.int64(v),
)
export const float64 = primitive<number>(
  8,
  0,
  (r) => r.float64(),
  (w, v) => w.float64(v),
)
export const boolean = primitive<boolean>(
  1,
  false,
  (r) => r.boolean(),
  (w, v) => w.boolean(v),
)
export const zeroUuid = '00000000-0000-0000-0000-000000000000'
export const uuid = primitive<string>(
  16,
  zeroUuid,
  (r) => r.uuid(),
  (w, v) => w.uuid(v),
)

/** "Not asked for": what Kafka tells of authorized operations where nobody wants to know. */
export const noOperations = -2147483648

export const nullableString: FieldType<string | null> = {
  minBytes: 1,
  absent: null,
  read(reader, { flexible }) {
    const length = flexible ? reader.uvarint() - 1 : reader.int16()
    return length < 0 ? null : reader.text(length)
  },
  write(writer, value, { flexible }) {
    if (value === null) {
      if (flexible) writer.uvarint(0)
      else writer.int16(-1)
      return
    }
    const length = Buffer.byteLength(value)
    if (flexible) writer.uvarint(length + 1)
    else writer.int16(length)
    writer.text(value, length)
  },
}

export const string: FieldType<string> = {
  minBytes: 1,
  absent: '',
  read(reader, version) {
    const value = nullableString.read(reader, version)
    if (value === null) throw new MalformedError('a null string')
    return value
  },
  write: (writer, value, version) => nullableString.write(writer, value, version),
}

/** A slice of the frame: copy it before keeping it. */
export const nullableBytes: FieldType<Buffer | null> = {
  minBytes: 1,
  absent: null,
  read(reader, { flexible }) {
    const length = flexible ? reader.uvarint() - 1 : reader.int32()
    return length < 0 ? null : reader.bytes(length)
  },
  write(writer, value, { flexible }) {
    const length = value === null ? -1 : value.length
    if (flexible) writer.uvarint(length + 1)
    else writer.int32(length)
    if (value !== null) writer.raw(value)
  },
}

export const bytes: FieldType<Buffer> = {
  minBytes: 1,
  absent: Buffer.alloc(0),
  read(reader, version) {
    const value = nullableBytes.read(reader, version)
    if (value === null) throw new MalformedError('null bytes')
    return value
  },
  write: (writer, value, version) => nullableBytes.write(writer, value, version),
}

/** Fetched records: slices of the log that are written without being copied. An empty set has length 0, never -1. */
export const recordSlices: FieldType<Buffer[]> = {
  minBytes: 1,
  absent: [],
  read: (reader, version) => {
    const value = nullableBytes.read(reader, version)
    return value === null || value.length === 0 ? [] : [value]
  },
  write(writer, value, { flexible }) {
    let length = 0
    for (const slice of value) length += slice.length
    if (flexible) writer.uvarint(length + 1)
    else writer.int32(length)
    writer.slices(value)
  },
}

export function nullableArray<T>(element: FieldType<T>): FieldType<T[] | null> {
  return {
    minBytes: 1,
    absent: null,
    read(reader, version) {
      const count = version.flexible ? reader.uvarint() - 1 : reader.int32()
      if (count < 0) return null
      if (count * element.minBytes > reader.remaining) {
        throw new MalformedError(`an array of ${count} in ${reader.remaining} bytes`)
      }
      const values: T[] = []
      for (let i = 0; i < count; i++) values.push(element.read(reader, version))
      return values
    },
    write(writer, value, version) {
      const count = value === null ? -1 : value.length
      if (version.flexible) writer.uvarint(count + 1)
      else writer.int32(count)
      if (value !== null) for (const each of value) element.write(writer, each, version)
    },
  }
}

export function array<T>(element: FieldType<T>): FieldType<T[]> {
  const nullable = nullableArray(element)
  return {
    minBytes: 1,
    absent: [],
    // A null array where none is allowed is read as empty: old clients send it, Kafka's own reader is as lenient.
    read: (reader, version) => nullable.read(reader, version) ?? [],
    write: (writer, value, version) => nullable.write(writer, value, version),
  }
}

interface Placed<T> extends FieldType<T> {
  from: number
  to: number
  /** Tagged fields have a number; only flexible versions carry them. */
  tag?: number
}

/** A field that exists from a version on; `absent` is what older versions mean. */
export function since<T>(from: number, type: FieldType<T>, absent: T = type.absent): Placed<T> {
  return { ...type, from, to: Infinity, absent }
}

export function between<T>(
  from: number,
  to: number,
  type: FieldType<T>,
  absent: T = type.absent,
): Placed<T> {
  return { ...type, from, to, absent }
}

/** Left out of the message where it is undefined. */
export function tagged<T>(tag: number, from: number, type: FieldType<T>): Placed<T | undefined> {
  const inner = type as FieldType<T | undefined>
  return { ...inner, from, to: Infinity, absent: undefined, tag }
}

type Fields = Record<string, FieldType<unknown> | Placed<unknown>>
// Variance: a field's own T is what the struct's property has, whichever of the two shapes it came in.
export type StructOf<F> = { [K in keyof F]: F[K] extends FieldType<infer T> ? T : never }

// eslint-disable-next-line typescript/no-explicit-any
export function struct<const F extends Record<string, FieldType<any>>>(
  fields: F,
): FieldType<StructOf<F>> {
  const all = Object.entries(fields as Fields).map(([name, type]) => ({
    name,
    type,
    ...placeOf(type),
  }))
  const plans = new Map<number, typeof all>()
  const planOf = (version: number) => {
    let plan = plans.get(version)
    if (!plan) {
      plan = all.filter(
        (field) => field.tag === undefined && version >= field.from && version <= field.to,
      )
      plans.set(version, plan)
    }
    return plan
  }
  const tags = all.filter((field) => field.tag !== undefined)
  const blank = Object.fromEntries(all.map(({ name, type }) => [name, type.absent]))

  return {
    minBytes: Math.max(
      1,
      all
        .filter((f) => f.from === 0 && f.tag === undefined)
        .reduce((n, f) => n + f.type.minBytes, 0),
    ),
    absent: blank as StructOf<F>,
    read(reader, version) {
      const value: Record<string, unknown> = { ...blank }
      for (const { name, type } of planOf(version.number)) value[name] = type.read(reader, version)
      if (version.flexible) readTagged(reader, version, tags, value)
      return value as StructOf<F>
    },
    write(writer, value, version) {
      const record = value as Record<string, unknown>
      for (const { name, type } of planOf(version.number)) {
        const field = record[name]
        type.write(writer, field === undefined ? type.absent : field, version)
      }
      if (version.flexible) writeTagged(writer, version, tags, record)
    },
  }
}

interface TaggedField {
  name: string
  type: FieldType<unknown>
  tag: number | undefined
  from: number
}

function placeOf(type: FieldType<unknown> | Placed<unknown>): {
  from: number
  to: number
  tag: number | undefined
} {
  return 'from' in type
    ? { from: type.from, to: type.to, tag: type.tag }
    : { from: 0, to: Infinity, tag: undefined }
}

function readTagged(
  reader: Reader,
  version: Version,
  tags: readonly TaggedField[],
  value: Record<string, unknown>,
): void {
  const count = reader.uvarint()
  for (let i = 0; i < count; i++) {
    const tag = reader.uvarint()
    const size = reader.uvarint()
    const end = reader.need(size) + size
    const field = tags.find((each) => each.tag === tag && version.number >= each.from)
    if (!field) continue
    reader.position = end - size
    value[field.name] = field.type.read(reader, version)
    reader.position = end
  }
}

function writeTagged(
  writer: Writer,
  version: Version,
  tags: readonly TaggedField[],
  value: Record<string, unknown>,
): void {
  const present = tags.filter(
    ({ name, from }) => version.number >= from && value[name] !== undefined,
  )
  writer.uvarint(present.length)
  for (const { name, type, tag } of present) {
    const inner = new Writer(128)
    type.write(inner, value[name], version)
    writer.uvarint(tag as number)
    writer.uvarint(inner.length)
    for (const part of inner.buffers()) writer.raw(part)
  }
}
