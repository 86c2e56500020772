// How far a first start is with its past traffic: the shop tells how much there is, history how much has come out at
// the far end. Asked by pages that would else show figures without saying that they are not whole yet.

import { Hono } from 'hono'
import type { Clock } from '../../stack/base/clock.ts'
import { secondMs } from '../../stack/base/units.ts'

export interface Past {
  isLoading: boolean
  /** Events that there will be, and those that have an outcome in history. */
  total: number
  done: number
}

export interface PastOptions {
  clock: Clock
  shopUrl: string | undefined
  historyUrl: string
}

/** What the shop's `GET /status` tells of its simulated traffic. */
interface ShopStatus {
  traffic: { phase: string; total: number } | null
}

interface Totals {
  received: number
  enriched: number
  rejected: number
  duplicate: number
}

const answerLimitMs = 10 * secondMs
const keptMs = secondMs
/** Live traffic on its way through is less than this. */
const backlogRecords = 2000

export function pastRoute({ clock, shopUrl, historyUrl }: PastOptions) {
  let kept: { past: Past; atMs: number } | undefined
  return new Hono().get('/', async (c) => {
    c.header('Cache-Control', 'no-store')
    if (!kept || clock.monotonicMs() - kept.atMs >= keptMs) {
      const [status, positions] = await Promise.all([
        shopUrl === undefined ? undefined : answerOf<ShopStatus>(`${shopUrl}/status`),
        answerOf<{ totals: Totals }>(`${historyUrl}/v1/positions`),
      ])
      if (!positions) return c.json({ error: 'History did not answer.' }, 502)
      const past = pastOf(status?.traffic ?? undefined, positions.totals)
      kept = { past, atMs: clock.monotonicMs() }
    }
    return c.json<Past>(kept.past)
  })
}

export function pastOf(traffic: ShopStatus['traffic'] | undefined, totals: Totals): Past {
  const done = totals.enriched + totals.rejected + totals.duplicate
  const { received } = totals
  const isWriting = traffic?.phase === 'past'
  const total = Math.max(received, isWriting ? (traffic?.total ?? 0) : 0)
  return { isLoading: isWriting || received - done > backlogRecords, total, done }
}

/** Undefined where nobody answers. */
async function answerOf<T>(url: string): Promise<T | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerLimitMs) })
    return response.ok ? ((await response.json()) as T) : undefined
  } catch {
    return undefined
  }
}
