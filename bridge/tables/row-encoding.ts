// Rows of history as rows of Storage Write: protobuf messages by a descriptor that is made from the same columns. A field's
// number is its column's place. The same row gives the same bytes, so that a batch that is sent again is the same batch.
// On the wire TIMESTAMP is int64 microseconds, JSON is text; what is null is not there.

import { isValue } from '#stack/contract/row-pages.ts'
import type { PageColumn, RowPage } from '#stack/contract/row-pages.ts'
import { shippedColumns, structFields } from '#stack/contract/tables.ts'
import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import { CanonicalBytes } from './canonical-bytes.ts'
import { ElementBytes, writeNumber } from './element-bytes.ts'
import type { ElementType } from './element-bytes.ts'
import { ProtoWriter } from './proto-writer.ts'
import { logColumns } from './resources.ts'

/** google.protobuf.DescriptorProto, as much of it as is used. */
export interface ProtoDescriptor {
  name: string
  field: { name: string; number: number; label: number; type: number; typeName?: string }[]
  nestedType: ProtoDescriptor[]
}

/** What the bridge adds to each row of a batch. */
export interface Stamp {
  batch: string
  nowMs: number
}

/** Most arrays are empty. */
const emptyArrayBytes = '[]'.length

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
  readonly #json = new CanonicalBytes()
  readonly #elements: Record<ElementType, ElementBytes> = {
    items: new ElementBytes('items'),
    lines: new ElementBytes('lines'),
    amounts: new ElementBytes('amounts'),
  }
  readonly #stored: number

  constructor(name: TableName) {
    this.#stored = logColumns(name).length - Object.keys(shippedColumns).length
  }

  /** Behind each row of the batch. */
  stamp({ batch, nowMs }: Stamp): Buffer {
    this.#writer.text(this.#stored + 1, batch)
    writeNumber(this.#writer, this.#stored + 2, nowMs * 1000)
    return this.#writer.take()
  }

  /** Throws for a value that is not of its column's type; the next row is none the worse. */
  encode(page: RowPage, row: number, stamp?: Buffer): Buffer {
    try {
      this.#write(page, row)
      if (stamp) this.#writer.copy(stamp)
    } catch (error) {
      this.#writer.take()
      throw error
    }
    return this.#writer.take()
  }

  #write({ columns, bytes, textStarts }: RowPage, row: number): void {
    const writer = this.#writer
    let from = textStarts[row] as number
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i] as PageColumn
      if (!isValue(column, row)) continue
      switch (column.shape) {
        case 'number':
          writer.integer(
            i + 1,
            column.words[2 * row] as number,
            column.words[2 * row + 1] as number,
          )
          break
        case 'truth':
          writer.integer(i + 1, column.truths[row] as number, 0)
          break
        case 'text': {
          const length = column.lengths[row] as number
          if (column.type === 'string') writer.bytes(i + 1, bytes, from, length)
          else if (column.type === 'json') {
            this.#json.read(bytes, from, from + length)
            writer.bytes(i + 1, this.#json.bytes, 0, this.#json.length)
          } else if (length > emptyArrayBytes) {
            this.#array(i + 1, column.type, bytes.subarray(from, from + length))
          }
          from += length
        }
      }
    }
  }

  #array(field: number, type: ColumnType, json: Buffer): void {
    if (type === 'strings') {
      for (const text of JSON.parse(json.toString()) as string[]) this.#writer.text(field, text)
      return
    }
    this.#writer.copy(this.#elements[type as ElementType].read(field, json))
  }
}
