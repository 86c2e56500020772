// What Google's own reader of protobuf finds in the messages, and any reader of JSON in the lines, is what the page held.

import protobuf from 'protobufjs'
import 'protobufjs/ext/descriptor/index.js'
import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { storedColumns, structFields, tableNames } from '#stack/contract/tables.ts'
import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import { canonicalJson } from './canonical-json.ts'
import { descriptorOf, RowEncoder } from './row-encoding.ts'
import { RowLines } from './row-lines.ts'
import { pageOf } from './testing.ts'

/** By the descriptor that is sent along. */
function read(name: TableName, bytes: Uint8Array): Record<string, unknown> {
  const fromDescriptor = (protobuf.Type as unknown as { fromDescriptor(d: object): protobuf.Type })
    .fromDescriptor
  const type = fromDescriptor(descriptorOf(name))
  const root = new protobuf.Root()
  root.add(type)
  return type.toObject(type.decode(bytes), { longs: String })
}

const random = new Random('rows')
const texts = [
  '',
  'EUR',
  'é😀',
  'x'.repeat(200),
  'tab\tline\n "quoted" \\ \u2028',
  'y'.repeat(70_000),
]
const integers = [0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 35 + 1, -1, -(2 ** 40)].map(BigInt)
const large = [2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]
const struct = {
  currency: 'EUR',
  valueMinor: -5,
  productId: 'P',
  quantity: 300,
  name: 'é',
  brand: null,
}
/** As history tells them: all members, in their order. */
function elements(type: keyof typeof structFields): unknown[] {
  return Array.from({ length: 1 + random.int(3) }, () =>
    Object.fromEntries(
      Object.entries(structFields[type]).map(([name, of]) => {
        const value =
          of === 'integer' ? Number(random.pick(integers)) : random.pick(texts.slice(0, 5))
        return [name, random.chance(0.3) ? null : value]
      }),
    ),
  )
}

const valueOf: Record<ColumnType, () => unknown> = {
  string: () => random.pick(texts),
  integer: () => random.pick([...integers, ...large]),
  boolean: () => random.chance(0.5),
  timestamp: () => BigInt(random.int(2 ** 31)) * 1_000_000n + BigInt(random.int(1_000_000)),
  json: () => random.pick([{ b: [1, { d: null, c: 'x' }], a: 1.5 }, {}, [], 'text', 12, '']),
  strings: () => random.pick([[], [random.pick(texts), 'b']]),
  items: () => random.pick([[], [struct, { productId: 'Q' }], elements('items')]),
  lines: () => random.pick([[struct], elements('lines')]),
  amounts: () => random.pick([[struct], elements('amounts')]),
}

describe.each(tableNames)('rows of %s', (name) => {
  const columns = storedColumns(name, 'log')
  const rowWith = (value: (type: ColumnType) => unknown) =>
    Object.fromEntries(columns.map(([column, { type }]) => [column, value(type)]))
  const rows = Array.from({ length: 70 }, () =>
    rowWith((type) => (random.chance(0.3) ? null : valueOf[type]())),
  )
  const page = pageOf(name, rows)
  const encoder = new RowEncoder(name)
  const lines = new RowLines(name)
  const stamp = { batch: '1-"5"', nowMs: Date.parse('2026-03-01T00:02:00.007Z') }

  test('are read as they were from messages, whatever their values', () => {
    const bytes = encoder.stamp(stamp)
    rows.forEach((row, i) => {
      const { _bridge_batch, _ingested_at, ...found } = read(name, encoder.encode(page, i, bytes))
      expect([_bridge_batch, _ingested_at]).toEqual([stamp.batch, `${stamp.nowMs}000`])
      for (const [column, { type }] of columns) {
        const value = found[column] ?? null
        expect([i, column, cellIn(type, value)]).toEqual([i, column, inMessage(type, row[column])])
      }
    })
  })

  test('are read as they were from lines, whatever their values', () => {
    rows.forEach((row, i) => {
      const line = lines.encode(page, i, RowLines.stamp(stamp)).toString()
      const held = columns.flatMap(([column, { type }]) => {
        const value = row[column] ?? null
        return value === null ? [] : [`${JSON.stringify(column)}:${inLine(type, value)}`]
      })
      const added = `"_bridge_batch":"1-\\"5\\"","_ingested_at":"2026-03-01T00:02:00.007Z"`
      expect(line).toBe(`{${[...held, added].join(',')}}\n`)
    })
  })

  test('give the same bytes each time, in any order of JSON members', () => {
    const row = rowWith((type) => (type === 'json' ? { a: 1, b: { d: 2, c: 3 } } : valueOf[type]()))
    const again = rowWith(() => null)
    Object.assign(again, row)
    for (const [column, { type }] of columns) {
      if (type === 'json') again[column] = { b: { c: 3, d: 2 }, a: 1 }
    }
    const pages = [pageOf(name, [row]), pageOf(name, [again])] as const
    const [message, other] = pages.map((each) => encoder.encode(each, 0))
    expect(other?.equals(message as Buffer)).toBe(true)
    const [line, otherLine] = pages.map((each) => lines.text(each, 0))
    expect(otherLine).toBe(line)
  })

  test('in which everything is null are empty messages', () => {
    expect(encoder.encode(pageOf(name, [rowWith(() => null)]), 0).length).toBe(0)
  })
})

test('a text that is no JSON is refused in a column of JSON, and its neighbour is none the worse', () => {
  const row = { event_id: 'e', data: { a: 1 } }
  const page = pageOf('events', [row, row])
  page.bytes[page.bytes.length - 1] = 0x61
  const encoder = new RowEncoder('events')
  const expected = Buffer.from(encoder.encode(page, 0))
  expect(() => encoder.encode(page, 1)).toThrow('JSON')
  expect(encoder.encode(page, 0).equals(expected)).toBe(true)
  expect(new RowLines('events').text(page, 1)).toBe('e{"a":1a')
})

/** BigQuery knows no null array, and protobuf no empty one. */
function inMessage(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return String(value)
  if (type === 'json') return canonicalJson(value)
  return Array.isArray(value) && value.length === 0 ? null : cellIn(type, value)
}

/** Of elements the members that BigQuery has, where they have a value. */
function cellIn(type: ColumnType, value: unknown): unknown {
  if (!(type in structFields) || value === null) return value
  const names = Object.keys(structFields[type as keyof typeof structFields])
  return (value as Record<string, string | number | null>[]).map((element) =>
    Object.fromEntries(
      names.flatMap((name) => (element[name] == null ? [] : [[name, String(element[name])]])),
    ),
  )
}

function inLine(type: ColumnType, value: unknown): string {
  if (type === 'json') return canonicalJson(value)
  if (typeof value !== 'bigint') return JSON.stringify(value)
  if (type === 'integer') return String(value)
  const [ms, micros] = [Number(value / 1000n), value % 1000n]
  const text = new Date(ms).toISOString()
  return `"${micros === 0n ? text : text.replace('Z', `${String(micros).padStart(3, '0')}Z`)}"`
}
