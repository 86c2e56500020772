// kill -9 at every step of lane B's protocol, many times, while replies are lost on the way: afterwards every row that
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
import type { Life } from './kill-main.ts'
import { startTablesLane } from './start.ts'
import type { Step } from './table-shipper.ts'
import { createTables, FakeHistory, targetOf } from './testing.ts'

const child = new URL('./kill-main.ts', import.meta.url).pathname

/**
 * The first life begins to ship. An intent that was never sent is one that has not landed in the next life; `sending` is
 * killed before, while and after the rows are committed.
 */
const steps: readonly Step[] = [
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
]
/** These come many times in a life. */
const often: ReadonlySet<Step> = new Set(['intent', 'sending', 'replied', 'landed'])

export function everyRowIsThereOnce({ kills, seed }: { kills: number; seed: number }): void {
  test(
    `after ${kills} kills every row is in BigQuery once`,
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
        server.faults.set(random.chance(0.4) ? [lostReply(random)] : [])
        const step = steps[life % steps.length] as Step
        const afterMs = step === 'sending' ? random.pick([0, 1, 3, 8, 20]) : 0
        const dieAt = { step, nth: often.has(step) ? 1 + random.int(3) : 1, afterMs }
        const of = await live({ ...route, dieAt })
        died.set(of, (died.get(of) ?? 0) + 1)
      }
      server.faults.set([])
      await shipTheRest(route, history)
      for (const [table, source] of [
        ['orders_log', 'orders_log'],
        ['events_log', 'events'],
      ] as const) {
        const [rows] = await client.query(`SELECT _seq FROM d.${table} ORDER BY _seq`)
        const expected = history.rows(source).map((row) => row['_seq'])
        expect(rows.map(({ _seq }: { _seq: number }) => _seq)).toEqual(expected)
      }
      expect([...died.keys()].sort()).toEqual(
        expect.arrayContaining(['intent', 'replied', 'sending']),
      )
      process.stdout.write(`lane B died of ${JSON.stringify(Object.fromEntries(died))}\n`)
      rmSync(route.dataDir, { recursive: true })
    },
  )
}

const folder = () => mkdtempSync(join(tmpdir(), 'slipway-lane-b-kill-'))

/** Committed or not, nobody is told. */
function lostReply(random: Random): Fault {
  return {
    method: random.pick(['AppendRows', 'AppendRows', 'FinalizeWriteStream', 'CreateWriteStream']),
    code: 14,
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
