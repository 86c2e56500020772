// Fields of protobuf messages on their way into DuckDB's columns. What rows are mostly made of, texts, whole numbers,
// truths and lists of texts or of flat records, goes in as it lies in the message; every other type by way of DuckDB's own
// values. https://protobuf.dev/programming-guides/encoding/

import { DuckDBListValue, DuckDBStructValue } from '@duckdb/node-api'
import type { DuckDBValue } from '@duckdb/node-api'
import protobuf from 'protobufjs/minimal.js'
import { Int64Column, ListColumn, TextColumn, TruthColumn } from '../duckdb/vectors.ts'
import type { Arena, Column } from '../duckdb/vectors.ts'
import type { Field } from './schema.ts'
import { BadValue, decodeOne, isoMicros } from './values.ts'

export interface ProtoDescriptor {
  name: string
  field: { name: string; number: number; label: number; type: number; typeName: string }[]
  nestedType: ProtoDescriptor[]
}

type OwnField = ProtoDescriptor['field'][number]

/** FieldDescriptorProto.Type and .Label, as far as they are named here. */
const types = { int64: 3, bool: 8, string: 9, message: 11, bytes: 12 } as const
const delimitedTypes: ReadonlySet<number> = new Set([types.string, types.message, types.bytes])
const repeatedLabel = 3
const lengthDelimited = 2

interface MessageOptions {
  arena: Arena
  /** The field that it is a value of. */
  where?: string
  /** Unless told, a column where there can be one. */
  cellOf?: (place: Place) => Cell
}

/** The fields of one message, each on its way into its column: a cell of each for every message that is read. */
export class Message {
  readonly cells: readonly Cell[]
  readonly #byNumber: (Cell | undefined)[] = []

  constructor(descriptor: ProtoDescriptor, fields: readonly Field[], options: MessageOptions) {
    const { arena, where: path = '', cellOf: make = cellOf } = options
    this.cells = fields.map((field) => {
      const name = field.name.toLowerCase()
      const own = descriptor.field.find((each) => each.name.toLowerCase() === name)
      const where = path === '' ? field.name : `${path}.${field.name}`
      const cell = make({ own, field, where, descriptor, arena })
      if (own) this.#byNumber[own.number] = cell
      return cell
    })
  }

  read(bytes: Uint8Array): void {
    const reader = protobuf.Reader.create(bytes)
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      const cell = this.#byNumber[tag >>> 3]
      if (cell) cell.take(reader, tag & 7)
      else reader.skipType(tag & 7)
    }
    for (const cell of this.cells) cell.end()
  }

  clear(): void {
    for (const cell of this.cells) cell.clear()
  }
}

/** One field of a message. */
interface Cell {
  readonly column: Column | undefined
  /** Where there is no column. */
  readonly values?: DuckDBValue[]
  /** A value of it; of one that is not repeated the last counts. */
  take(reader: protobuf.Reader, wireType: number): void
  /** The message is over. */
  end(): void
  clear(): void
}

interface Place {
  /** None where the client does not know the field. */
  own: OwnField | undefined
  field: Field
  where: string
  descriptor: ProtoDescriptor
  arena: Arena
}

function cellOf(place: Place): Cell {
  const { own, field, arena } = place
  const isList = field.mode === 'REPEATED'
  if (own && isList !== (own.label === repeatedLabel)) return new ValueCell(place)
  if (isList) {
    if (isOf(place, 'STRING', types.string)) return new TextListCell(place)
    const { type } = field
    const nested = type === 'RECORD' ? nestedOf(place) : undefined
    const message = nested && new Message(nested, field.fields ?? [], { arena, where: place.where })
    const isFlat = message?.cells.every(({ column }) => column !== undefined)
    return message && isFlat ? new MessageListCell(message, field) : new ValueCell(place)
  }
  if (isOf(place, 'STRING', types.string) || isOf(place, 'JSON', types.string)) {
    return new TextCell(place)
  }
  if (isOf(place, 'INTEGER', types.int64) || isOf(place, 'TIMESTAMP', types.int64)) {
    return new IntegerCell(place)
  }
  return isOf(place, 'BOOLEAN', types.bool) ? new TruthCell(place) : new ValueCell(place)
}

function isOf({ own, field }: Place, type: string, protoType: number): boolean {
  return field.type === type && (own === undefined || own.type === protoType)
}

