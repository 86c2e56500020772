// What questions need of DuckDB's memory, which is the writer's, too: one that takes all of it stops history.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dayMs, isoTime, minuteMs } from '#stack/base/units.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import { defaultSettings as settings } from '#stack/contract/settings.ts'
import { defaultLimits } from '../database.ts'
import { openHistory } from '../history-file.ts'
import type { History } from '../history-file.ts'
import { exportParquet } from './export.ts'
import { answerMetric } from './metrics.ts'
import { rowPieces, tableRef } from './rows.ts'

const visitors = 60_000
const memoryMb = defaultLimits.memoryMb / 4
const startMs = Date.parse('2024-05-06T10:00:00.000Z')
const spanMs = 30 * dayMs

/** Each is active once and sees one product, one after the other; every twentieth is a bot. */
const quarter = `TIMESTAMP '${isoTime(startMs)}' + INTERVAL 15 MINUTE * (i * ${spanMs / minuteMs / 15} // ${visitors})`
const filling = [
  `INSERT INTO events_stored BY NAME SELECT 'e' || i AS event_id, 'web' AS source, 'page_view' AS name, 1 + i AS _seq,
     ${quarter} AS event_time, 'visitor-' || i // 12 AS anonymous_id, '"' || repeat('x', 600) || i || '"' AS data, []::VARCHAR[] AS flags,
     FALSE AS is_bot, FALSE AS is_test, FALSE AS is_too_late FROM range(${visitors}) AS v(i)`,
  `INSERT INTO activity SELECT ${quarter}, 'visitor-' || i, NULL, 'DE', 'desktop' FROM range(${visitors}) AS v(i)`,
  `INSERT INTO product_interest SELECT ${quarter}, 'P' || i % 500, n, 'visitor-' || i, NULL
   FROM range(${visitors}) AS v(i), unnest(['view_item', 'add_to_cart']) AS names(n)`,
  `INSERT INTO bot_visitors SELECT 'a:visitor-' || i FROM range(0, ${visitors}, 20) AS v(i)`,
]

let dir: string
let history: History

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-memory-'))
  const path = join(dir, 'history.duckdb')
  const full = await openHistory(path, 1, { settings, limits: defaultLimits })
  for (const sql of filling) await full.database.write((connection) => connection.run(sql))
  await full.close()
  history = await openHistory(path, 1, { settings, limits: { ...defaultLimits, memoryMb } })
})
afterAll(async () => {
  await history.close()
  rmSync(dir, { recursive: true })
})

test('no figure takes a quarter of it, in a window of 30 days that cuts quarters of an hour', async () => {
  const window = { from: isoTime(startMs - minuteMs), to: isoTime(startMs + spanMs + minuteMs) }
  const found = new Map<string, number>()
  for (const id of metricIds) {
    const grain = metrics[id].grains.find((each) => each === 'day')
    const { numerator } = await answerMetric(history, id, { ...window, grain }, null)
    found.set(id, numerator)
  }
  const persons = visitors - visitors / 20
  for (const id of ['active_users', 'new_users', 'product_viewers', 'add_to_cart_rate'])
    expect([id, found.get(id)]).toEqual([id, persons])
})

test('nor do all events with what is derived of them, as rows or as Parquet', async () => {
  const range = { afterSeq: 0, toSeq: visitors, limit: visitors }
  const events = tableRef('events')
  const session = await history.database.session()
  let rows = 0
  for await (const piece of rowPieces(session.connection, events, {
    ...range,
    derivedBy: settings,
  }))
    rows += piece.match(/"person_id":"a:visitor/g)?.length ?? 0
  session.close()
  expect(rows).toBe(visitors)
  const parquet = await exportParquet(history.database, events, range)
  const bytes = Buffer.from(await new Response(parquet).arrayBuffer())
  expect(bytes.toString('latin1', bytes.length - 4)).toBe('PAR1')
})
