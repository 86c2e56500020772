// Load jobs against a BigQuery that is made up: jobs that take their time, fail, or are never heard of again; rows that are
// refused with and without a name; a process that dies anywhere, and files that are gone.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '#stack/base/clock.ts'
import { Random } from '#stack/base/random.ts'
import type { RowPage } from '#stack/contract/row-pages.ts'
import type { HistoryClient } from '../history-client.ts'
import { LoadFile } from './load-file.ts'
import type { JobAnswer } from './load-protocol.ts'
import { LoadSink } from './load-sink.ts'
import type { LoadSinkOptions } from './load-sink.ts'
import { Logbook } from './logbook.ts'
import { tableResource } from './resources.ts'
import type { TableSink } from './sink.ts'
import { StateFile } from './state-file.ts'
import { TableShipper } from './table-shipper.ts'
import type { Target } from './target.ts'
import { madeUpRow, pageOf } from './testing.ts'

const rowCount = 60
const isBad = (seq: number) => seq % 17 === 0
const seqs = Array.from({ length: rowCount }, (_, i) => i + 1)

test('whatever fails and whenever the process dies, every row is loaded once or refused', async () => {
  for (let seed = 0; seed < 15; seed++) {
    const { loaded, refused } = await livesOf(new Random(seed))
    expect([seed, loaded]).toEqual([seed, seqs.filter((seq) => !isBad(seq))])
    expect([seed, [...refused].sort((a, b) => a - b)]).toEqual([seed, seqs.filter(isBad)])
  }
})

test('what is refused without a name is found by halves', async () => {
  const bigquery = new ModelBigQuery(new Random(1), 'calm')
  bigquery.isNameless = true
  using life = begun(bigquery)
  while ((await turnOf(life)) !== 'all there');
  expect(bigquery.rows).toEqual(seqs.filter((seq) => !isBad(seq)))
  expect(life.refused).toEqual(new Set(seqs.filter(isBad)))
  expect(bigquery.jobs.size).toBeLessThan(45)
})

test('where every row is refused without a name, the table stops before all of them are in the error lane', async () => {
  const bigquery = new ModelBigQuery(new Random(1), 'calm')
  bigquery.isNameless = true
  bigquery.refuses = () => true
  using life = begun(bigquery)
  await expect(
    (async () => {
      while ((await turnOf(life)) !== 'all there');
    })(),
  ).rejects.toThrow('20 rows in a row were refused')
  expect(life.refused.size).toBe(20)
})

interface ModelJob {
  /** So often it is looked at until it ends. */
  looks: number
  end: JobAnswer
  append: readonly number[]
}

/** Keeps what the real one promises: an id is taken once, and a job is whole or nothing. */
class ModelBigQuery implements Pick<Target, keyof LoadSinkOptions['target']> {
  readonly rows: number[] = []
  readonly jobs = new Map<string, ModelJob>()
  /** Uploads that were given up, and arrive after all. */
  late: { jobId: string; text: string }[] = []
  isNameless = false
  refuses = isBad
  readonly #random: Random
  readonly #trouble: number

  constructor(random: Random, mood: 'calm' | 'bad') {
    this.#random = random
    this.#trouble = mood === 'bad' ? 0.2 : 0
  }

  nameOf(tableId: string): string {
    return `p.d.${tableId}`
  }

