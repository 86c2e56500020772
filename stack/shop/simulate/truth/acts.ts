// What the truth is told: every valid record of one person's log in the order of T3, with what the simulator knows
// about it. Whoever an event belongs to at its time is found on the way, by R2.

import { compareT3, orderedOf } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Delivery } from '../delivery.ts'

export interface Act {
  event: ShopEvent
  timeMs: number
  receivedMs: number
  order: Ordered
  isCrawler: boolean
  isTest: boolean
  hasConsent: boolean
  /** T1: the labels; `late` is applied, `tooLate` is not. */
  isLate: boolean
  isTooLate: boolean
  isServer: boolean
  /** Changes sessions, carts and links (R2, R12, T1); the others count for money at most. */
  counts: boolean
  /** R12. */
  isActivity: boolean
  /** personId at the event (R2). */
  person: string
  /** Set where it is the first link of its browser: whose things become `person`'s (R4). */
  linksVisitor?: string
}

const idle = new Set(['custom', 'refund'])

export function actOf(delivery: Delivery, settings: Settings): Act {
  const { event, isCrawler } = delivery
  const order = orderedOf(event)
  const receivedMs = Date.parse(event.receivedAt)
  const isTest = event.context?.test === true
  const hasConsent = event.context?.consent?.analytics !== false
  const lagMs = receivedMs - order.timeMs
  const isTooLate = lagMs > settings.allowedLatenessMs
  const isServer = settings.serverSources.includes(event.source)
  const counts = !isCrawler && !isTest && hasConsent && !isTooLate
  return {
    event,
    timeMs: order.timeMs,
    receivedMs,
    order,
    isCrawler,
    isTest,
    hasConsent,
    isLate: !isTooLate && lagMs > settings.watermarkDelayMs,
    isTooLate,
    isServer,
    counts,
    isActivity: counts && !isServer && !idle.has(event.name),
    person: '',
  }
}

/** T3 order, and who each act belongs to. */
export function orderActs(acts: Act[]): Act[] {
  acts.sort((a, b) => compareT3(a.order, b.order))
  const linked = new Map<string, string>()
  for (const act of acts) {
    const { anonymousId, userId } = act.event
    if (act.counts && anonymousId !== undefined && userId !== undefined) {
      if (!linked.has(anonymousId)) act.linksVisitor = `a:${anonymousId}`
      linked.set(anonymousId, userId)
    }
    const known = userId ?? (anonymousId === undefined ? undefined : linked.get(anonymousId))
    act.person = known === undefined ? `a:${anonymousId}` : `u:${known}`
  }
  return acts
}

/** R2, retroactive: who the act belongs to in figures about people, when all links are known. */
export function stitch(acts: readonly Act[]): (act: Act) => string {
  const last = new Map<string, string>()
  for (const act of acts) {
    const { anonymousId, userId } = act.event
    if (act.counts && anonymousId !== undefined && userId !== undefined)
      last.set(anonymousId, userId)
  }
  return ({ event, person }) => {
    if (event.userId !== undefined) return person
    const user = last.get(event.anonymousId as string)
    return user === undefined ? person : `u:${user}`
  }
}
