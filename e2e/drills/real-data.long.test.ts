// Online Retail II, 525,461 lines, through import, topic, processor and history: what another author published about
// the file comes out of history by SQL, with that author's cleaning rule.

import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { published, retailFile } from './online-retail.ts'
import { realDataInPartitions } from './real-data.contract.ts'
import { ask, hasSharedData, importFiles } from './shared-data.ts'

realDataInPartitions(4, [1, 12])

/** Lines of customers, without exact copies and without what is no article; the import left out what sells nothing. */
const cleaned = `
  WITH invoices AS (
    SELECT
      order_id, user_id, event_time, items, extra->>'$.unitPrices[*]' AS prices,
      from_json(extra->'$.lineDates', '[{"from":"BIGINT","at":"TIMESTAMP"}]') AS dates
    FROM events
    WHERE source = 'uci-online-retail-ii' AND name = 'purchase' AND user_id IS NOT NULL),
  lines AS (
    SELECT
      order_id, user_id, event_time, dates, unnest(items) AS item, unnest(prices) AS price,
      generate_subscripts(items, 1) - 1 AS place
    FROM invoices),
  cleaned AS (
    SELECT DISTINCT
      order_id, user_id AS customer, item.productId AS code, item.name AS name,
      item.quantity AS quantity, price,
      coalesce(list_last(list_filter(dates, each -> each."from" <= place))."at", event_time) AS bought
    FROM lines
    WHERE item.productId NOT IN ('POST', 'C2', 'M', 'BANK CHARGES', 'TEST001', 'TEST002', 'PADS',
      'ADJUST', 'D', 'ADJUST2'))`

const cleaningCounts = `${cleaned}
  SELECT count(*)::INTEGER, count(DISTINCT code)::INTEGER, count(DISTINCT customer)::INTEGER
  FROM cleaned`

const bestCustomers = `${cleaned}
  SELECT customer, sum(quantity * price::DECIMAL(18, 3))::DOUBLE AS spent
  FROM cleaned GROUP BY customer ORDER BY spent DESC LIMIT 4`

const cohorts = `${cleaned},
  firsts AS (SELECT customer, date_trunc('month', min(bought)) AS cohort FROM cleaned GROUP BY ALL)
  SELECT
    strftime(cohort, '%Y-%m'), datediff('month', cohort, bought)::INTEGER AS month,
    count(DISTINCT customer)::INTEGER
  FROM cleaned JOIN firsts USING (customer)
  WHERE bought <= TIMESTAMP '2010-11-30 00:00:00'
  GROUP BY ALL ORDER BY ALL`

describe.skipIf(!hasSharedData)('Online Retail II', () => {
  test('gives the published cohort matrix, cleaning counts and best customers', async () => {
    const { raw, cleaning, cohort_month_active_customers, top_customers_cleaned_gbp } = published()
    await using stack = await startStack()
    const imported = await importFiles(stack, [retailFile()])
    expect(imported).toMatchObject({ read: raw.rows, rejected: {} })
    await stack.settle(600_000)

    const { rows, distinct_stock_codes, customers } = cleaning
    expect(await ask(stack, cleaningCounts)).toEqual([[rows, distinct_stock_codes, customers]])
    const { status: _, ...best } = top_customers_cleaned_gbp
    expect(Object.fromEntries(await ask(stack, bestCustomers))).toEqual(best)
    const matrix: Record<string, number[]> = {}
    for (const [cohort, month, active] of await ask(stack, cohorts)) {
      ;(matrix[cohort as string] ??= [])[month as number] = active as number
    }
    expect(matrix).toEqual(cohort_month_active_customers.rows)
  })
})
