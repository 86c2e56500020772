// Rows in protobuf's wire format come back from DuckDB as they were written, whatever way they take into its vectors.

import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection, Json } from '@duckdb/node-api'
import protobuf from 'protobufjs/minimal.js'
import { expect, test } from 'vitest'
import { BadRows, RowColumns } from './row-messages.ts'
import type { ProtoDescriptor } from './row-messages.ts'
import type { Field } from './schema.ts'
import { columnList } from './warehouse.ts'
import type { Table } from './warehouse.ts'

const of = (name: string, type: string, rest: Partial<Field> = {}): Field => ({
  name,
  type,
  mode: 'NULLABLE',
  ...rest,
})
const line = [of('sku', 'STRING'), of('count', 'INTEGER')]
const fields = [
  of('id', 'INTEGER', { mode: 'REQUIRED' }),
  of('text', 'STRING'),
  of('note', 'JSON'),
  of('at', 'TIMESTAMP'),
  of('is_new', 'BOOLEAN'),
  of('tags', 'STRING', { mode: 'REPEATED' }),
  of('lines', 'RECORD', { mode: 'REPEATED', fields: line }),
  of('one', 'RECORD', { fields: line }),
  of('numbers', 'INTEGER', { mode: 'REPEATED' }),
  of('day', 'DATE'),
  of('unknown_to_the_client', 'STRING'),
]
const [int64, int32, bool, string, message] = [3, 5, 8, 9, 11]
const own = (name: string, number: number, type = string, label = 1, typeName = '') => ({
  name,
  number,
  label,
  type,
  typeName,
})
const descriptor: ProtoDescriptor = {
  name: 'Row',
  field: [
    own('id', 1, int64),
    own('text', 2),
    own('note', 3),
    own('at', 4, int64),
    own('is_new', 5, bool),
    own('tags', 6, string, 3),
    own('lines', 7, message, 3, 'Line'),
    own('one', 8, message, 1, 'Line'),
    own('numbers', 9, int64, 3),
    own('day', 10, int32),
  ],
  nestedType: [{ name: 'Line', field: [own('sku', 1), own('count', 2, int64)], nestedType: [] }],
}
const tagOf = (field: number, wireType: number) => field * 8 + wireType
const begin = (id: number) => protobuf.Writer.create().uint32(tagOf(1, 0)).int64(id)

async function withTable(work: (connection: DuckDBConnection) => Promise<void>): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`CREATE TABLE t (${columnList({ fields } as Table)})`)
  await work(connection)
  instance.closeSync()
}

