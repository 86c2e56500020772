// Rows of Storage Write: protobuf messages by a descriptor that comes with the request, read into JSON that rows are
// decoded from like any other.

import protobuf from 'protobufjs/minimal.js'
import type { Field } from './schema.ts'
import { isoMicros } from './values.ts'

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

export function readRow(
  bytes: Uint8Array,
  descriptor: ProtoDescriptor,
  fields: readonly Field[],
): Record<string, unknown> {
  const reader = protobuf.Reader.create(bytes)
  const row: Record<string, unknown> = {}
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const own = descriptor.field.find(({ number }) => number === tag >>> 3)
    const field = own && fields.find(({ name }) => name.toLowerCase() === own.name.toLowerCase())
    if (!own || !field) {
      reader.skipType(tag & 7)
      continue
    }
    const isPacked = (tag & 7) === 2 && !lengthDelimited.has(own.type)
    const end = isPacked ? reader.uint32() + reader.pos : 0
    const take = (): void => {
      const read = readValue(reader, own.type, () => inner(reader, descriptor, own.typeName, field))
      const value = plain(read, own.type, field)
      const before = (row[field.name] as unknown[] | undefined) ?? []
      row[field.name] = own.label === repeatedLabel ? [...before, value] : value
    }
    take()
    while (reader.pos < end) take()
  }
  return row
}

function inner(
  reader: protobuf.Reader,
  descriptor: ProtoDescriptor,
  typeName: string,
  field: Field,
): unknown {
  const name = typeName.split('.').at(-1)
  const nested = descriptor.nestedType.find((each) => each.name === name)
  const bytes = reader.bytes()
  return nested
    ? readRow(
        bytes,
        { ...nested, nestedType: [...nested.nestedType, ...descriptor.nestedType] },
        field.fields ?? [],
      )
    : {}
}

/** string, message, bytes. */
const lengthDelimited = new Set([9, 11, 12])

/** Numbers of 64 bits come as objects that print themselves. */
const wide = (value: { toString(radix: number): string }): string => value.toString(10)

/** By the numbers of FieldDescriptorProto.Type. */
function readValue(reader: protobuf.Reader, type: number, message: () => unknown): unknown {
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
    case 11:
      return message()
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
