// Snowplow's test set and OTTO's sample through import, topic, processor and history. Online Retail II, which takes a
// minute, is in real-data.long.test.ts.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { ask, closeAll, hasSharedData, importFiles, outcomeOf, sharedFile } from './shared-data.ts'

const otto = sharedFile('otto/sessions.jsonl')
const snowplow = sharedFile('snowplow-web/events.jsonl')

describe.skipIf(!hasSharedData)('real data', () => {
  test(
    'Snowplow web: scenario 67; OTTO: every row found, ratios as in the whole set, no matter how many partitions',
    { timeout: 180_000 },
    async () => {
      await using four = await startStack()
      const imported = await importFiles(four, [snowplow, otto])
      expect(imported.rejected).toEqual({})
      await closeAll(four, 60_000)
      await checkSnowplow(four)
      await checkOtto(four)
      const outcome = await outcomeOf(four)
      for (const rows of Object.values(outcome)) expect(rows.length).toBeGreaterThan(0)
      await using one = await startStack({ args: ['--no-demo', '--partitions', '1'] })
      await importFiles(one, [snowplow, otto])
      await closeAll(one, 60_000)
      expect(await outcomeOf(one)).toEqual(outcome)
    },
  )
})

/** Grouped by the producer's session id; a page view is a distinct page view id (scenario 67). */
const snowplowSessions = `
  SELECT
    producer_session_id, strftime(min(event_time), '%Y-%m-%d %H:%M:%S.%g'),
    strftime(max(event_time), '%Y-%m-%d %H:%M:%S.%g'),
    count(DISTINCT extra->>'$.pageViewId') FILTER (name = 'page_view')::INTEGER,
    count(*)::INTEGER
  FROM events WHERE source = 'snowplow' GROUP BY ALL`

async function checkSnowplow(stack: Stack): Promise<void> {
  const published = readFileSync(sharedFile('snowplow-web/expected/sessions.csv'), 'utf8')
  const [header = [], ...lines] = published
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  const wanted = ['domain_sessionid', 'start_tstamp', 'end_tstamp', 'page_views', 'total_events']
  const expected = lines.map((cells) =>
    wanted.map((name) => cells[header.indexOf(name)] as string).join(' '),
  )
  const found = new Set((await ask(stack, snowplowSessions)).map((row) => row.join(' ')))
  expect(expected).toHaveLength(18)
  expect(expected.filter((session) => found.has(session))).toHaveLength(13)
}

interface OttoLine {
  session: number
  events: { ts: number; type: 'clicks' | 'carts' | 'orders' }[]
}

/** Of the whole set, by its publisher: 194,720,954 clicks, 16,896,191 carts, 5,098,951 orders. */
const cartsPerClick = 16_896_191 / 194_720_954

async function checkOtto(stack: Stack): Promise<void> {
  const lines = readFileSync(otto, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as OttoLine)
  const rows = lines.flatMap(({ session, events }) => events.map((row) => ({ session, ...row })))
  const count = (type: string) => rows.filter((row) => row.type === type).length
  const orders = rows.filter(({ type }) => type === 'orders')
  const purchases = new Set(orders.map(({ session, ts }) => `${session}/${ts}`)).size
  const names = await ask(
    stack,
    `SELECT name, count(*)::INTEGER FROM events WHERE source = 'otto' GROUP BY ALL ORDER BY ALL`,
  )
  expect(names).toEqual([
    ['add_to_cart', count('carts')],
    ['purchase', purchases],
    ['view_item', count('clicks')],
  ])
  expect(await ask(stack, 'SELECT count(*)::INTEGER FROM orders')).toEqual([[purchases]])
  expect(await ask(stack, 'SELECT count(*)::INTEGER FROM order_lines')).toEqual([[orders.length]])
  const ratio = count('carts') / count('clicks') / cartsPerClick
  expect(ratio).toBeGreaterThan(1 / 3)
  expect(ratio).toBeLessThan(3)
  const carts = await ask(stack, `SELECT DISTINCT state FROM carts ORDER BY ALL`)
  expect(carts.flat()).toEqual(['converted', 'lost', 'recovered'])
}
