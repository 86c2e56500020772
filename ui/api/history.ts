// Questions to history, passed on: only its read routes that the page needs, with a time limit, a bound on how many
// are open at once, and the reader's own abort carried through. Answers of a second ago are given again, so that a
// page that asks thirty things twice costs history once.

import type { Context, TypedResponse } from 'hono'
import { Hono } from 'hono'
import type { Clock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import type { MetricAnswer, MetricListing } from '../../stack/contract/metrics/definition.ts'
import { secondMs } from '../../stack/base/units.ts'

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

export function historyRoutes(options: HistoryOptions) {
  const ask = asker(options)
  return new Hono()
    .get('/metrics', (c) => ask<{ metrics: MetricListing[] }>(c, '/v1/metrics'))
    .get('/metrics/:id{[a-z0-9_]+}', (c) =>
      ask<MetricAnswer>(c, `/v1/metrics/${c.req.param('id')}`),
    )
    .get('/tables', (c) => ask<unknown>(c, '/v1/tables'))
    .get('/positions', (c) => ask<unknown>(c, '/v1/positions'))
}

function asker({ historyUrl, clock }: HistoryOptions) {
  const kept = new Map<string, Kept>()
  return async function ask<T>(c: Context, path: string) {
    const url = `${historyUrl}${path}${new URL(c.req.url).search}`
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
