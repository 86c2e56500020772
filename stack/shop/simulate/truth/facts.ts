// What counts in figures (R24): one person's log without tests, crawlers and visitors too fast for a person, each fact
// with its own time and with the retroactive person of R2.

import { minuteMs } from '#stack/base/units.ts'
import { visitorOf } from '#stack/contract/ids.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { stitch } from './acts.ts'
import type { Act } from './acts.ts'
import type { Episode } from './episode.ts'
import type { TrueOrder, TrueRefund } from './money.ts'
import { funnelSteps } from './sessions.ts'
import type { TrueSession } from './sessions.ts'

/** Half-open; days and months are those of the zone. */
export interface Window {
  fromMs: number
  toMs: number
  zone: string
}

export const always: Window = { fromMs: -Infinity, toMs: Infinity, zone: 'UTC' }

export function lies(timeMs: number | undefined, { fromMs, toMs }: Window): boolean {
  return timeMs !== undefined && timeMs >= fromMs && timeMs < toMs
}

export interface PersonAct {
  act: Act
  /** Of the funnel; a purchase only where it is the first of its order. */
  step: number | undefined
}

export interface CountedOrder {
  order: TrueOrder
  /** Null: too late, or without consent; it counts for money only (T1, 1.6). */
  person: string | null
}

export interface Facts {
  sessions: TrueSession[]
  episodes: Episode[]
  orders: CountedOrder[]
  refunds: TrueRefund[]
  /** Activity (R12) in T3 order, by stitched person. */
  persons: Map<string, PersonAct[]>
}

export interface Judged {
  acts: readonly Act[]
  sessions: readonly TrueSession[]
  episodes: readonly Episode[]
  orders: readonly TrueOrder[]
  refunds: readonly TrueRefund[]
}

export function noFacts(): Facts {
  return { sessions: [], episodes: [], orders: [], refunds: [], persons: new Map() }
}

export function addFacts(facts: Facts, judged: Judged, settings: Settings): void {
  const bots = botVisitors(judged.acts, settings)
  const isCounted = (act: Act) => !act.isTest && !bots.has(visitorOf(act.event))
  const stitched = stitch(judged.acts)
  facts.sessions.push(...judged.sessions.filter(({ visitor }) => !bots.has(visitor)))
  facts.episodes.push(...judged.episodes.filter((episode) => !bots.has(cartVisitor(episode))))
  const counted = judged.orders.filter(({ act }) => isCounted(act))
  for (const order of counted) {
    facts.orders.push({ order, person: order.act.counts ? stitched(order.act) : null })
  }
  const isKnown = ({ order }: TrueRefund) => order === undefined || counted.includes(order)
  facts.refunds.push(...judged.refunds.filter((refund) => isCounted(refund.act) && isKnown(refund)))
  addPersons(
    facts,
    judged.acts.filter((act) => act.isActivity && isCounted(act)),
    stitched,
  )
}

function addPersons(facts: Facts, acts: readonly Act[], stitched: (act: Act) => string): void {
  const ordered = new Set<string>()
  for (const act of acts) {
    const person = stitched(act)
    const known = facts.persons.get(person) ?? []
    facts.persons.set(person, known)
    const order = `${person}\n${act.event.data.orderId}`
    const isRepeated = act.event.name === 'purchase' && ordered.has(order)
    if (act.event.name === 'purchase') ordered.add(order)
    known.push({ act, step: isRepeated ? undefined : funnelSteps[act.event.name] })
  }
}

function cartVisitor({ anonymousId, owner }: Episode): string {
  return anonymousId === null ? owner : `a:${anonymousId}`
}

/** R24: whoever sent a crawler's event, or more events in a minute of the clock than a person makes. */
function botVisitors(acts: readonly Act[], settings: Settings): Set<string> {
  const perMinute = new Map<string, number>()
  const bots = new Set<string>()
  for (const act of acts) {
    const visitor = visitorOf(act.event)
    if (act.isCrawler && act.hasConsent) bots.add(visitor)
    if (act.isTooLate || act.isTest || act.isServer || !act.hasConsent) continue
    const key = `${visitor}\n${Math.floor(act.timeMs / minuteMs)}`
    const count = (perMinute.get(key) ?? 0) + 1
    perMinute.set(key, count)
    if (count > settings.botEventsPerMinute) bots.add(visitor)
  }
  return bots
}
