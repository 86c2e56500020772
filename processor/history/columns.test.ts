// Rows come back from DuckDB's vectors as they were put into columns.

import { DuckDBDataChunk, DuckDBInstance, JsonDuckDBValueConverter } from '@duckdb/node-api'
import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { structFields } from '#stack/contract/tables.ts'
import type { ColumnType } from '#stack/contract/tables.ts'
import { columnOf } from './columns.ts'
import type { Cell } from './columns.ts'
import { columnTypes, physicalName, tableStatements } from './schema.ts'
import { areEntriesKnown, Arena, fillChunk } from '#stack/duckdb/vectors.ts'

const texts = ['', 'EUR', 'twelve bytes', 'thirteen bytes', 'a longer text, once and again', 'é😀']

describe.each([true, false])('texts entered into vectors: %s', (doEnter) => {
  test.each(['events', 'carts', 'orders'] as const)(
    'rows of %s come back, also from a chunk that is used again',
    async (table) => {
      const instance = await DuckDBInstance.create(':memory:')
      const connection = await instance.connect()
      for (const statement of tableStatements()) await connection.run(statement)
      const appender = await connection.createAppender(physicalName(table, 'current'))
      const types = columnTypes(table, 'current')
      const arena = new Arena()
      const columns = types.map((type) => columnOf(type, arena))
      const chunk = DuckDBDataChunk.create(types.map((_, i) => appender.columnType(i)))
      const random = new Random(7)
      for (const count of [1999, 700]) {
        const rows = Array.from({ length: count }, (_, row) =>
          types.map((type) => cell(type, random, row)),
        )
        for (const row of rows) columns.forEach((column, i) => column.push(row[i] as Cell))
        fillChunk(chunk, columns, { arena, rows: count, doEnter })
        const found = new DuckDBDataChunk(chunk.chunk).convertRows(JsonDuckDBValueConverter)
        // Row by row: what differs in two thousand rows of forty columns nobody can print.
        rows.forEach((row, i) =>
          expect(found[i]).toEqual(row.map((each, c) => asJson(each, types[c] as ColumnType))),
        )
        chunk.reset()
        for (const column of columns) column.clear()
        arena.length = 0
      }
      instance.closeSync()
    },
  )
})

test('the vectors of this build of DuckDB look as they are taken to', () => {
  expect(areEntriesKnown()).toBe(true)
})

/** As the converter of the Node API says it. */
function asJson(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null
  if (type === 'integer') return JSON.stringify(value)
  if (type === 'timestamp') return timeText(value as number)
  if (type !== 'items' && type !== 'lines' && type !== 'amounts') return value
  const fields = Object.entries(structFields[type])
  return (value as Record<string, unknown>[]).map((element) =>
    Object.fromEntries(fields.map(([name, each]) => [name, asJson(element[name], each)])),
  )
}

/** 2024-05-06 10:00:00.12: without zeros at the end. */
function timeText(ms: number): string {
  const text = new Date(ms).toISOString().replace('T', ' ')
  return text.replace(/\.?0*Z$/, '')
}

/** Columns of few and of many different values, with and without nulls. */
function cell(type: ColumnType, random: Random, row: number): Cell {
  if (random.int(5) === 0) return null
  const text = () =>
    random.int(3) === 0 ? `text ${row}` : (texts[random.int(texts.length)] as string)
  const integer = () => (random.int(2) === 0 ? -1 : 1) * random.int(2 ** 31) * random.int(2 ** 20)
  const list = <T>(element: () => T) => Array.from({ length: random.int(4) }, element)
  const line = () => ({ productId: text(), quantity: integer(), currency: text() })
  if (type === 'integer') return integer()
  if (type === 'timestamp') return random.int(2 ** 31) * 1000 + random.int(1000)
  if (type === 'boolean') return random.int(2) === 0
  if (type === 'strings') return list(text)
  if (type === 'items' || type === 'lines') return list(line)
  if (type === 'amounts') return list(() => ({ currency: text(), valueMinor: integer() }))
  return type === 'json' ? JSON.stringify({ text: text() }) : text()
}
