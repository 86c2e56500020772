import { expect, test } from 'vitest'
import { unequalHours } from './parity.ts'
import type { HourDigest } from './parity.ts'
import { reportLines } from './report.ts'

const digest = (more: Partial<HourDigest> = {}): HourDigest => ({
  rows: 2,
  seqs: 2,
  minSeq: 1,
  maxSeq: 9,
  sum: 5n,
  xor: 1n,
  ...more,
})

test('hours are equal in everything, or told with what is wrong with them', () => {
  const history = new Map([
    [1, digest()],
    [2, digest()],
    [3, digest()],
    [null, digest()],
  ])
  const bigquery = new Map([
    [1, digest()],
    [2, digest({ xor: 2n })],
    [4, digest({ rows: 1 })],
    [null, digest({ seqs: 1 })],
  ])
  expect(unequalHours(history, bigquery)).toEqual([
    { hour: null, outcome: 'different', history: 2, bigquery: 2 },
    { hour: 2, outcome: 'different', history: 2, bigquery: 2 },
    { hour: 3, outcome: 'missing', history: 2, bigquery: 0 },
    { hour: 4, outcome: 'extra', history: 0, bigquery: 1 },
  ])
})

test('a report names the row, its columns, and the figures', () => {
  const orders = { table: 'orders_log', rows: { history: 3, bigquery: 3 } }
  const report = { isBehind: false, epoch: 1, asOfSeq: 9 }
  const figure = {
    metric: 'aov',
    currency: 'EUR',
    history: { numerator: 4, denominator: 2 },
  } as const
  const equal = {
    ...report,
    isEqual: true,
    tables: [{ ...orders, isEqual: true, hours: [], differences: [] }],
    figures: [{ ...figure, bigquery: figure.history, isEqual: true }],
  }
  expect(reportLines(equal)).toEqual([
    'equal: 3 rows of 1 tables and 1 figures, as of _seq 9 of epoch 1',
  ])
  const columns = [{ name: 'total_minor', history: '400', bigquery: 'NULL' }]
  const unequal = {
    ...report,
    isEqual: false,
    tables: [
      {
        ...orders,
        isEqual: false,
        hours: [{ hour: 493_000, outcome: 'different' as const, history: 3, bigquery: 3 }],
        differences: [{ seq: 7, key: 'order_id O1', outcome: 'different' as const, columns }],
      },
    ],
    figures: [{ ...figure, bigquery: { numerator: 3, denominator: 2 }, isEqual: false }],
  }
  expect(reportLines(unequal)).toEqual([
    'not equal: 3 rows of 1 tables and 1 figures, as of _seq 9 of epoch 1',
    'orders_log: 3 rows in history, 3 in BigQuery',
    '  the hour of 2026-03-29T16:00:00.000Z: different, 3 rows and 3',
    '  row order_id O1 (_seq 7) is different; total_minor is 400 in history, NULL in BigQuery',
    'aov in EUR: 4 of 2 in history, 3 of 2 in BigQuery',
  ])
  expect(reportLines({ ...unequal, isBehind: true })[1]).toMatch(/^BigQuery is behind/)
})
