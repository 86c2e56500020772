// Field types of the message table: primitives, strings, bytes and arrays; struct.ts puts them together. A type reads and
// writes one value for one version. In flexible versions (KIP-482) strings, bytes and arrays have compact lengths. The
// TypeScript type of a message is inferred from its description.

import { MalformedError } from './reader.ts'
import type { Reader } from './reader.ts'
import type { StructField } from './struct.ts'
import type { Writer } from './writer.ts'

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
  /** The description as data, for whatever goes through the table: tests, documents. */
  shape: Shape
}

export type PrimitiveKind =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'boolean'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

export type Shape =
  | { kind: PrimitiveKind; nullable: boolean }
  | { kind: 'array'; nullable: boolean; element: Shape }
  | { kind: 'struct'; nullable: boolean; fields: readonly StructField[] }

export type Infer<F> = F extends FieldType<infer T> ? T : never

const primitive = <T>(
  kind: PrimitiveKind,
  minBytes: number,
  absent: T,
  read: (reader: Reader) => T,
  write: (writer: Writer, value: T) => void,
): FieldType<T> => ({ read, write, minBytes, absent, shape: { kind, nullable: false } })

export const int8 = primitive<number>(
  'int8',
  1,
  0,
  (r) => r.int8(),
  (w, v) => w.int8(v),
)
export const int16 = primitive<number>(
  'int16',
  2,
  0,
  (r) => r.int16(),
  (w, v) => w.int16(v),
)
export const int32 = primitive<number>(
  'int32',
  4,
  0,
  (r) => r.int32(),
  (w, v) => w.int32(v),
)
export const int64 = primitive<number>(
  'int64',
  8,
  0,
  (r) => r.int64(),
  (w, v) => w.int64(v),
)
export const boolean = primitive<boolean>(
  'boolean',
  1,
  false,
  (r) => r.boolean(),
  (w, v) => w.boolean(v),
)
export const zeroUuid = '00000000-0000-0000-0000-000000000000'
export const uuid = primitive<string>(
  'uuid',
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
  shape: { kind: 'string', nullable: true },
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
  shape: { kind: 'string', nullable: false },
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
  shape: { kind: 'bytes', nullable: true },
  read(reader, { flexible }) {
    const length = flexible ? reader.uvarint() - 1 : reader.int32()
    return length < 0 ? null : reader.bytes(length)
  },
  write(writer, value, { flexible }) {
    const length = value === null ? -1 : value.length
    if (flexible) writer.uvarint(length + 1)
    else writer.int32(length)
    if (value !== null) writer.slices([value])
  },
}

export const bytes: FieldType<Buffer> = {
  minBytes: 1,
  absent: Buffer.alloc(0),
  shape: { kind: 'bytes', nullable: false },
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
  shape: { kind: 'records', nullable: false },
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
    shape: { kind: 'array', nullable: true, element: element.shape },
    read(reader, version) {
      const count = version.flexible ? reader.uvarint() - 1 : reader.int32()
      if (count < 0) return null
      if (count * element.minBytes > reader.remaining) {
        throw new MalformedError(`an array of ${count} in ${reader.remaining} bytes`)
      }
      reader.countElements(count)
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
    shape: { kind: 'array', nullable: false, element: element.shape },
    // A null array where none is allowed is read as empty: old clients send it, Kafka's own reader is as lenient.
    read: (reader, version) => nullable.read(reader, version) ?? [],
    write: (writer, value, version) => nullable.write(writer, value, version),
  }
}
