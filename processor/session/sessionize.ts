// S2, S3: a visitor's activity, in T3 order, cut into sessions. A pause of at least G starts a new one, and so does an
// event `maxSession` or more after the first.
//
//   G = 5 min        10    12              20       pauses 2, 8: two sessions
//   then a late one  10    12    16        20       pauses 2, 4, 4: one session, 10 to 20
//
// Nothing here knows what is late: the whole row is cut again, and the difference is published.

import type { Settings } from '#stack/contract/settings.ts'
import type { Ordered } from '#stack/contract/order.ts'

type SessionSettings = Pick<Settings, 'sessionGapMs' | 'maxSessionMs'>

export interface Session<E extends Ordered> {
  /** T3 order, never empty. */
  events: E[]
  /** Index of each event in the visitor's row. */
  indices: number[]
  firstMs: number
  lastMs: number
}

export function sessionize<E extends Ordered & { isActivity: boolean; isFinal: boolean }>(
  events: readonly E[],
  { sessionGapMs, maxSessionMs }: SessionSettings,
): Session<E>[] {
  const sessions: Session<E>[] = []
  let open: Session<E> | undefined
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as E
    if (!event.isActivity || event.isFinal) continue
    const { timeMs } = event
    const joins =
      open !== undefined &&
      timeMs - open.lastMs < sessionGapMs &&
      (maxSessionMs === 0 || timeMs - open.firstMs < maxSessionMs)
    if (open === undefined || !joins) {
      open = { events: [], indices: [], firstMs: timeMs, lastMs: timeMs }
      sessions.push(open)
    }
    open.events.push(event)
    open.indices.push(i)
    open.lastMs = timeMs
  }
  return sessions
}

/** S5: closed when the watermark is at or past this. */
export function closesAtMs(
  { firstMs, lastMs }: Pick<Session<Ordered>, 'firstMs' | 'lastMs'>,
  { sessionGapMs, maxSessionMs }: SessionSettings,
): number {
  const byGap = lastMs + sessionGapMs
  return maxSessionMs === 0 ? byGap : Math.min(byGap, firstMs + maxSessionMs)
}
