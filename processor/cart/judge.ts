// A key of stage two, judged: its events folded at the watermark, the difference to what was published, and what can be
// let go after that. This is the one way in which anything of a cart comes to be published.

import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, OrderCommand } from '../model.ts'
import { asKept, forgetHomes, holdsPapers } from './deed.ts'
import type { Holdings } from './deed.ts'
import { nameOf, putEvent, takeEvent } from './event-set.ts'
import type { EventName } from './event-set.ts'
import { foldPerson } from './fold.ts'
import type { PersonFold } from './fold.ts'
import { hearRepeat, sayRepeats, withRepeat } from './orders.ts'
import { diffPerson } from './published.ts'
import type { Difference } from './published.ts'
import { keepMsOf, letGo, nextCutMs } from './retention.ts'
import type { Change } from './retraction.ts'

export interface JudgeContext {
  watermarkMs: number
  /** Up to here other keys have said all that they have to say: what is let go (T5) goes by it. */
  settledMs: number
  settings: Settings
  processedAt: string
  /** False keeps every event for ever: the property of T7 for any order. */
  hasRetention: boolean
}

export interface Judged {
  difference: Omit<Difference, 'published'>
  /** For other keys. */
  orders: OrderCommand[]
  /** The watermark at which the key must be judged again; null: never by time alone. */
  wakeMs: number | null
  /** The settled watermark at which something may be let go; null: nothing is held. */
  letGoMs: number | null
}

/** `change`: what came since the last time. The holdings are brought up to date. */
export function judgePerson(holdings: Holdings, change: Change, context: JudgeContext): Judged {
  const { watermarkMs, settings, processedAt } = context
  const fold = foldPerson(holdings.events, watermarkMs, settings, { base: holdings.base })
  const { published, ...difference } = diffPerson(
    holdings.published,
    publishable(holdings, fold),
    change,
    processedAt,
  )
  holdings.published = published
  const orders = sayRepeats(holdings.key, holdings.repeats, fold.repeats)
  holdings.repeats = fold.repeats
  const letGoMs = context.hasRetention ? retain(holdings, fold, context) : null
  return { difference, orders, wakeMs: fold.nextWakeMs, letGoMs }
}

/** Puts an event into the set. Answers whether the key has to be judged again. */
export function takeIn(holdings: Holdings, event: CartEvent): boolean {
  const kept = asKept(holdings, withRepeat(event, holdings.toldRepeats))
  return kept !== null && putEvent(holdings.events, kept)
}

/** Takes an event out of the set. Answers whether the key has to be judged again. */
export function takeOut(holdings: Holdings, name: EventName): boolean {
  return takeEvent(holdings.events, name)
}

/** R20: what another key says of a purchase that may not have come yet. */
export function takeOrder(holdings: Holdings, command: OrderCommand): void {
  const { events, toldRepeats } = holdings
  hearRepeat(toldRepeats, command)
  const at = events.findIndex((event) => nameOf(event) === nameOf(command))
  const event = events[at]
  if (event !== undefined) events[at] = withRepeat(event, toldRepeats)
}

/** One key alone publishes of a cart (deed.ts). */
function publishable(holdings: Holdings, fold: PersonFold): PersonFold {
  return {
    ...fold,
    episodes: fold.episodes.filter(({ row }) => holdsPapers(holdings, row.cartKey)),
  }
}

/** T5. Answers when to look again. */
function retain(holdings: Holdings, fold: PersonFold, context: JudgeContext): number | null {
  const { settledMs, settings } = context
  const homesMs = forgetHomes(holdings, context, keepMsOf(settings))
  // Of a cart that has just come here, events may still be on their way, or its papers.
  if (Object.keys(holdings.homes).length > 0) return homesMs
  const { cutMs, ...kept } = letGo(holdings, fold, settledMs, settings)
  forgetTold(holdings, kept.events)
  holdings.events = kept.events
  holdings.base = kept.base
  holdings.published = kept.published
  holdings.repeats = repeatsKept(holdings)
  holdings.cutMs = cutMs ?? holdings.cutMs
  return nextCutMs(holdings.events, fold, settledMs, settings)
}

/** Of what is let go, the last word holds. */
function repeatsKept({ events, repeats }: Holdings): Holdings['repeats'] {
  const kept = new Set(events.map(nameOf))
  return Object.fromEntries(Object.entries(repeats).filter(([name]) => kept.has(name)))
}

/** An event that has not come yet is still waited for. */
function forgetTold({ events, toldRepeats }: Holdings, left: readonly CartEvent[]): void {
  if (Object.keys(toldRepeats).length === 0) return
  const kept = new Set(left.map(nameOf))
  for (const name of events.map(nameOf)) if (!kept.has(name)) delete toldRepeats[name]
}
