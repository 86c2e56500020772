// Rows of Storage Write: protobuf messages by a descriptor that comes with the request.

import { DuckDBListValue, DuckDBStructValue, DuckDBTimestampTZValue } from '@duckdb/node-api'
import type { DuckDBValue } from '@duckdb/node-api'
import protobuf from 'protobufjs/minimal.js'
import type { Field } from './schema.ts'
import { BadValue, decodeOne, isoMicros } from './values.ts'

export interface ProtoDescriptor {
  name: string
  field: { name: string; number: number; label: number; type: number; typeName: string }[]
  nestedType: ProtoDescriptor[]
}

const repeatedLabel = 3

/** Fields of the messages that the table has not. */
export function extraFields(descriptor: ProtoDescriptor, fields: readonly Field[]): string[] {
  const names = new Set(fields.map(({ name }) => name.toLowerCase()))
  return descriptor.field.map(({ name }) => name).filter((name) => !names.has(name.toLowerCase()))
}

export type RowReader = (bytes: Uint8Array) => DuckDBValue[]

/** Reads values one after another from where the reader stands. */
type Take = (reader: protobuf.Reader) => DuckDBValue

interface Slot {
  /** Which of the row's values. */
  at: number
  type: number
  isRepeated: boolean
  take: Take
}

/** Made once for a descriptor, since each row is read by it: values for DuckDB, in the order of the fields. */
export function rowReader(
  descriptor: ProtoDescriptor,
  fields: readonly Field[],
  path = '',
): RowReader {
  const slots: (Slot | undefined)[] = []
  for (const own of descriptor.field) {
    const at = fields.findIndex(({ name }) => name.toLowerCase() === own.name.toLowerCase())
    const field = fields[at]
    if (!field) continue
    const where = path === '' ? field.name : `${path}.${field.name}`
    const isRepeated = own.label === repeatedLabel
    slots[own.number] = {
      at,
      type: own.type,
      isRepeated,
      take: takeOf(own, field, where, descriptor),
    }
  }
  const absent = fields.map((field) => absentOf(field, path))
  return (bytes) => {
    const reader = protobuf.Reader.create(bytes)
    const row = Array<DuckDBValue | undefined>(fields.length)
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      const slot = slots[tag >>> 3]
      if (slot) readInto(row, reader, slot, tag & 7)
      else reader.skipType(tag & 7)
    }
    return absent.map((valueOf, i) => row[i] ?? valueOf())
  }
}

function readInto(
  row: (DuckDBValue | undefined)[],
  reader: protobuf.Reader,
  { at, type, isRepeated, take }: Slot,
  wireType: number,
): void {
  if (!isRepeated) {
    row[at] = take(reader)
    return
  }
  const list = (row[at] ??= new DuckDBListValue([])) as DuckDBListValue
  const items = list.items as DuckDBValue[]
  const isPacked = wireType === 2 && !lengthDelimited.has(type)
  if (!isPacked) return void items.push(take(reader))
  const end = reader.uint32() + reader.pos
  while (reader.pos < end) items.push(take(reader))
}

function absentOf(field: Field, path: string): () => DuckDBValue {
  if (field.mode === 'REPEATED') return () => new DuckDBListValue([])
  if (field.mode !== 'REQUIRED') return () => null
  const where = path === '' ? field.name : `${path}.${field.name}`
  return () => {
    throw new BadValue(where, `Missing required field: ${where}.`)
  }
}

/** What rows are mostly made of is read as it is; the rest by way of its text, as from JSON. */
function takeOf(
  own: ProtoDescriptor['field'][number],
  field: Field,
  where: string,
  descriptor: ProtoDescriptor,
): Take {
  const { type } = own
  if (field.type === 'STRING' && type === 9) return (reader) => reader.string()
  if (field.type === 'INTEGER' && type === 3) return int64
  if (field.type === 'BOOLEAN' && type === 8) return (reader) => reader.bool()
  if (field.type === 'TIMESTAMP' && type === 3) {
    return (reader) => new DuckDBTimestampTZValue(int64(reader))
  }
  if (field.type === 'RECORD' && type === 11)
    return structTake(own.typeName, field, where, descriptor)
  return (reader) => decodeOne(plain(readValue(reader, type), type, field), field, where)
}

function structTake(
  typeName: string,
  field: Field,
  where: string,
  descriptor: ProtoDescriptor,
): Take {
  const name = typeName.split('.').at(-1)
  const nested = descriptor.nestedType.find((each) => each.name === name)
  const fields = field.fields ?? []
  const read = rowReader(
    {
      name: '',
      field: nested?.field ?? [],
      nestedType: [...(nested?.nestedType ?? []), ...descriptor.nestedType],
    },
    fields,
    where,
  )
  return (reader) => {
    const values = read(reader.bytes())
    return new DuckDBStructValue(
      Object.fromEntries(fields.map((each, i) => [each.name, values[i] as DuckDBValue])),
    )
  }
}

/** A varint of up to 64 bits. Up to 2^53, as most numbers and all times are, it fits into a number. */
function int64(reader: protobuf.Reader): bigint {
  const start = reader.pos
  let value = 0
  let scale = 1
  for (let i = 0; i < 8; i++) {
    const byte = reader.buf[start + i] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      if (value > Number.MAX_SAFE_INTEGER) break
      reader.pos = start + i + 1
      return BigInt(value)
    }
    scale *= 128
  }
  return BigInt(wide(reader.int64()))
}

/** string, message, bytes. */
const lengthDelimited = new Set([9, 11, 12])

/** Numbers of 64 bits come as objects that print themselves. */
const wide = (value: { toString(radix: number): string }): string => value.toString(10)

/** By the numbers of FieldDescriptorProto.Type. */
function readValue(reader: protobuf.Reader, type: number): unknown {
  switch (type) {
    case 1:
      return reader.double()
    case 2:
      return reader.float()
    case 3:
      return wide(reader.int64())
    case 4:
      return wide(reader.uint64())
    case 5:
      return reader.int32()
    case 6:
      return wide(reader.fixed64())
    case 7:
      return reader.fixed32()
    case 8:
      return reader.bool()
    case 9:
      return reader.string()
    case 12:
      return Buffer.from(reader.bytes()).toString('base64')
    case 13:
    case 14:
      return reader.uint32()
    case 15:
      return reader.sfixed32()
    case 16:
      return wide(reader.sfixed64())
    case 17:
      return reader.sint32()
    case 18:
      return wide(reader.sint64())
    default:
      throw new Error(`a field of protobuf type ${type} is not supported`)
  }
}

/** Days and micros as texts of dates and times; not-a-number as it is written. */
function plain(value: unknown, type: number, field: Field): unknown {
  if (field.type === 'DATE' && type !== 9)
    return isoMicros(BigInt(value as number | string) * 86_400_000_000n).slice(0, 10)
  if (field.type === 'TIMESTAMP' && type !== 9)
    return `${isoMicros(BigInt(value as number | string))}Z`
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value
}