  async insertLoad(_tableId: string, jobId: string, path: string) {
    if (this.#isTrouble()) {
      if (this.#random.chance(0.5)) this.late.push({ jobId, text: readFileSync(path, 'utf8') })
      return { kind: 'unknown', reason: 'lost' } as const
    }
    if (this.jobs.has(jobId)) return { kind: 'unknown', reason: 'Already Exists' } as const
    const job = this.#jobOf(readFileSync(path, 'utf8'))
    this.jobs.set(jobId, job)
    if (this.#isTrouble()) return { kind: 'unknown', reason: 'lost' } as const
    return this.#look(job)
  }

  async job(jobId: string): Promise<JobAnswer> {
    if (this.#isTrouble()) throw new Error('no answer')
    const job = this.jobs.get(jobId)
    if (job) return this.#look(job)
    if (this.#random.chance(0.3)) this.arrive()
    return { kind: 'absent' }
  }

  async hasUnfinishedLoads(): Promise<boolean> {
    const answers = [...this.jobs.values()].map((job) => this.#look(job))
    return answers.some(({ kind }) => kind === 'running')
  }

  async ask(_tableId: string, { seqFrom, seqTo }: { seqFrom: number; seqTo: number }) {
    const rows = this.rows.filter((seq) => seq >= seqFrom && seq <= seqTo)
    return { rows: rows.length, maxSeq: rows.length > 0 ? Math.max(...rows) : null }
  }

  arrive(): void {
    for (const { jobId, text } of this.late.splice(0)) {
      if (!this.jobs.has(jobId)) this.jobs.set(jobId, this.#jobOf(text))
    }
  }

  #isTrouble(): boolean {
    return this.#random.chance(this.#trouble)
  }

  #jobOf(text: string): ModelJob {
    const lines = text.split('\n').filter((line) => line !== '')
    const given = lines.map((line) => (JSON.parse(line) as { _seq: number })._seq)
    const looks = this.#isTrouble() ? 1 + this.#random.int(6) : 0
    const bad = given.findIndex((seq) => this.refuses(seq))
    const fails = (reason: string, message: string): ModelJob => ({
      looks,
      end: { kind: 'failed', reason, messages: [message] },
      append: [],
    })
    if (bad >= 0) {
      const position = Buffer.byteLength(lines.slice(0, bad).join('\n')) + (bad > 0 ? 1 : 0)
      const isNamed = !this.isNameless && !this.#isTrouble()
      return fails('invalid', isNamed ? `row starting at position ${position}: bad` : 'bad')
    }
    if (this.#isTrouble()) return fails('backendError', 'try again')
    return { looks, end: { kind: 'done', rows: given.length }, append: given }
  }

  #look(job: ModelJob): JobAnswer {
    if (job.looks-- > 0) return { kind: 'running' }
    this.rows.push(...job.append)
    job.append = []
    return job.end
  }
}

class Dead extends Error {}

interface Life extends Disposable {
  shipper: TableShipper
  refused: Set<number>
}

/** A process that dies at a step by chance, and where it goes on. */
function begun(
  bigquery: ModelBigQuery,
  dir = mkdtempSync(join(tmpdir(), 'slipway-load-sink-')),
  dies: () => boolean = () => false,
  refused = new Set<number>(),
): Life {
  const state = new StateFile(dir)
  const book = new Logbook({
    resource: tableResource('orders'),
    target: bigquery,
    state,
    onBadRow: async ({ seq }) => void refused.add(seq),
    count() {},
    onStep() {
      if (dies()) throw new Dead()
    },
  })
  const sink = new LoadSink({
    book,
    target: bigquery,
    clock: systemClock,
    file: new LoadFile(join(dir, 'loads', 'orders_log.ndjson')),
    intervalMs: 0,
    fileBytes: 20_000,
    fileRows: 25,
    holdLease: async () => {},
  })
  const target = { ensureColumns: async () => {} } as unknown as Target
  const shipper = new TableShipper({
    book,
    sink,
    other: nothingOpen,
    history,
    target,
    clock: systemClock,
  })
  return {
    shipper,
    refused,
    [Symbol.dispose]() {
      state.close()
    },
  }
}

const turnOf = ({ shipper }: Life) => shipper.turn(1, new AbortController().signal)

async function livesOf(random: Random): Promise<{ loaded: number[]; refused: Set<number> }> {
  const bigquery = new ModelBigQuery(random, 'bad')
  const dir = mkdtempSync(join(tmpdir(), 'slipway-load-sink-'))
  const refused = new Set<number>()
  for (let turns = 0, isOver = false; !isOver && turns < 500;) {
    using life = begun(bigquery, dir, () => random.chance(0.03), refused)
    for (let isAlive = true; isAlive && !isOver; turns++) {
      try {
        isOver = (await turnOf(life)) === 'all there'
      } catch (error) {
        isAlive = !(error instanceof Dead)
      }
    }
    if (random.chance(0.2)) rmSync(join(dir, 'loads'), { recursive: true })
    else if (random.chance(0.3)) {
      rmSync(join(dir, 'ships.ndjson'))
      // What arrives for a life that nobody remembers is the one weakness (README.md).
      bigquery.late = []
    }
  }
  rmSync(dir, { recursive: true })
  bigquery.arrive()
  while (await bigquery.hasUnfinishedLoads());
  return { loaded: bigquery.rows, refused }
}

const nothingOpen: TableSink = {
  turnRows: 0,
  restsUntilMs: 0,
  settle: async () => true,
  begin: async () => true,
  send: () => Promise.reject(new Error('it is not asked to')),
  forget() {},
  close() {},
}

const history = {
  async pages(
    _table: object,
    { afterSeq, limit = Infinity }: { afterSeq: number; limit?: number },
  ) {
    const wanted = seqs.filter((seq) => seq > afterSeq).slice(0, limit)
    return { toSeq: rowCount, pages: pagesOf(wanted) }
  },
} as unknown as HistoryClient

async function* pagesOf(wanted: readonly number[]): AsyncGenerator<RowPage> {
  for (let at = 0; at < wanted.length; at += 7) {
    const rows = wanted.slice(at, at + 7).map((seq) => madeUpRow('orders', seq, 1))
    yield pageOf('orders', rows)
  }
}
