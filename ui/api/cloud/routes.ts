// The cloud's figures: where it is, how it stands beside history, and the answers to a page's questions, all of them in
// one request, because they share what BigQuery reads and what that costs. An answer has the shape of history's own and
// is made by the same code; questions may be as of a `_seq`, and are then answered when the cloud has come that far.

import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import type { Clock } from '../../../stack/base/clock.ts'
import { UsageError } from '../../../stack/base/errors.ts'
import { secondMs } from '../../../stack/base/units.ts'
import { answerMetric } from '../../../stack/contract/metrics/answer.ts'
import { together } from '../../../stack/contract/metrics/sql.ts'
import type { MetricRequest } from '../../../stack/contract/metrics/answer.ts'
import type { MetricAnswer } from '../../../stack/contract/metrics/definition.ts'
import { bigquery } from '../../../stack/contract/metrics/dialect.ts'
import type { Settings } from '../../../stack/contract/settings.ts'
import type { Cloud, CloudPlace } from '../cloud.ts'
import type { Behind, CloudPosition, Position } from './position.ts'
import { behindOf, positionOfCloud, positionOfHistory } from './position.ts'
import type { Spent } from './reading.ts'
import { Reading, WaitsForWord } from './reading.ts'
import type { Trouble } from './trouble.ts'
import { cloudOff, nothingThere, troubleOf } from './trouble.ts'

export interface CloudRoutesOptions {
  cloud: Cloud
  historyUrl: string
  settings: Settings
  clock: Clock
}

/** How the cloud stands. */
export type Standing =
  | { isReady: false; trouble: Trouble }
  | {
      isReady: true
      cloud: Position
      /** Null where history does not answer. */
      history: Position | null
      behind: Behind | null
    }

export interface CloudQuestion extends MetricRequest {
  id: string
  /** Of history's answer, which this one is compared with. */
  asOf?: { seq: number; watermark: string | null }
}

export interface CloudQuestions {
  questions: CloudQuestion[]
  /** Read also what is above the limit. */
  isApproved?: boolean
}

/** A line of the answer; `done` is the last. */
export type CloudLine =
  | { kind: 'answer'; index: number; answer: MetricAnswer; behind: Behind | null }
  | { kind: 'refused'; index: number; error: string; hint?: string }
  | { kind: 'trouble'; index: number; trouble: Trouble }
  | { kind: 'waits'; index: number }
  | { kind: 'estimate'; bytes: number }
  | { kind: 'done'; spent: Spent; limitBytes: number }

const questionsMax = 200
/** As long a look at what each side has may serve others. */
const freshMs = secondMs
const lookMs = 250
/** Rows that are on their way are waited for. */
const waitMs = 4 * secondMs

export function cloudRoutes(options: CloudRoutesOptions) {
  const { cloud, settings, clock } = options
  const sides = new Sides(options)
  return new Hono()
    .get('/', (c) => c.json<CloudPlace>(cloud.place, 200, { 'cache-control': 'no-store' }))
    .get('/standing', async (c) =>
      c.json<Standing>(await standing(cloud, sides), 200, { 'cache-control': 'no-store' }),
    )
    .post('/metrics', async (c) => {
      const { questions, isApproved = false } = readQuestions(await c.req.json().catch(() => null))
      const { place } = cloud
      if (place.mode === 'off') return c.json({ error: cloudOff.title, hint: cloudOff.says }, 409)
      c.header('Content-Type', 'application/x-ndjson')
      c.header('Cache-Control', 'no-store')
      return stream(c, async (body) => {
        const write = (line: CloudLine) => body.write(`${JSON.stringify(line)}\n`)
        const failed = (index: number, error: unknown): CloudLine => {
          if (error instanceof WaitsForWord) return { kind: 'waits', index }
          if (!(error instanceof UsageError))
            return { kind: 'trouble', index, trouble: troubleOf(error, place) }
          const { message, hint } = error
          return { kind: 'refused', index, error: message, ...(hint !== undefined && { hint }) }
        }
        try {
          const client = await cloud.bigQuery()
          if (!client) return
          const asOfs = questions.flatMap(({ asOf }) => asOf?.seq ?? [])
          const position = await sides.covering(asOfs.length === 0 ? undefined : Math.max(...asOfs))
          if (!position) {
            const trouble = nothingThere(place)
            for (const index of questions.keys()) await write({ kind: 'trouble', index, trouble })
            return
          }
          const history = asOfs.length === 0 ? undefined : await sides.history()
          const { limitBytes } = cloud
          const reading = new Reading({
            client,
            datasetId: place.dataset,
            settings,
            clock,
            limitBytes,
            atOnceMax: place.mode === 'google' ? 4 : 1,
            isApproved,
            onEstimate: (bytes) => void write({ kind: 'estimate', bytes }),
          })
          const answered = questions.map(async ({ id, asOf, ...request }, index) => {
            const { epoch, maxSeq } = position
            // Numbers of another epoch mean other rows.
            const toSeq = history?.epoch === epoch ? (asOf?.seq ?? maxSeq) : maxSeq
            const answer = await answerMetric(id, request, {
              dialect: bigquery,
              settings,
              watermarkMs: asOf?.watermark ? Date.parse(asOf.watermark) : position.watermarkMs,
              cells: (sql) => reading.cells(together(sql), { epoch, toSeq }),
              asOfSeq: () => toSeq,
            })
            const behind = history ? behindOf(position, history, toSeq) : null
            await write({ kind: 'answer', index, answer, behind })
          })
          await Promise.all(
            answered.map((each, index) => each.catch((error) => write(failed(index, error)))),
          )
          await write({ kind: 'done', spent: reading.spent, limitBytes })
        } catch (error) {
          for (const index of questions.keys()) await write(failed(index, error))
        }
      })
    })
}