function nestedOf({ own, descriptor }: Place): ProtoDescriptor {
  const name = own?.typeName.split('.').at(-1)
  const nested = descriptor.nestedType.find((each) => each.name === name)
  return {
    name: '',
    field: nested?.field ?? [],
    nestedType: [...(nested?.nestedType ?? []), ...descriptor.nestedType],
  }
}

function checkPresence({ field, where }: Place): void {
  if (field.mode === 'REQUIRED') {
    throw new BadValue(where, `Missing required field: ${where}.`)
  }
}

/** Where bytes lie in their message. */
interface Span {
  start: number
  length: number
}

const noSpan: Span = { start: 0, length: 0 }

/** What has its length before it, where the reader stands; it stands behind it then. */
function span(reader: protobuf.Reader): Span {
  const length = reader.uint32()
  const start = reader.pos
  if (length > reader.len - start) throw new RangeError('a field ends behind its message')
  reader.pos = start + length
  return { start, length }
}

function checkWireType(wireType: number, of: number, where: string): void {
  if (wireType !== of) throw new BadValue(where, `Invalid wire type ${wireType}. Field: ${where}`)
}

class TextCell implements Cell {
  readonly column: TextColumn
  readonly #place: Place
  #bytes: Uint8Array | undefined
  #span: Span = noSpan

  constructor(place: Place) {
    this.#place = place
    this.column = new TextColumn(place.arena)
  }

