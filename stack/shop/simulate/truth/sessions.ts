// Sessions as they should come out (S1 to S5), from acts in T3 order.

import { isoTime } from '#stack/base/units.ts'
import { sessionKey, visitorOf } from '#stack/contract/ids.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Act } from './acts.ts'

export interface TrueSession {
  key: string
  visitor: string
  acts: Act[]
  startedMs: number
  endedMs: number
  /** Purchases that are the first of their order among the visitor's activity (R20). */
  orders: number
  /** How far the session came, step after step, and each step by itself (2.7). */
  closedSteps: number
  openSteps: Set<number>
}

export function sessionsOf(acts: readonly Act[], settings: Settings): TrueSession[] {
  const sessions: TrueSession[] = []
  const current = new Map<string, TrueSession>()
  const ordered = new Map<string, Set<string>>()
  for (const act of acts) {
    if (!act.isActivity) continue
    const visitor = visitorOf(act.event)
    let session = current.get(visitor)
    if (!session || startsNew(session, act, settings)) {
      session = open(visitor, act)
      current.set(visitor, session)
      sessions.push(session)
    }
    const orders = ordered.get(visitor) ?? new Set()
    ordered.set(visitor, orders)
    join(session, act, orders)
  }
  return sessions
}

/** S3: a pause of the gap or longer, or the longest session, starts a new one. */
function startsNew(session: TrueSession, act: Act, settings: Settings): boolean {
  if (act.timeMs - session.endedMs >= settings.sessionGapMs) return true
  return settings.maxSessionMs > 0 && act.timeMs - session.startedMs >= settings.maxSessionMs
}

function open(visitor: string, act: Act): TrueSession {
  return {
    key: sessionKey(visitor, act.event.source, act.event.eventId),
    visitor,
    acts: [],
    startedMs: act.timeMs,
    endedMs: act.timeMs,
    orders: 0,
    closedSteps: 0,
    openSteps: new Set(),
  }
}

/** The funnel, in the order in which its steps must follow one another. */
export const funnelSteps: Readonly<Record<string, number>> = {
  view_item: 1,
  add_to_cart: 2,
  begin_checkout: 3,
  purchase: 4,
}

function join(session: TrueSession, act: Act, orders: Set<string>): void {
  session.acts.push(act)
  session.endedMs = act.timeMs
  const step = funnelSteps[act.event.name]
  if (step === undefined) return
  if (step === 4) {
    const orderId = act.event.data.orderId as string
    if (orders.has(orderId)) return
    orders.add(orderId)
    session.orders++
  }
  session.openSteps.add(step)
  if (session.closedSteps === step - 1) session.closedSteps = step
}

export function sessionRow(session: TrueSession, asOfMs: number, settings: Settings): SessionRow {
  const { acts } = session
  const last = acts[acts.length - 1] as Act
  const pages = acts.filter(({ event }) => event.context?.page?.url !== undefined)
  const count = (name: string) => acts.filter(({ event }) => event.name === name).length
  const campaign = acts.find(({ event }) => event.context?.campaign)?.event.context?.campaign
  return {
    session_key: session.key,
    person_id: last.person,
    anonymous_id: last.event.anonymousId ?? null,
    user_id: last.event.userId ?? null,
    started_at: isoTime(session.startedMs),
    ended_at: isoTime(session.endedMs),
    duration_ms: session.endedMs - session.startedMs,
    event_count: acts.length,
    page_views: count('page_view'),
    product_views: count('view_item'),
    adds: count('add_to_cart'),
    checkouts: count('begin_checkout'),
    orders: session.orders,
    engaged: isEngaged(session),
    landing_url: pages[0]?.event.context?.page?.url ?? null,
    exit_url: pages.at(-1)?.event.context?.page?.url ?? null,
    referrer: pages[0]?.event.context?.page?.referrer ?? null,
    campaign_source: campaign?.source ?? null,
    campaign_medium: campaign?.medium ?? null,
    campaign_name: campaign?.name ?? null,
    is_closed: asOfMs >= closesMs(session, settings),
  }
}

/** S5. */
export function closesMs(session: TrueSession, settings: Settings): number {
  const { startedMs, endedMs } = session
  const mostMs = settings.maxSessionMs > 0 ? startedMs + settings.maxSessionMs : Infinity
  return Math.min(endedMs + settings.sessionGapMs, mostMs)
}

export type SessionRow = Record<string, string | number | boolean | null>

const engagedFromMs = 10_000

export function isEngaged({ startedMs, endedMs, acts }: TrueSession): boolean {
  if (endedMs - startedMs > engagedFromMs) return true
  const pages = acts.filter(({ event }) => event.name === 'page_view').length
  return pages >= 2 || acts.some(({ event }) => event.name === 'purchase')
}
