// UCI Online Retail II (525,461 invoice lines) from file to tables through both stages, against figures that another
// author published for this very file. Their cleaning rule is applied in the query; what they count is lines, so it is
// asked of the items of events, with the exact price and date that the import keeps beside them. In order, and shuffled
// (with nothing forgotten, T7) in one partition and in twelve.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { Tally } from '#stack/shop/import/entry.ts'
import { readOnlineRetail } from '#stack/shop/import/online-retail.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { memoryHistory, readTopics } from './testing.ts'
import type { TestHistory } from './testing.ts'

const folder = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data/uci-online-retail-ii')
const file = join(folder, 'online_retail_ii_2009_2010.parquet')

interface Published {
  cleaning: { rows: number; distinct_stock_codes: number; customers: number }
  cohort_month_active_customers: { rows: Record<string, number[]> }
  top_customers_cleaned_gbp: Record<string, number | string>
}

const lines = `
  SELECT l.order_id AS invoice, l.customer, l.item.productId AS code, l.item.name AS description,
    l.item.quantity AS quantity, CAST(l.extra->'unitPrices'->>(l.at - 1) AS DECIMAL(18, 3)) AS price,
    coalesce(
      list_last(list_filter(l.dates, d -> d.since < l.at)).time, l.event_time) AS invoiced_at
  FROM (
    SELECT e.order_id, e.user_id AS customer, e.event_time, e.extra, unnest(e.items) AS item,
      generate_subscripts(e.items, 1) AS at,
      list_transform(CAST(e.extra->'lineDates' AS JSON[]),
        d -> {'since': CAST(d->>'from' AS BIGINT), 'time': CAST(d->>'at' AS TIMESTAMP)}) AS dates
    FROM events_stored AS e
    WHERE e.name = 'purchase' AND e.user_id IS NOT NULL) AS l`
const notSold = [
  'POST',
  'C2',
  'M',
  'BANK CHARGES',
  'TEST001',
  'TEST002',
  'PADS',
  'ADJUST',
  'D',
  'ADJUST2',
]
const cleaned = `
  SELECT DISTINCT invoice, customer, code, description, quantity, price, invoiced_at FROM (${lines})
  WHERE code NOT IN ('${notSold.join("', '")}')`

describe.skipIf(!existsSync(file))('Online Retail II', () => {
  test.each([
    { partitions: 4, order: 'in order' },
    { partitions: 1, order: 'shuffled' },
    { partitions: 12, order: 'shuffled' },
  ] as const)(
    'gives the published cleaning counts, cohorts and best customers, $order in $partitions partitions',
    async (reading) => {
      await using history = await retailHistory(reading)
      await expectPublished(history)
      await expectOrders(history)
      outcomes.push(await outcomeOf(history))
      expect(outcomes.at(-1)).toEqual(outcomes[0])
    },
  )
})

const outcomes: Record<string, unknown>[] = []

/** How many rows a table has and a checksum of them: of what must not depend on partitions or order. */
async function outcomeOf({ database }: TestHistory): Promise<Record<string, unknown>> {
  const outcome: Record<string, unknown> = {}
  for (const table of ['sessions', 'carts', 'orders', 'order_lines', 'refunds']) {
    const [row] = await database.rows(`
      SELECT count(*) AS rows, sum(hash(r::VARCHAR)) AS checksum
      FROM (SELECT COLUMNS(c -> c NOT LIKE '\\_%' ESCAPE '\\' AND c <> 'revision') FROM ${table}) AS r`)
    expect(Number(row?.['rows'])).toBeGreaterThanOrEqual(table === 'carts' ? 0 : 1)
    outcome[table] = row
  }
  return outcome
}

async function expectPublished({ database }: TestHistory): Promise<void> {
  const published = JSON.parse(readFileSync(join(folder, 'published.json'), 'utf8')) as Published
  await database.alone((connection) =>
    connection.run(`CREATE TEMP TABLE cleaned AS ${cleaned}`).then(() => {}),
  )
  const ask = (sql: string) =>
    database.alone(async (connection) => (await connection.runAndReadAll(sql)).getRowsJson())
  const { rows, distinct_stock_codes, customers } = published.cleaning
  expect(
    await ask('SELECT count(*), count(DISTINCT code), count(DISTINCT customer) FROM cleaned'),
  ).toEqual([[String(rows), String(distinct_stock_codes), String(customers)]])
  const cohorts = await ask(`
    WITH first AS (SELECT customer, min(invoiced_at) AS at FROM cleaned GROUP BY 1)
    SELECT strftime(f.at, '%Y-%m') AS cohort, date_diff('month', f.at, c.invoiced_at) AS k, count(DISTINCT c.customer)
    FROM cleaned AS c JOIN first AS f ON f.customer = c.customer
    WHERE c.invoiced_at <= TIMESTAMP '2010-11-30' GROUP BY 1, 2 ORDER BY 1, 2`)
  expect(matrixOf(cohorts)).toEqual(published.cohort_month_active_customers.rows)
  const best = await ask(
    'SELECT customer, CAST(sum(quantity * price) AS DECIMAL(18, 2)) FROM cleaned GROUP BY 1 ORDER BY 2 DESC LIMIT 4',
  )
  const { status: _status, ...top } = published.top_customers_cleaned_gbp
  expect(Object.fromEntries(best.map(([customer, sum]) => [customer, Number(sum)]))).toEqual(top)
}

/** Each invoice is an order, and its lines add up to it. */
async function expectOrders({ database }: TestHistory): Promise<void> {
  const [row] = await database.rows(`
    SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(DISTINCT order_id) FROM events_stored WHERE name = 'purchase') AS purchases,
      (SELECT sum(merchandise_minor) FROM orders) AS merchandise, (SELECT sum(net_minor) FROM order_lines) AS lines,
      (SELECT count(*) FROM refunds WHERE NOT is_orphan) AS known_refunds`)
  expect(row?.['orders']).toBe(row?.['purchases'])
  expect(row?.['merchandise']).toBe(row?.['lines'])
  expect(row?.['known_refunds']).toBe('0')
}

function matrixOf(rows: readonly unknown[][]): Record<string, number[]> {
  const matrix: Record<string, number[]> = {}
  for (const [cohort, k, customers] of rows) {
    ;(matrix[cohort as string] ??= [])[Number(k)] = Number(customers)
  }
  return matrix
}

async function retailHistory({
  partitions,
  order,
}: {
  partitions: number
  order: 'in order' | 'shuffled'
}): Promise<TestHistory> {
  const source = { path: file, defaultCurrency: 'GBP', nowMs: 0, tally: new Tally() }
  const events = []
  for await (const entries of readOnlineRetail(source)) {
    for (const { outcome } of entries) if ('event' in outcome) events.push(outcome.event)
  }
  events.sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : 1))
  const isShuffled = order === 'shuffled'
  const pipeline = new LocalPipeline({ partitions, hasRetention: !isShuffled })
  pipeline.append(...(isShuffled ? new Random(`retail/${partitions}`).shuffle(events) : events))
  pipeline.drain()
  const history = await memoryHistory()
  await readTopics(pipeline.log, history, { transactionRecords: 2000 })
  return history
}
