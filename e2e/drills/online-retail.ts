// What another author published about Online Retail II, and the questions in GoogleSQL that give it. Their cleaning rule is
// applied in the question: lines of customers, without exact copies and without what is no article.

import { readFileSync } from 'node:fs'
import { sharedFile } from './shared-data.ts'

const folder = 'uci-online-retail-ii'
export const retailFile = (): string => sharedFile(`${folder}/online_retail_ii_2009_2010.parquet`)

export interface Published {
  raw: { rows: number }
  cleaning: { rows: number; distinct_stock_codes: number; customers: number }
  cohort_month_active_customers: { rows: Record<string, number[]> }
  top_customers_cleaned_gbp: Record<string, number | string>
}

export function published(): Published {
  return JSON.parse(readFileSync(sharedFile(`${folder}/published.json`), 'utf8')) as Published
}

/** Dates of lines that differ from their invoice's lie beside it, each from a line on. */
const cleaned = `
  WITH invoices AS (
    SELECT order_id, user_id, event_time, items,
      JSON_VALUE_ARRAY(extra, '$.unitPrices') AS prices,
      JSON_QUERY_ARRAY(extra, '$.lineDates') AS dates
    FROM slipway.events_log
    WHERE source = 'uci-online-retail-ii' AND name = 'purchase' AND user_id IS NOT NULL),
  lines AS (
    SELECT i.order_id, i.user_id, i.event_time, i.dates, item.productId AS code, item.name AS name,
      item.quantity AS quantity, i.prices[OFFSET(place)] AS price, place
    FROM invoices AS i, UNNEST(i.items) AS item WITH OFFSET AS place),
  dated AS (
    SELECT l.order_id, l.place,
      ARRAY_AGG(TIMESTAMP(JSON_VALUE(each, '$.at'))
        ORDER BY CAST(JSON_VALUE(each, '$.from') AS INT64) DESC LIMIT 1)[OFFSET(0)] AS since
    FROM lines AS l, UNNEST(l.dates) AS each
    WHERE CAST(JSON_VALUE(each, '$.from') AS INT64) <= l.place
    GROUP BY l.order_id, l.place),
  cleaned AS (
    SELECT DISTINCT l.order_id, l.user_id AS customer, l.code, l.name, l.quantity, l.price,
      COALESCE(d.since, l.event_time) AS bought
    FROM lines AS l LEFT JOIN dated AS d ON d.order_id = l.order_id AND d.place = l.place
    WHERE l.code NOT IN ('POST', 'C2', 'M', 'BANK CHARGES', 'TEST001', 'TEST002', 'PADS',
      'ADJUST', 'D', 'ADJUST2'))`

export const cleaningCounts = `${cleaned}
  SELECT COUNT(*) AS line_count, COUNT(DISTINCT code) AS codes, COUNT(DISTINCT customer) AS customers
  FROM cleaned`

export const bestCustomers = `${cleaned}
  SELECT customer, CAST(SUM(quantity * CAST(price AS NUMERIC)) AS FLOAT64) AS spent
  FROM cleaned GROUP BY customer ORDER BY spent DESC LIMIT 4`

export const cohorts = `${cleaned},
  firsts AS (SELECT customer, MIN(bought) AS first_bought FROM cleaned GROUP BY customer),
  months AS (
    SELECT c.customer, DATE(f.first_bought) AS since, DATE(c.bought) AS bought
    FROM cleaned AS c JOIN firsts AS f ON f.customer = c.customer
    WHERE c.bought <= TIMESTAMP '2010-11-30 00:00:00+00')
  SELECT FORMAT_DATE('%Y-%m', since) AS cohort, DATE_DIFF(bought, since, MONTH) AS k,
    COUNT(DISTINCT customer) AS active
  FROM months GROUP BY cohort, k ORDER BY cohort, k`