async function append(connection: DuckDBConnection, rows: Uint8Array[]): Promise<void> {
  const appender = await connection.createAppender('t')
  try {
    new RowColumns(descriptor, fields).append(appender, rows)
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
}

async function rowsOf(connection: DuckDBConnection): Promise<Record<string, Json>[]> {
  const found = await connection.runAndReadAll('FROM t ORDER BY id')
  return found.getRowObjectsJson()
}

test('every type comes back, in whatever order its fields were written', async () => {
  const lineOf = (sku: string, count: number) =>
    protobuf.Writer.create().uint32(tagOf(1, 2)).string(sku).uint32(tagOf(2, 0)).int64(count)
  const whole = protobuf.Writer.create()
    .uint32(tagOf(10, 0))
    .int32(20_000)
    .uint32(tagOf(6, 2))
    .string('a tag that is long')
    .uint32(tagOf(7, 2))
    .bytes(lineOf('S-1', -3).finish())
    .uint32(tagOf(6, 2))
    .string('é')
    .uint32(tagOf(7, 2))
    .bytes(lineOf('a second line, longer', 2 ** 40).finish())
    .uint32(tagOf(8, 2))
    .bytes(lineOf('one', 1).finish())
    .uint32(tagOf(9, 2))
    .bytes(protobuf.Writer.create().int64(5).int64(-6).finish())
    .uint32(tagOf(2, 2))
    .string('😀 and more than twelve bytes')
    .uint32(tagOf(3, 2))
    .string('{"a":[1,2]}')
    .uint32(tagOf(4, 0))
    .int64(-1)
    .uint32(tagOf(5, 0))
    .bool(false)
    .uint32(tagOf(1, 0))
    .int64(1)
  await withTable(async (connection) => {
    await append(connection, [begin(0).finish(), whole.finish()])
    const nothing = { text: null, note: null, at: null, is_new: null, one: null, day: null }
    const unknown = { unknown_to_the_client: null }
    expect(await rowsOf(connection)).toEqual([
      { id: '0', ...nothing, tags: [], lines: [], numbers: [], ...unknown },
      {
        id: '1',
        text: '😀 and more than twelve bytes',
        note: '{"a":[1,2]}',
        at: '1969-12-31 23:59:59.999999+00',
        is_new: false,
        tags: ['a tag that is long', 'é'],
        lines: [
          { sku: 'S-1', count: '-3' },
          { sku: 'a second line, longer', count: String(2 ** 40) },
        ],
        one: { sku: 'one', count: '1' },
        numbers: ['5', '-6'],
        day: '2024-10-04',
        ...unknown,
      },
    ])
  })
})

test('whole numbers are exact to their 64th bit', async () => {
  const ends = [-(2n ** 63n), -(2n ** 53n) - 1n, -1n, 0n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n]
  await withTable(async (connection) => {
    const rows = ends.map((value) => {
      const bytes: number[] = [tagOf(1, 0)]
      let rest = BigInt.asUintN(64, value)
      for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
      return Uint8Array.from([...bytes, Number(rest)])
    })
    await append(connection, rows)
    const found = await rowsOf(connection)
    expect(found.map(({ id }) => id)).toEqual(ends.map(String))
  })
})

test('of a field that comes twice the last counts, and a text that is no UTF-8 is mended', async () => {
  const broken = Uint8Array.from([0x61, 0xff, 0x62])
  const row = begin(1).uint32(tagOf(2, 2)).string('first').uint32(tagOf(2, 2)).bytes(broken)
  await withTable(async (connection) => {
    await append(connection, [row.finish()])
    expect(await rowsOf(connection)).toMatchObject([{ text: 'a\u{fffd}b' }])
  })
})

test('more rows than a vector holds arrive all', async () => {
  await withTable(async (connection) => {
    const rows = Array.from({ length: 5000 }, (_, i) =>
      begin(i).uint32(tagOf(2, 2)).string(`the text of row ${i}`).finish(),
    )
    await append(connection, rows)
    const found = await rowsOf(connection)
    expect(found.length).toBe(5000)
    expect(found.map(({ text }) => text)).toEqual(rows.map((_, i) => `the text of row ${i}`))
  })
})

test('rows that cannot be are named, all of them, and the next request is none the worse', async () => {
  await withTable(async (connection) => {
    const good = begin(7).uint32(tagOf(2, 2)).string('good').finish()
    const badJson = begin(8)
      .uint32(tagOf(6, 2))
      .string('tag')
      .uint32(tagOf(3, 2))
      .string('{')
      .finish()
    const cut = good.subarray(0, good.length - 1)
    const withoutId = protobuf.Writer.create().uint32(tagOf(2, 2)).string('x').finish()
    const columns = new RowColumns(descriptor, fields)
    const appender = await connection.createAppender('t')
    const refused = refusalOf(() => columns.append(appender, [good, badJson, cut, withoutId, good]))
    expect(refused.rows.map(({ index }) => index)).toEqual([1, 2, 3])
    expect(refused.rows.map(({ message }) => message).join('; ')).toMatch(
      /JSON.*a field ends behind its message.*Missing required field: id/,
    )
    columns.append(appender, [good])
    appender.closeSync()
    expect(await rowsOf(connection)).toMatchObject([{ id: '7', text: 'good', tags: [] }])
  })
})

function refusalOf(work: () => void): BadRows {
  try {
    work()
  } catch (error) {
    if (error instanceof BadRows) return error
    throw error
  }
  throw new Error('nothing was refused')
}