async function standing(cloud: Cloud, sides: Sides): Promise<Standing> {
  const { place } = cloud
  if (place.mode === 'off') return { isReady: false, trouble: cloudOff }
  try {
    const [position, history] = await Promise.all([sides.cloud(), sides.history()])
    if (!position) return { isReady: false, trouble: nothingThere(place) }
    const behind = history ? behindOf(position, history) : null
    return { isReady: true, cloud: position, history: history ?? null, behind }
  } catch (error) {
    return { isReady: false, trouble: troubleOf(error, place) }
  }
}

/** What each side has, looked at once for all who ask at the same time. */
class Sides {
  readonly #options: CloudRoutesOptions
  readonly #cloud: Shared<CloudPosition | undefined>
  readonly #history: Shared<Position | undefined>

  constructor(options: CloudRoutesOptions) {
    this.#options = options
    const { cloud, historyUrl, clock } = options
    this.#cloud = shared(clock, async () => {
      const client = await cloud.bigQuery()
      const { place } = cloud
      return client && place.mode !== 'off'
        ? positionOfCloud(client, place.dataset, options)
        : undefined
    })
    this.#history = shared(clock, () => positionOfHistory(historyUrl))
  }

  cloud(): Promise<CloudPosition | undefined> {
    return this.#cloud(freshMs)
  }

  history(): Promise<Position | undefined> {
    return this.#history(freshMs)
  }

  /** What the cloud has when it has all of history's rows up to this one, or when that was waited for long enough. */
  async covering(toSeq: number | undefined): Promise<CloudPosition | undefined> {
    if (toSeq === undefined) return this.cloud()
    const { clock } = this.#options
    const untilMs = clock.monotonicMs() + waitMs
    for (;;) {
      const [position, history] = await Promise.all([this.#cloud(lookMs), this.#history(lookMs)])
      if (!position || !history) return position
      const behind = behindOf(position, history, toSeq)
      if (behind.rows === 0 || behind.isOtherEpoch || clock.monotonicMs() > untilMs) return position
      await clock.sleep(lookMs)
    }
  }
}

type Shared<T> = (freshMs: number) => Promise<T>

function shared<T>(clock: Clock, ask: () => Promise<T>): Shared<T> {
  let last: { atMs: number; answer: Promise<T> } | undefined
  return (freshMs) => {
    if (last && clock.monotonicMs() - last.atMs < freshMs) return last.answer
    const answer = ask()
    const asked = { atMs: Infinity, answer }
    last = asked
    // Fresh from when it has answered; a failure is not kept.
    answer.then(
      () => (asked.atMs = clock.monotonicMs()),
      () => last === asked && (last = undefined),
    )
    return answer
  }
}

function readQuestions(body: unknown): CloudQuestions {
  const { questions, isApproved } = (body ?? {}) as Partial<CloudQuestions>
  const isList = Array.isArray(questions) && questions.length <= questionsMax
  if (!isList || questions.some((each) => typeof each?.id !== 'string')) {
    throw new UsageError('questions are missing, or too many')
  }
  return { questions, isApproved: isApproved === true }
}