  take(reader: protobuf.Reader, wireType: number): void {
    checkWireType(wireType, lengthDelimited, this.#place.where)
    this.#span = span(reader)
    this.#bytes = reader.buf
  }

  end(): void {
    const bytes = this.#bytes
    if (bytes === undefined) {
      checkPresence(this.#place)
      this.column.pushNull()
      return
    }
    const { start, length } = this.#span
    if (this.#place.field.type === 'JSON') this.#checkJson(bytes)
    this.column.pushBytes(bytes, start, length)
    this.#bytes = undefined
  }

  #checkJson(bytes: Uint8Array): void {
    const { start, length } = this.#span
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString()
    decodeOne(text, this.#place.field, this.#place.where)
  }

  clear(): void {
    this.#bytes = undefined
    this.column.clear()
  }
}

/** INT64, and TIMESTAMP as micros. */
class IntegerCell implements Cell {
  readonly column = new Int64Column()
  readonly #place: Place
  #isThere = false
  #low = 0
  #high = 0

  constructor(place: Place) {
    this.#place = place
  }

  /** A varint of up to 64 bits, seven a byte, the lowest first. */
  take(reader: protobuf.Reader, wireType: number): void {
    checkWireType(wireType, 0, this.#place.where)
    let low = 0
    let high = 0
    for (let bits = 0; ; bits += 7) {
      if (reader.pos >= reader.len || bits > 63) throw new RangeError('a number has no end')
      const byte = reader.buf[reader.pos++] as number
      const seven = byte & 0x7f
      if (bits < 32) low |= seven << bits
      if (bits === 28) high |= seven >> 4
      if (bits > 32) high |= seven << (bits - 32)
      if (byte < 0x80) break
    }
    this.#low = low
    this.#high = high
    this.#isThere = true
  }

  end(): void {
    if (this.#isThere) this.column.pushWords(this.#low, this.#high)
    else {
      checkPresence(this.#place)
      this.column.pushNull()
    }
    this.#isThere = false
  }

  clear(): void {
    this.#isThere = false
    this.column.clear()
  }
}

class TruthCell implements Cell {
  readonly column = new TruthColumn()
  readonly #place: Place
  #value: boolean | null = null

  constructor(place: Place) {
    this.#place = place
  }

  take(reader: protobuf.Reader, wireType: number): void {
    checkWireType(wireType, 0, this.#place.where)
    this.#value = reader.bool()
  }

  end(): void {
    if (this.#value === null) checkPresence(this.#place)
    this.column.push(this.#value)
    this.#value = null
  }

  clear(): void {
    this.#value = null
    this.column.clear()
  }
}

class TextListCell implements Cell {
  readonly column: ListColumn
  readonly #texts: TextColumn
  readonly #place: Place
  #count = 0

  constructor(place: Place) {
    this.#place = place
    this.#texts = new TextColumn(place.arena)
    this.column = new ListColumn([this.#texts], undefined)
  }

  take(reader: protobuf.Reader, wireType: number): void {
    checkWireType(wireType, lengthDelimited, this.#place.where)
    const { start, length } = span(reader)
    this.#texts.pushBytes(reader.buf, start, length)
    this.#count++
  }

  end(): void {
    this.column.pushSize(this.#count)
    this.#count = 0
  }

  clear(): void {
    this.#count = 0
    this.column.clear()
  }
}

/** Of records whose fields all have columns. */
class MessageListCell implements Cell {
  readonly column: ListColumn
  readonly #message: Message
  #count = 0

  constructor(message: Message, { fields = [] }: Field) {
    this.#message = message
    this.column = new ListColumn(
      message.cells.map(({ column }) => column as Column),
      fields.map(({ name }) => name),
    )
  }

  take(reader: protobuf.Reader): void {
    const { start, length } = span(reader)
    this.#message.read(reader.buf.subarray(start, start + length))
    this.#count++
  }

  end(): void {
    this.column.pushSize(this.#count)
    this.#count = 0
  }

  clear(): void {
    this.#count = 0
    this.#message.clear()
    this.column.clear()
  }
}

/** Any other type: DuckDB's own value, by way of the value's text as from JSON. */
class ValueCell implements Cell {
  readonly column = undefined
  readonly values: DuckDBValue[] = []
  readonly #place: Place
  readonly #record: Message | undefined
  #value: DuckDBValue | undefined

  constructor(place: Place) {
    const { field, arena, where } = place
    this.#place = place
    const asValue = (each: Place): Cell => new ValueCell(each)
    if (field.type === 'RECORD') {
      this.#record = new Message(nestedOf(place), field.fields ?? [], {
        arena,
        where,
        cellOf: asValue,
      })
    }
  }

  take(reader: protobuf.Reader, wireType: number): void {
    const { own } = this.#place
    if (own?.label !== repeatedLabel) {
      this.#value = this.#one(reader)
      return
    }
    const list = (this.#value ??= new DuckDBListValue([])) as DuckDBListValue
    const items = list.items as DuckDBValue[]
    const isPacked = wireType === lengthDelimited && !delimitedTypes.has(own.type)
    if (!isPacked) return void items.push(this.#one(reader))
    const { start, length } = span(reader)
    const end = start + length
    reader.pos = start
    while (reader.pos < end) items.push(this.#one(reader))
  }

  #one(reader: protobuf.Reader): DuckDBValue {
    const { own, field, where } = this.#place
    const type = own?.type ?? 0
    if (this.#record === undefined || type !== types.message) {
      return decodeOne(plain(readValue(reader, type), type, field), field, where)
    }
    const { start, length } = span(reader)
    this.#record.read(reader.buf.subarray(start, start + length))
    const values = this.#record.cells.map(({ values }) => values?.pop() ?? null)
    const { fields = [] } = field
    return new DuckDBStructValue(
      Object.fromEntries(fields.map(({ name }, i) => [name, values[i] as DuckDBValue])),
    )
  }

  end(): void {
    this.values.push(this.#value ?? this.#absent())
    this.#value = undefined
  }

  #absent(): DuckDBValue {
    if (this.#place.field.mode === 'REPEATED') return new DuckDBListValue([])
    checkPresence(this.#place)
    return null
  }

  clear(): void {
    this.#value = undefined
    this.values.length = 0
    this.#record?.clear()
  }
}

/** Numbers of 64 bits come as objects that print themselves. */
const wide = (value: { toString(radix: number): string }): string => value.toString(10)

/** By the numbers of FieldDescriptorProto.Type. */
const reads: Readonly<Record<number, (reader: protobuf.Reader) => unknown>> = {
  1: (reader) => reader.double(),
  2: (reader) => reader.float(),
  3: (reader) => wide(reader.int64()),
  4: (reader) => wide(reader.uint64()),
  5: (reader) => reader.int32(),
  6: (reader) => wide(reader.fixed64()),
  7: (reader) => reader.fixed32(),
  8: (reader) => reader.bool(),
  9: (reader) => reader.string(),
  12: (reader) => Buffer.from(reader.bytes()).toString('base64'),
  13: (reader) => reader.uint32(),
  14: (reader) => reader.uint32(),
  15: (reader) => reader.sfixed32(),
  16: (reader) => wide(reader.sfixed64()),
  17: (reader) => reader.sint32(),
  18: (reader) => wide(reader.sint64()),
}

function readValue(reader: protobuf.Reader, type: number): unknown {
  const read = reads[type]
  if (!read) throw new Error(`a field of protobuf type ${type} is not supported`)
  return read(reader)
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
