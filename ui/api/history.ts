// Questions to history, passed on: only the read routes that the page needs, with a time limit and the reader's own
// abort carried through. Answers of a second ago are given again, so that a page that asks thirty things twice costs
// history once. Routes and answers are typed by history's own app.

import type { Context, TypedResponse } from 'hono'
import { Hono } from 'hono'
import { hc } from 'hono/client'
import type { InferResponseType } from 'hono/client'
import type { ReadApi } from '../../processor/history/read-api.ts'
import type { Clock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { secondMs } from '../../stack/base/units.ts'
import type { MetricAnswer } from '../../stack/contract/metrics/definition.ts'

const answerLimitMs = 15 * secondMs
const keptMs = secondMs
const keptMax = 200

export interface HistoryOptions {
  historyUrl: string
  clock: Clock
}

interface Kept {
  atMs: number
  status: number
  body: string
}

type Client = ReturnType<typeof hc<ReadApi>>['v1']
type Tables = InferResponseType<Client['tables']['$get'], 200>
type Metrics = InferResponseType<Client['metrics']['$get'], 200>
type Positions = InferResponseType<Client['positions']['$get'], 200>

export function historyRoutes({ historyUrl, clock }: HistoryOptions) {
  const { v1 } = hc<ReadApi>(historyUrl)
  const ask = asker(clock)
  return new Hono()
    .get('/metrics', (c) => ask<Metrics>(c, v1.metrics.$url()))
    .get('/metrics/:id{[a-z0-9_]+}', (c) =>
      ask<MetricAnswer>(c, v1.metrics[':id'].$url({ param: { id: c.req.param('id') } })),
    )
    .get('/tables', (c) => ask<Tables>(c, v1.tables.$url()))
    .get('/positions', (c) => ask<Positions>(c, v1.positions.$url()))
}

function asker(clock: Clock) {
  const kept = new Map<string, Kept>()
  return async function ask<T>(c: Context, at: URL) {
    const url = at.href + new URL(c.req.url).search
    const known = kept.get(url)
    if (known && clock.monotonicMs() - known.atMs < keptMs) return answer<T>(c, known)
    try {
      const response = await fetch(url, {
        signal: AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(answerLimitMs)]),
      })
      const fresh = {
        atMs: clock.monotonicMs(),
        status: response.status,
        body: await response.text(),
      }
      if (response.ok) keep(kept, url, fresh)
      return answer<T>(c, fresh)
    } catch (error) {
      const body = JSON.stringify({
        error: 'History did not answer.',
        detail: messageOf(error),
        hint: 'Live figures are unaffected. Try again in a moment.',
      })
      return answer<T>(c, { atMs: 0, status: 502, body })
    }
  }
}

/** The text goes through as it came; the type says what it holds. */
function answer<T>(c: Context, { status, body }: Kept): Response & TypedResponse<T, 200, 'json'> {
  const response: Response = c.body(body, status as 200, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
  })
  return response as Response & TypedResponse<T, 200, 'json'>
}

function keep(kept: Map<string, Kept>, url: string, answer: Kept): void {
  kept.delete(url)
  kept.set(url, answer)
  const oldest = kept.keys().next()
  if (kept.size > keptMax && !oldest.done) kept.delete(oldest.value)
}
