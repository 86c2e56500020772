// Rows and figures of a month are the same in BigQuery, and what is changed there is named. Larger months, of several seeds,
// are in parity.long.test.ts.

import { describe, expect, test } from 'vitest'
import { bothSides } from '#bridge/verify/both-sides.contract.ts'
import type { BothSides } from '#bridge/verify/both-sides.contract.ts'
import { startStack } from '../fixtures/stack.ts'
import { writeMonth } from './parity.contract.ts'

interface Planted {
  what: string
  dml: string
  table: string
  outcome: string
  columns: string[]
}

/** The newest version counts. */
const newestOrder = `_seq = (SELECT MAX(_seq) FROM slipway.orders_log WHERE NOT (_deleted OR is_bot OR is_test))`
const first = (table: string) =>
  `_seq = (SELECT MIN(_seq) FROM slipway.${table} WHERE NOT _deleted)`
const planted: Planted[] = [
  {
    what: 'a value that was changed',
    dml: `UPDATE slipway.orders_log SET merchandise_minor = merchandise_minor + 1 WHERE ${newestOrder}`,
    table: 'orders_log',
    outcome: 'different',
    columns: ['merchandise_minor'],
  },
  {
    what: 'a time that was moved to another hour',
    dml: `UPDATE slipway.sessions_log SET started_at = TIMESTAMP_ADD(started_at, INTERVAL 2 HOUR) WHERE ${first('sessions_log')}`,
    table: 'sessions_log',
    outcome: 'different',
    columns: ['started_at'],
  },
  {
    what: 'a row that is missing',
    dml: `DELETE FROM slipway.carts_log WHERE ${first('carts_log')}`,
    table: 'carts_log',
    outcome: 'missing',
    columns: [],
  },
  {
    what: 'a row that is there twice',
    dml: `INSERT INTO slipway.order_lines_log SELECT * FROM slipway.order_lines_log WHERE ${first('order_lines_log')}`,
    table: 'order_lines_log',
    outcome: 'twice',
    columns: [],
  },
]

describe('what is not equal in BigQuery', () => {
  test('is named: the row, and the figures that follow from it', { timeout: 300_000 }, async () => {
    await using stack = await startStack()
    await writeMonth(stack, { scenario: 'full', seed: 15, records: 1500 })
    await using sides = await bothSides(stack.addresses['history'] as string)
    expect((await sides.verify()).isEqual).toBe(true)
    for (const { dml } of planted) await sides.client.query(dml)
    const { isEqual, tables, figures } = await sides.verify(0)
    expect(isEqual).toBe(false)
    const unequal = tables.filter((table) => !table.isEqual)
    const named = unequal.map(({ table, differences }) => {
      const [difference] = differences
      const columns = difference?.columns.map(({ name }) => name)
      return [table, differences.length, difference?.outcome, columns]
    })
    expect(new Map(named.map((each) => [each[0], each]))).toEqual(
      new Map(planted.map(({ table, outcome, columns }) => [table, [table, 1, outcome, columns]])),
    )
    await isKeyOf(sides, unequal.find(({ table }) => table === 'orders_log')?.differences[0])
    const wrong = figures.filter((figure) => !figure.isEqual).map(({ metric }) => metric)
    expect(wrong).toEqual(expect.arrayContaining(['gross_revenue', 'net_revenue', 'aov']))
    expect(wrong).not.toContain('events')
  })
})

async function isKeyOf(
  { client }: BothSides,
  difference: { seq: number; key: string } | undefined,
): Promise<void> {
  const [rows] = await client.query(
    `SELECT order_id FROM slipway.orders_log WHERE _seq = ${difference?.seq}`,
  )
  const [row] = rows as { order_id: string }[]
  expect(difference?.key).toBe(`order_id ${row?.order_id}`)
}
