import protobuf from 'protobufjs'
import 'protobufjs/ext/descriptor/index.js'
import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { tableNames } from '#stack/contract/tables.ts'
import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import { canonicalJson } from './canonical-json.ts'
import { logColumns } from './resources.ts'
import { descriptorOf, RowEncoder } from './row-encoding.ts'

/** Google's own reading of the bytes, by the descriptor that is sent along. */
function read(name: TableName, bytes: Uint8Array): Record<string, unknown> {
  const fromDescriptor = (protobuf.Type as unknown as { fromDescriptor(d: object): protobuf.Type })
    .fromDescriptor
  const type = fromDescriptor(descriptorOf(name))
  const root = new protobuf.Root()
  root.add(type)
  return type.toObject(type.decode(bytes), { longs: Number })
}

const random = new Random('rows')
const texts = ['', 'EUR', 'é😀', 'x'.repeat(200), 'tab\tline\n', 'y'.repeat(70_000)]
const integers = [0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 35 + 1, 2 ** 53 - 1, -1, -(2 ** 40)]
const struct = { currency: 'EUR', valueMinor: -5, productId: 'P', quantity: 300, name: 'é' }
const valueOf: Record<ColumnType, () => unknown> = {
  string: () => random.pick(texts),
  integer: () => random.pick(integers),
  boolean: () => random.chance(0.5),
  timestamp: () => new Date(random.int(2 ** 31) * 1000 + random.int(1000)).toISOString(),
  json: () => ({ b: [1, { d: null, c: 'x' }], a: 1.5 }),
  strings: () => [random.pick(texts), 'b'],
  items: () => [struct, { productId: 'Q' }],
  lines: () => [struct],
  amounts: () => [struct],
}

describe.each(tableNames)('rows of %s', (name) => {
  const encoder = new RowEncoder(name)
  const columns = logColumns(name)
  const rowWith = (value: (type: ColumnType) => unknown) =>
    Object.fromEntries(columns.map(([column, { type }]) => [column, value(type)]))

  test('are read as they were, whatever their values', () => {
    for (let i = 0; i < 50; i++) {
      const row = rowWith((type) => (random.chance(0.3) ? null : valueOf[type]()))
      const found = read(name, encoder.encode(row))
      for (const [column, { type }] of columns) {
        expect([column, known(type, found[column] ?? null)]).toEqual([
          column,
          expected(type, row[column]),
        ])
      }
    }
  })

  test('give the same bytes each time, in any order of JSON members', () => {
    const row = rowWith((type) => valueOf[type]())
    const once = Buffer.from(encoder.encode(row))
    const again = JSON.parse(JSON.stringify(row)) as Record<string, unknown>
    if ('data' in again) again['data'] = { a: 1.5, b: [1, { c: 'x', d: null }] }
    if ('extra' in again) again['extra'] = { a: 1.5, b: [1, { c: 'x', d: null }] }
    expect(encoder.encode(again).equals(once)).toBe(true)
  })

  test('in which everything is null are empty messages', () => {
    expect(encoder.encode(rowWith(() => null)).length).toBe(0)
  })
})

function expected(type: ColumnType, value: unknown): unknown {
  if (value === null) return null
  if (type === 'timestamp') return Date.parse(value as string) * 1000
  if (type === 'json') return canonicalJson(value)
  return known(type, value)
}

/** Of elements the members that every made-up one has. */
function known(type: ColumnType, value: unknown): unknown {
  const members = { items: ['productId', 'name', 'quantity'], lines: ['productId', 'quantity'] }
  const names = { ...members, amounts: ['currency', 'valueMinor'] }[type as 'items']
  if (names === undefined || value === null) return value
  return (value as object[]).map((element) =>
    Object.fromEntries(Object.entries(element).filter(([name]) => names.includes(name))),
  )
}
