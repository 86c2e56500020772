// kill -9 at every step of lane B's protocols, many times, while replies are lost on the way: afterwards every row that
// history has is in BigQuery once.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { Random } from '#stack/base/random.ts'
import type { Fault } from '#stack/bigquery/faults.ts'
import { startBigQuery } from '#stack/bigquery/start.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { TablesWay } from '../options.ts'
import type { Life } from './kill-main.ts'
import { startTablesLane } from './start.ts'
import type { Step } from './logbook.ts'
import { createTables, FakeHistory, targetOf } from './testing.ts'

const child = new URL('./kill-main.ts', import.meta.url).pathname

/**
 * The first life begins to ship. An intent that was never sent is one that has not landed in the next life; `sending` is
 * killed before, while and after the rows are committed.
 */
const steps: Record<TablesWay, readonly Step[]> = {
  'write-api': [
    'shipping',
    'intent',
    'not-landed',
    'sending',
    'finalized',
    'replied',
    'closed',
    'sending',
    'created',
    'landed',
    'stream',
  ],
  load: ['load', 'asked', 'sending', 'filed', 'replied', 'sending', 'loaded', 'shipping'],
}
/** These come many times in a life. */
const often: ReadonlySet<Step> = new Set([
  'intent',
  'sending',
  'replied',
  'landed',
  'filed',
  'load',
  'loaded',
])
/** Every run has some of them. */
const surely: Record<TablesWay, readonly Step[]> = {
  'write-api': ['intent', 'replied', 'sending'],
  load: ['load', 'filed', 'sending'],
}
/** Calls whose replies are lost. */
const calls: Record<TablesWay, readonly string[]> = {
  'write-api': ['AppendRows', 'AppendRows', 'FinalizeWriteStream', 'CreateWriteStream'],
  load: ['POST /upload/', 'POST /upload/', 'GET /bigquery/v2/projects/shop/jobs/lb_'],
}

export interface Kills {
  /** Of several each life takes one by chance. */
  ways: readonly TablesWay[]
  kills: number
  seed: number
}

export function everyRowIsThereOnce({ ways, kills, seed }: Kills): void {
  test(
    `after ${kills} kills by ${ways.join(' or ')} every row is in BigQuery once`,
    { timeout: 60_000 + kills * 10_000 },
    async () => {
      const random = new Random(seed)
      await using server = await disposable(startBigQuery())
      const target = targetOf(server)
      const { client } = await connectBigQuery(target)
      await createTables(client, 'd')
      await using history = new FakeHistory()
      const route = { history: await history.listen(), target, dataset: 'd', dataDir: folder() }
      const died = new Map<string, number>()
      for (let life = 0; life < kills; life++) {
        history.add('orders', 5 + random.int(20))
        history.add('events', 1 + random.int(10))
        const by = random.pick(ways)
        server.faults.set(random.chance(0.4) ? [lostReply(by, random)] : [])
        const step = steps[by][life % steps[by].length] as Step
        const afterMs = step === 'sending' ? random.pick([0, 1, 3, 8, 20]) : 0
        const dieAt = { step, nth: often.has(step) ? 1 + random.int(3) : 1, afterMs }
        const of = await live({ ...route, by, dieAt })
        died.set(of, (died.get(of) ?? 0) + 1)
      }
      server.faults.set([])
      await shipTheRest({ ...route, by: random.pick(ways) }, history)
      for (const [table, source] of [
        ['orders_log', 'orders_log'],
        ['events_log', 'events'],
      ] as const) {
        const [rows] = await client.query(`SELECT _seq FROM d.${table} ORDER BY _seq`)
        const expected = history.rows(source).map((row) => row['_seq'])
        expect(rows.map(({ _seq }: { _seq: number }) => _seq)).toEqual(expected)
      }
      expect([...died.keys()]).toEqual(
        expect.arrayContaining([...new Set(ways.flatMap((by) => surely[by]))]),
      )
      process.stdout.write(`lane B died of ${JSON.stringify(Object.fromEntries(died))}\n`)
      rmSync(route.dataDir, { recursive: true })
    },
  )
}

const folder = () => mkdtempSync(join(tmpdir(), 'slipway-lane-b-kill-'))

/** Committed or not, nobody is told. */
function lostReply(by: TablesWay, random: Random): Fault {
  return {
    method: random.pick(calls[by]),
    code: by === 'load' ? 503 : 14,
    dropResponseAfterCommit: random.chance(0.7),
    times: 1 + random.int(2),
  }
}

async function live(life: Life): Promise<string> {
  const run = promisify(execFile)(process.execPath, [child, JSON.stringify(life)])
  const end = (await run.catch((error: unknown) => error)) as {
    stdout: string
    stderr: string
    signal?: string
  }
  expect([end.signal, end.stderr]).toEqual(['SIGKILL', ''])
  return end.stdout
}

async function shipTheRest(route: Omit<Life, 'dieAt'>, history: FakeHistory): Promise<void> {
  const lane = await startTablesLane({
    ...route,
    metrics: new Metrics(),
    logger: silentLogger,
    clock: systemClock,
    errors: { report: () => Promise.reject(new Error('no row is refused here')) },
    pollMs: 20,
  })
  await vi.waitFor(
    () => {
      for (const { state, position } of lane.status().streams) {
        expect([state, position]).toEqual(['caught-up', history.maxSeq])
      }
    },
    { timeout: 30_000, interval: 50 },
  )
  await lane.close()
}

async function disposable<T extends { close(): Promise<void> }>(
  starting: Promise<T>,
): Promise<T & AsyncDisposable> {
  const started = await starting
  return Object.assign(started, { [Symbol.asyncDispose]: () => started.close() })
}
