// Structs of the message table: named fields, each with the versions it exists in. In flexible versions (KIP-482) every
// struct ends with tagged fields, which are optional and may be unknown.

import type { Reader } from './reader.ts'
import type { FieldType, Shape, Version } from './types.ts'
import { Writer } from './writer.ts'

interface Placed<T> extends FieldType<T> {
  from: number
  to: number
  /** Tagged fields have a number; only flexible versions carry them. */
  tag?: number
}

/** One field of a struct, as data. */
export interface StructField {
  name: string
  shape: Shape
  from: number
  to: number
  tag: number | undefined
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
    shape: {
      kind: 'struct',
      nullable: false,
      fields: all.map(({ name, type, from, to, tag }) => ({
        name,
        shape: type.shape,
        from,
        to,
        tag,
      })),
    },
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

/** A struct that may be missing: int8 -1, or 1 and the struct. */
export function nullableStruct<T>(inner: FieldType<T>): FieldType<T | null> {
  return {
    minBytes: 1,
    absent: null,
    shape: { ...inner.shape, nullable: true },
    read: (reader, version) => (reader.int8() < 0 ? null : inner.read(reader, version)),
    write(writer, value, version) {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) inner.write(writer, value, version)
    },
  }
}
