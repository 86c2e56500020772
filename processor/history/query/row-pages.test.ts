// Pages hold what DuckDB holds, to the last bit, and the same that the rows of the read API tell.

import { expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { int64At, isValue, RowPage } from '#stack/contract/row-pages.ts'
import type { PageColumn } from '#stack/contract/row-pages.ts'
import { storedColumns, tableNames } from '#stack/contract/tables.ts'
import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import { appendRows } from '../columns.ts'
import type { Cell, Cells } from '../columns.ts'
import { columnTypes, physicalName } from '../schema.ts'
import { memoryHistory } from '../testing.ts'
import type { TestHistory } from '../testing.ts'
import { rowPages } from './row-pages.ts'
import { rowPieces } from './rows.ts'
import type { TableRef } from './rows.ts'

const texts = [
  '',
  'EUR',
  'twelve bytes',
  'thirteen bytes',
  'é😀 "\\\n\u0000\u2028',
  'x'.repeat(300),
]
const all = { afterSeq: 0, toSeq: 1e9, limit: 1e9 }

test.each(tableNames)('pages of %s hold what its rows hold', async (name) => {
  await using history = await memoryHistory()
  const table: TableRef = { name, of: 'log' }
  // More than two vectors of DuckDB, and with gaps as other tables leave them.
  await append(history, name, 5000)
  const rows = await rowsOf(history, table)
  const held = await heldBy(history, table)
  expect(held.length).toBe(5000)
  held.forEach((row, i) => expect(row).toEqual(rows[i]))
})

test('a page holds whole numbers beyond 2^53 and times to the microsecond', async () => {
  await using history = await memoryHistory()
  const { database } = history
  const numbers = [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 0n, -1n]
  await database.write(async (connection) => {
    for (const [i, number] of numbers.entries()) {
      await connection.run(
        `INSERT INTO events_stored (_seq, value_minor, event_time, sent_at)
         VALUES (${i + 1}, ${number}, '2026-03-01 00:02:00.000007', '1969-12-31 23:59:59.999999')`,
      )
    }
  })
  const session = await database.session()
  for await (const bytes of rowPages(session.connection, { name: 'events', of: 'log' }, all)) {
    const page = new RowPage('events', bytes)
    const int64 = (name: string) => numbers.map((_, row) => int64At(page.column(name), row))
    expect(int64('value_minor')).toEqual(numbers)
    expect(int64('event_time')).toEqual(numbers.map(() => 1_772_323_320_000_007n))
    expect(int64('sent_at')).toEqual(numbers.map(() => -1n))
    expect(numbers.map((_, row) => isValue(page.column('received_at'), row))).not.toContain(true)
  }
  session.close()
})

test('pages come by ranges of _seq, and no more of them than asked for', async () => {
  await using history = await memoryHistory()
  await append(history, 'orders', 300)
  const table: TableRef = { name: 'orders', of: 'log' }
  const seqs = async (range: Partial<typeof all>) =>
    (await heldBy(history, table, { ...all, ...range })).map((row) => row['_seq'])
  expect(await seqs({ afterSeq: 30, toSeq: 60 })).toEqual([33, 36, 39, 42, 45, 48, 51, 54, 57, 60])
  expect(await seqs({ afterSeq: 31, limit: 2 })).toEqual([33, 36])
  expect(await seqs({ afterSeq: 900 })).toEqual([])
})

test('rows that do not lie in their order are never handed out', async () => {
  await using history = await memoryHistory()
  await append(history, 'orders', 10)
  await append(history, 'orders', 10)
  const table: TableRef = { name: 'orders', of: 'log' }
  await expect(heldBy(history, table)).rejects.toThrow('rows lie in the order of their _seq')
})

/** Rows by chance under every third `_seq`. */
async function append({ database }: TestHistory, name: TableName, count: number): Promise<void> {
  const random = new Random(name)
  const columns = storedColumns(name, 'log')
  const rows = Array.from({ length: count }, (_, row): Cells =>
    columns.map(([column, { type }]) => (column === '_seq' ? 3 * (row + 1) : cell(type, random))),
  )
  await database.write((connection) =>
    appendRows(connection, physicalName(name, 'log'), columnTypes(name, 'log'), rows),
  )
}

function cell(type: ColumnType, random: Random): Cell {
  if (random.chance(0.3)) return null
  const element = {
    productId: random.pick(texts),
    currency: 'EUR',
    valueMinor: -random.int(2 ** 40),
  }
  switch (type) {
    case 'string':
      return random.pick(texts)
    case 'integer':
      return random.int(2 ** 45) - 2 ** 44
    case 'boolean':
      return random.chance(0.5)
    case 'timestamp':
      return random.int(2 ** 31) * 1000 + random.int(1000)
    case 'json':
      return random.pick(['{"b":[1,null],"a":"é"}', '{}', '[]', '""', 'null', ' {"a" : 1.50}'])
    case 'strings':
      return random.pick([[], [random.pick(texts), '']])
    case 'items':
    case 'lines':
    case 'amounts':
      return random.pick([[], [element], [{}, element]])
  }
}

async function rowsOf(history: TestHistory, table: TableRef): Promise<unknown[]> {
  const session = await history.database.session()
  let lines = ''
  for await (const piece of rowPieces(session.connection, table, {
    ...all,
    derivedBy: undefined,
  })) {
    lines += piece
  }
  session.close()
  return lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]))
}

async function heldBy(
  history: TestHistory,
  table: TableRef,
  range = all,
): Promise<Record<string, unknown>[]> {
  const session = await history.database.session()
  try {
    const held: Record<string, unknown>[] = []
    for await (const bytes of rowPages(session.connection, table, range)) {
      const page = new RowPage(table.name, bytes)
      for (let row = 0; row < page.rows; row++) held.push(rowOf(page, row))
    }
    return held
  } finally {
    session.close()
  }
}

function rowOf(page: RowPage, row: number): Record<string, unknown> {
  let from = page.textStarts[row] as number
  const cells = page.columns.map((column) => {
    if (!isValue(column, row)) return [column.name, null]
    const to = column.shape === 'text' ? from + (column.lengths[row] as number) : from
    const value = valueOf(column, row, page.bytes.toString('utf8', from, to))
    from = to
    return [column.name, value]
  })
  expect(from - (page.textStarts[row] as number)).toBe(page.textBytes[row])
  return Object.fromEntries(cells) as Record<string, unknown>
}

function valueOf(column: PageColumn, row: number, text: string): unknown {
  if (column.shape === 'truth') return column.truths[row] === 1
  if (column.shape === 'text') return column.type === 'string' ? text : JSON.parse(text)
  const number = Number(int64At(column, row))
  return column.type === 'timestamp' ? new Date(number / 1000).toISOString() : number
}
