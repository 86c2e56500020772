// Rows of history as rows of Storage Write: protobuf messages by a descriptor that is made from the same columns. A field's
// number is its column's place. The same row gives the same bytes, so that a batch that is sent again is the same batch.
// On the wire TIMESTAMP is int64 microseconds, JSON is text; what is null is not there.

import { structFields } from '#stack/contract/tables.ts'
import type { Column, TableName } from '#stack/contract/tables.ts'
import { canonicalJson } from './canonical-json.ts'
import { ProtoWriter } from './proto-writer.ts'
import { logColumns } from './resources.ts'

/** google.protobuf.DescriptorProto, as much of it as is used. */
export interface ProtoDescriptor {
  name: string
  field: { name: string; number: number; label: number; type: number; typeName?: string }[]
  nestedType: ProtoDescriptor[]
}

/** A row as the read API sends it, with what the bridge adds. */
export type WireRow = Readonly<Record<string, unknown>>

const labels = { optional: 1, repeated: 3 } as const
const types = { int64: 3, bool: 8, string: 9, message: 11 } as const
const scalarTypes = {
  string: types.string,
  integer: types.int64,
  boolean: types.bool,
  timestamp: types.int64,
  json: types.string,
} as const

export function descriptorOf(name: TableName): ProtoDescriptor {
  const nestedType: ProtoDescriptor[] = []
  const field = logColumns(name).map(([column, { type }], i) => {
    const number = i + 1
    if (type === 'strings')
      return { name: column, number, label: labels.repeated, type: types.string }
    if (type === 'items' || type === 'lines' || type === 'amounts') {
      const typeName = `Of_${column}`
      nestedType.push(nestedDescriptor(typeName, type))
      return { name: column, number, label: labels.repeated, type: types.message, typeName }
    }
    return { name: column, number, label: labels.optional, type: scalarTypes[type] }
  })
  return { name: `Row_${name}`, field, nestedType }
}

function nestedDescriptor(name: string, type: keyof typeof structFields): ProtoDescriptor {
  const field = Object.entries(structFields[type]).map(([member, of], i) => ({
    name: member,
    number: i + 1,
    label: labels.optional,
    type: scalarTypes[of],
  }))
  return { name, field, nestedType: [] }
}

export class RowEncoder {
  readonly #writer = new ProtoWriter()
  readonly #columns: [name: string, write: (value: unknown) => void][]

  constructor(name: TableName) {
    this.#columns = logColumns(name).map(([column, { type }], i) => [
      column,
      writeOf(type, i + 1, this.#writer),
    ])
  }

  /** With what the bridge adds. Throws for a value that is not of its column's type; the next row is none the worse. */
  encode(row: WireRow, stamp: WireRow = {}): Buffer {
    try {
      for (const [column, write] of this.#columns) {
        const value = row[column] ?? stamp[column]
        if (value !== null && value !== undefined) write(value)
      }
    } catch (error) {
      this.#writer.take()
      throw error
    }
    return this.#writer.take()
  }
}

/** The read API says what is what: values are of their column's type. */
function writeOf(
  type: Column['type'],
  field: number,
  writer: ProtoWriter,
): (value: unknown) => void {
  switch (type) {
    case 'string':
      return (value) => writer.text(field, value as string)
    case 'integer':
      return (value) => writer.integer(field, value as number)
    case 'boolean':
      return (value) => writer.boolean(field, value as boolean)
    case 'timestamp':
      return (value) => writer.integer(field, Date.parse(value as string) * 1000)
    case 'json':
      return (value) => writer.text(field, canonicalJson(value))
    case 'strings':
      return (value) => {
        for (const text of value as string[]) writer.text(field, text)
      }
    case 'items':
    case 'lines':
    case 'amounts':
      return (value) => {
        for (const element of value as WireRow[]) {
          writer.message(field, (inner) => writeElement(inner, type, element))
        }
      }
  }
}

function writeElement(writer: ProtoWriter, type: keyof typeof structFields, element: WireRow) {
  Object.entries(structFields[type]).forEach(([member, of], i) => {
    const value = element[member]
    if (value === null || value === undefined) return
    if (of === 'integer') writer.integer(i + 1, value as number)
    else writer.text(i + 1, value as string)
  })
}
