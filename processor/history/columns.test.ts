// Both ways of filling a chunk make the same of the same rows.

import { DuckDBDataChunk, DuckDBInstance, JsonDuckDBValueConverter } from '@duckdb/node-api'
import { expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import type { ColumnType } from '#stack/contract/tables.ts'
import { fillByApi, fillDirectly, isLayoutKnown } from './columns.ts'
import type { Cell } from './columns.ts'
import { columnTypes, physicalName, tableStatements } from './schema.ts'

const texts = ['', 'EUR', 'twelve bytes', 'thirteen bytes', 'a longer text, once and again', 'é😀']

test.each(['events', 'carts', 'orders'] as const)(
  'rows of %s are the same however their chunks are filled',
  async (table) => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    for (const statement of tableStatements()) await connection.run(statement)
    const appender = await connection.createAppender(physicalName(table, 'current'))
    const columns = columnTypes(table, 'current')
    const types = columns.map((_, i) => appender.columnType(i))
    const random = new Random(7)
    const rows = Array.from({ length: 1999 }, (_, row) =>
      columns.map((type) => cell(type, random, row)),
    )
    const [found, expected] = [fillDirectly, fillByApi].map((fill) => {
      const chunk = DuckDBDataChunk.create(types, rows.length)
      fill(chunk, columns, rows)
      return new DuckDBDataChunk(chunk.chunk).convertRows(JsonDuckDBValueConverter)
    })
    instance.closeSync()
    expect(expected).toHaveLength(rows.length)
    // Row by row: what differs in two thousand rows of forty columns nobody can print.
    rows.forEach((_, i) => expect(found?.[i]).toEqual(expected?.[i]))
  },
)

test('the vectors of this build of DuckDB look as they are taken to', () => {
  expect(isLayoutKnown()).toBe(true)
})

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
