// `slipway start --cloud emulator` mirrors into its stand-ins; `slipway bridge verify` says so, and names what is changed
// there. Larger months, of several seeds, are in parity.long.test.ts.

import { execFile } from 'node:child_process'
import { describe, expect, test, vi } from 'vitest'
import type { RunningBridge } from '#bridge/start.ts'
import type { BothSides } from '#bridge/verify/both-sides.contract.ts'
import { MiB } from '#stack/base/units.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import { watchGooglePackages } from '../fixtures/google-packages.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { writeMonth } from './parity.contract.ts'
import { pageView } from './page-view.ts'

type BridgeStatus = ReturnType<RunningBridge['status']>
type StreamStatus = BridgeStatus['lanes'][number]['streams'][number]
type VerifyReport = Awaited<ReturnType<BothSides['verify']>>

interface Answers {
  status: BridgeStatus
  verify: VerifyReport
}

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

describe('a stack with stand-ins of Pub/Sub and BigQuery', () => {
  test(
    'has in them what it has, and names what is changed there: the row, and the figures that follow from it',
    { timeout: 300_000 },
    async () => {
      const watched = watchGooglePackages()
      await using stack = await startStack({
        args: ['--no-demo', '--cloud', 'emulator'],
        env: watched.env,
      })
      await writeMonth(stack, { scenario: 'full', seed: 15, records: 1500 })
      await stack.post('shop', '/v1/events', pageView('today'))
      await stack.settle()
      // The month lies further back than the mirror begins.
      await caughtUp(stack, { 'ecommerce-events': 1, 'enriched-user-events': 1 })
      expect(watched.loadedBy()).toEqual(['bridge/main.ts'])
      const before = await bridge(stack, 'verify')
      expect(before).toMatchObject({ code: 0, said: { isEqual: true } })

      const { bigquery = '' } = stack.addresses
      const cloud = await connectBigQuery({
        mode: 'emulator',
        projectId: 'slipway-local',
        bigquery,
      })
      for (const { dml } of planted) await cloud.client.query(dml)
      const { code, said } = await bridge(stack, 'verify')
      expect(code).toBe(4)
      expect(said.isEqual).toBe(false)
      const unequal = said.tables.filter((table) => !table.isEqual)
      const named = unequal.map(({ table, differences }) => {
        const [difference] = differences
        const columns = difference?.columns.map(({ name }) => name)
        return [table, differences.length, difference?.outcome, columns]
      })
      expect(new Map(named.map((each) => [each[0], each]))).toEqual(
        new Map(
          planted.map(({ table, outcome, columns }) => [table, [table, 1, outcome, columns]]),
        ),
      )
      await isKeyOf(cloud, unequal.find(({ table }) => table === 'orders_log')?.differences[0])
      const wrong = said.figures.filter((figure) => !figure.isEqual).map(({ metric }) => metric)
      expect(wrong).toEqual(expect.arrayContaining(['gross_revenue', 'net_revenue', 'aov']))
      expect(wrong).not.toContain('events')
    },
  )
})

/** Both lanes have nothing to do any more, and lane A, which looks now and then where a topic begins, has sent so many. */
async function caughtUp(stack: Stack, sent: Record<string, number>): Promise<void> {
  await vi.waitFor(
    async () => {
      const { said } = await bridge(stack, 'status')
      expect(said).toMatchObject({ state: 'caught-up', lagRecords: 0, openErrors: 0 })
      expect(said.lanes.map(({ lane }) => lane).sort()).toEqual(['tables', 'topics'])
      const streams = said.lanes.find(({ lane }) => lane === 'topics')?.streams ?? []
      const counts = Object.keys(sent).map((topic) => [topic, sentOf(streams, topic)])
      expect(Object.fromEntries(counts)).toEqual(sent)
    },
    { timeout: 180_000, interval: 500 },
  )
}

function sentOf(streams: readonly StreamStatus[], topic: string): number {
  const own = streams.filter(({ stream }) => stream.slice(0, stream.lastIndexOf('-')) === topic)
  return own.reduce((sum, { counts }) => sum + counts.sent, 0)
}

/** `slipway bridge …`, as a person types it. */
function bridge<C extends keyof Answers>(
  { portOffset }: Stack,
  command: C,
): Promise<{ code: number; said: Answers[C] }> {
  const words = ['bridge', command, '--json', '--port-offset', String(portOffset)]
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['stack/slipway.ts', ...words],
      { maxBuffer: 16 * MiB },
      (error, stdout, stderr) => {
        const code = error ? Number(error.code) : 0
        if (stdout === '') reject(new Error(`${words.join(' ')}: ${code}, ${stderr}`))
        else resolve({ code, said: JSON.parse(stdout) as Answers[C] })
      },
    )
  })
}

async function isKeyOf(
  { client }: BigQueryClients,
  difference: { seq: number; key: string } | undefined,
): Promise<void> {
  const [rows] = await client.query(
    `SELECT order_id FROM slipway.orders_log WHERE _seq = ${difference?.seq}`,
  )
  const [row] = rows as { order_id: string }[]
  expect(difference?.key).toBe(`order_id ${row?.order_id}`)
}
