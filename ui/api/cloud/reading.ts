// BigQuery read for the questions of one page. Texts that come within one turn of the event loop are put together, eight
// to a statement and each once, since Google bills a statement by the columns it reads. All are dry run first: what
// would read more than the limit waits for somebody's word.

import type { Clock } from '../../../stack/base/clock.ts'
import { OperatingError } from '../../../stack/base/errors.ts'
import { secondMs } from '../../../stack/base/units.ts'
import type { Cell } from '../../../stack/contract/metrics/answer.ts'
import type { AsOf } from '../../../stack/contract/metrics/as-of.ts'
import { unionAsOf } from '../../../stack/contract/metrics/as-of.ts'
import type { Settings } from '../../../stack/contract/settings.ts'
import type { BigQueryClients } from '../../../stack/google/bigquery.ts'

export interface Spent {
  /** Bytes of the dry runs. */
  estimatedBytes: number
  billedBytes: number
  statements: number
  /** Statements that BigQuery answered from its cache. */
  cached: number
}

/** More than the limit would be read. */
export class WaitsForWord extends OperatingError {
  override name = 'WaitsForWord'
}

export interface ReadingOptions {
  client: BigQueryClients['client']
  datasetId: string
  settings: Settings
  clock: Clock
  limitBytes: number
  /** Statements: Google has many machines, the stand-in one thread. */
  atOnceMax: number
  /** Somebody has seen the estimate and said yes. */
  isApproved: boolean
  /** Before the first statement runs. */
  onEstimate?(bytes: number): void
}

interface Asked {
  text: string
  asOf: AsOf
  answer: PromiseWithResolvers<Cell[]>
}

interface Statement {
  sql: string
  asked: readonly Asked[]
}

interface StatementRow extends Cell {
  question: number
}

type QueryAnswer = [
  rows: StatementRow[],
  nextPage: unknown,
  response: { cacheHit?: boolean; totalBytesBilled?: string; totalBytesProcessed?: string },
]

/** Neighbours of the registry mostly need the same relations; more of them make a plan too large. */
const togetherMax = 8
export const answerLimitMs = 15 * secondMs

export class Reading {
  readonly spent: Spent = { estimatedBytes: 0, billedBytes: 0, statements: 0, cached: 0 }
  readonly #options: ReadingOptions
  readonly #known = new Map<string, Promise<Cell[]>>()
  #waiting: Asked[] = []

  constructor(options: ReadingOptions) {
    this.#options = options
  }

  cells(text: string, asOf: AsOf): Promise<Cell[]> {
    const key = `${asOf.epoch}/${asOf.toSeq}/${text}`
    const known = this.#known.get(key)
    if (known) return known
    const answer = Promise.withResolvers<Cell[]>()
    if (this.#waiting.length === 0) setImmediate(() => void this.#read())
    this.#waiting.push({ text, asOf, answer })
    this.#known.set(key, answer.promise)
    return answer.promise
  }

  async #read(): Promise<void> {
    const asked = this.#waiting
    this.#waiting = []
    try {
      const statements = this.#statements(asked)
      const { isApproved, limitBytes, atOnceMax, onEstimate } = this.#options
      await eachOf(statements, atOnceMax, (statement) => this.#estimate(statement))
      if (this.spent.estimatedBytes > limitBytes && !isApproved) {
        throw new WaitsForWord('BigQuery would read more than the limit')
      }
      onEstimate?.(this.spent.estimatedBytes)
      await eachOf(statements, atOnceMax, (statement) => this.#run(statement))
    } catch (error) {
      for (const { answer } of asked) answer.reject(error)
    }
  }

  #statements(asked: readonly Asked[]): Statement[] {
    const groups = Map.groupBy(asked, ({ asOf }) => `${asOf.epoch}/${asOf.toSeq}`)
    return [...groups.values()].flatMap((group) => {
      const statements: Statement[] = []
      for (let from = 0; from < group.length; from += togetherMax) {
        const some = group.slice(from, from + togetherMax)
        const texts = some.map(
          ({ text }, i) =>
            `SELECT ${i} AS question, part, bucket, dimension, CAST(amount AS FLOAT64) AS amount FROM (${text}) AS each`,
        )
        const { asOf } = some[0] as Asked
        statements.push({ sql: unionAsOf(texts, asOf, this.#options), asked: some })
      }
      return statements
    })
  }

  async #estimate({ sql }: Statement): Promise<void> {
    const { client, clock } = this.#options
    const asked = client.createQueryJob({ query: sql, dryRun: true })
    const [job] = await withinLimit(asked, clock)
    this.spent.estimatedBytes += Number(job.metadata?.statistics?.totalBytesProcessed ?? 0)
  }

  async #run({ sql, asked }: Statement): Promise<void> {
    const { client, clock } = this.#options
    const query = { query: sql, jobTimeoutMs: answerLimitMs }
    // The client's types leave out what comes behind the rows.
    const answer = (await withinLimit(client.query(query), clock)) as unknown as QueryAnswer
    const [rows, , { cacheHit, totalBytesBilled, totalBytesProcessed }] = answer
    this.spent.statements++
    if (cacheHit) this.spent.cached++
    this.spent.billedBytes += Number(totalBytesBilled ?? totalBytesProcessed ?? 0)
    const byQuestion = Map.groupBy(rows, ({ question }) => question)
    for (const [i, { answer }] of asked.entries()) answer.resolve(byQuestion.get(i) ?? [])
  }
}

/** A few at a time; the first that fails ends it. */
async function eachOf<T>(
  items: readonly T[],
  atOnceMax: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values()
  const worker = async () => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: atOnceMax }, worker))
}

/** Google's client has no limit of its own that covers a whole call. */
export async function withinLimit<T>(work: Promise<T>, clock: Clock): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = clock.after(answerLimitMs, () =>
    late.reject(
      new OperatingError(`BigQuery did not answer in ${answerLimitMs / secondMs} s`, {
        retriable: true,
      }),
    ),
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    timer.cancel()
  }
}
