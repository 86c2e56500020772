// What the Bridge page asks, with a bridge and a history of the test's own behind it.

import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { systemClock } from '../../../stack/base/clock.ts'
import { secondMs } from '../../../stack/base/units.ts'
import { tableNames } from '../../../stack/contract/tables.ts'
import { listenOn } from '../../testing.ts'
import { BridgeErrorLog } from './errors.ts'
import { agreementOf, ParityCheck } from './parity.ts'
import { BridgeSource, retriesIn } from './status.ts'

/** A clock whose monotonic time the test moves. */
function movable() {
  let ms = 0
  const clock = { ...systemClock, monotonicMs: () => ms }
  return { clock, advance: (by: number) => (ms += by) }
}

test('where no bridge is started nobody is asked; one whose port is closed is away since it was first missed', async () => {
  const { clock, advance } = movable()
  const off = new BridgeSource({ clock, address: undefined })
  expect(await off.ask()).toEqual({ is: 'off' })
  const away = new BridgeSource({ clock, address: 'http://127.0.0.1:1' })
  const first = await away.ask()
  advance(5 * secondMs)
  expect(first).toMatchObject({ is: 'away' })
  expect(await away.ask()).toEqual(first)
})

test('retries are told by code, the most frequent first', () => {
  const metrics = [
    '# TYPE slipway_bridge_topics_retried_requests counter',
    'slipway_bridge_topics_retried_requests{code="UNAVAILABLE"} 2',
    'slipway_bridge_topics_retried_requests{code="RESOURCE_EXHAUSTED"} 31',
    'slipway_bridge_topics_sent_messages 900',
  ]
  expect(retriesIn(metrics.join('\n'))).toEqual([
    { code: 'RESOURCE_EXHAUSTED', requests: 31 },
    { code: 'UNAVAILABLE', requests: 2 },
  ])
})

interface ErrorRow {
  _seq: number
  position: string
  code: string
}

/** History with nothing but `bridge_errors`. */
async function historyOf(state: { epoch: number; rows: ErrorRow[] }) {
  const asked: number[] = []
  const app = new Hono().get('/v1/tables/bridge_errors/rows', (c) => {
    const afterSeq = Number(c.req.query('afterSeq'))
    asked.push(afterSeq)
    const rows = state.rows.filter((row) => row._seq > afterSeq)
    const full = { lane: 'topics', target: 't', reason: 'why', attempts: 1 }
    const text = rows.map((row) => `${JSON.stringify({ ...full, ...row })}\n`).join('')
    return c.body(text, 200, {
      'slipway-epoch': String(state.epoch),
      'slipway-to-seq': String(Math.max(0, ...state.rows.map(({ _seq }) => _seq))),
    })
  })
  const server = await listenOn(app.fetch, 0)
  return {
    historyUrl: `http://127.0.0.1:${server.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.close(),
  }
}

test('what is open is the table folded by position, read on from where it was', async () => {
  const { clock, advance } = movable()
  const state = {
    epoch: 1,
    rows: [
      { _seq: 3, position: 'a@1', code: 'TOO_LARGE' },
      { _seq: 9, position: 'a@2', code: 'INVALID_ARGUMENT' },
    ],
  }
  await using history = await historyOf(state)
  const log = new BridgeErrorLog({ clock, historyUrl: history.historyUrl })
  expect(await log.answer()).toMatchObject({
    open: 2,
    newest: [{ position: 'a@2' }, { position: 'a@1' }],
  })
  state.rows.push({ _seq: 12, position: 'a@1', code: 'DELIVERED' })
  expect((await log.answer()).open).toBe(2)
  advance(10 * secondMs)
  expect(await log.answer()).toMatchObject({
    open: 1,
    byCode: [{ code: 'INVALID_ARGUMENT', records: 1 }],
    newest: [{ position: 'a@2' }],
  })
  expect(history.asked).toEqual([0, 9])
})

test('a history that was rebuilt is read from its beginning', async () => {
  const { clock, advance } = movable()
  const state = { epoch: 1, rows: [{ _seq: 90, position: 'a@1', code: 'TOO_LARGE' }] }
  await using history = await historyOf(state)
  const log = new BridgeErrorLog({ clock, historyUrl: history.historyUrl })
  await log.answer()
  state.epoch = 2
  state.rows = [{ _seq: 4, position: 'b@7', code: 'TOO_LARGE' }]
  advance(10 * secondMs)
  expect((await log.answer()).newest).toMatchObject([{ position: 'b@7' }])
})

test('fewer rows that are older are on their way; anything else that is unequal differs', () => {
  const verdict = (history: [number, number], bigquery: [number, number]) => {
    const side = ([rows, maxSeq]: [number, number]) =>
      new Map([['carts' as const, { rows, maxSeq }]])
    return agreementOf('carts', side(history), side(bigquery)).agreement
  }
  expect(verdict([10, 99], [10, 99])).toBe('equal')
  expect(verdict([10, 99], [8, 80])).toBe('behind')
  expect(verdict([10, 99], [9, 99])).toBe('differs')
  expect(verdict([10, 99], [11, 99])).toBe('differs')
  expect(verdict([0, 0], [0, 0])).toBe('equal')
})

test('both sides are compared as of one _seq, and who does not answer is named', async () => {
  const { clock, advance } = movable()
  const listing = { name: 'events', rows: 7, maxSeq: 40 }
  const app = new Hono().get('/v1/tables', (c) => c.json({ epoch: 3, tables: [listing] }))
  const server = await listenOn(app.fetch, 0)
  const queries: string[] = []
  let isAway = false
  const client = {
    query({ query }: { query: string }) {
      queries.push(query)
      if (isAway) return Promise.reject(new Error('no answer'))
      return Promise.resolve([[{ name: 'events', row_count: 7, max_seq: 40 }]])
    },
  }
  const place = { mode: 'emulator', projectId: 'p', dataset: 'd' } as const
  const parity = new ParityCheck({
    clock,
    historyUrl: `http://127.0.0.1:${server.port}`,
    // As much of Google's client as is asked here.
    cloud: { place, bigQuery: async () => client as never },
  })
  expect(parity.answer()).toEqual({ is: 'checking' })
  await expect.poll(() => parity.answer()).toMatchObject({ is: 'compared', epoch: 3, asOfSeq: 40 })
  expect(queries[0]).toContain('d.events_log WHERE _epoch = 3 AND _seq <= 40')
  const found = parity.answer()
  expect(found.is === 'compared' && found.tables.map(({ agreement }) => agreement)).toEqual(
    tableNames.map(() => 'equal'),
  )
  expect(queries).toHaveLength(1)
  isAway = true
  advance(3600 * secondMs)
  await expect.poll(() => parity.answer()).toMatchObject({ is: 'away', of: 'bigquery' })
  await server.close()
  advance(3600 * secondMs)
  await expect.poll(() => parity.answer()).toMatchObject({ is: 'away', of: 'history' })
})
