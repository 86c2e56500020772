// The fold of stage one for one visitor: its events in T3 order → who they belong to, which sessions they are, what of
// them carts must know; then the difference to what was published. Run once a batch for each visitor with news, and when
// the watermark reaches the time at which something changes by itself. Arriving late is no case of its own: an event
// stands where T3 puts it and the row is folded again.

import { graceMs } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { cartIdsNamed, givesOwner } from './cart/roles.ts'
import { peopleOf } from './identity/people.ts'
import { routeEvents } from './identity/routing.ts'
import type { RoutedCommand } from './identity/routing.ts'
import type { Person } from './model.ts'
import { publishSessions } from './session/publish.ts'
import type { SessionChange } from './session/publish.ts'
import { closesAtMs, sessionize } from './session/sessionize.ts'
import type { Session } from './session/sessionize.ts'
import type { VisitorEvent, VisitorState } from './visitor.ts'

export interface FoldContext {
  watermarkMs: number
  settings: Settings
  partition: number
  processedAt: string
  /** False keeps every state for ever: the property of T7 for any order. */
  hasRetention: boolean
}

export interface VisitorFold {
  /** The row as it was folded, before anything was forgotten. */
  events: readonly VisitorEvent[]
  persons: readonly Person[]
  sessions: Session<VisitorEvent>[]
  sessionChanges: SessionChange[]
  commands: RoutedCommand[]
  /** Something of it was let go. */
  hasForgotten: boolean
  /** The watermark at which it must be folded again; null: never. */
  wakeMs: number | null
}

export function foldVisitor(state: VisitorState, context: FoldContext): VisitorFold {
  const { settings, watermarkMs, partition, processedAt } = context
  const { events } = state
  const people = peopleOf(state)
  const sessions = sessionize(state.events, settings)
  const publishContext = { state, persons: people.persons, watermarkMs, settings, processedAt }
  const sessionChanges = publishSessions(sessions, publishContext)
  const commands = routeEvents(state, people, settings, partition)
  const hasForgotten = context.hasRetention && forget(state, sessions, context)
  const wakeMs = wakeOf(state, context)
  const { persons } = people
  return { events, persons, sessions, sessionChanges, commands, hasForgotten, wakeMs }
}

/** T5: how long after its end something may still be changed by an event that is not too late. */
function keepMs({ allowedLatenessMs, abandonAfterMs }: Settings): number {
  return allowedLatenessMs + abandonAfterMs + graceMs
}

/** T4: how long after its time a copy of an event may still arrive. */
function copyMs({ allowedLatenessMs }: Settings): number {
  return allowedLatenessMs + graceMs
}

/** How long a visitor's last cart event can matter: its carts, their recovery, and a login that comes as late as may be. */
function cartMs(settings: Settings): number {
  return settings.maxCartAgeMs + settings.recoveryWindowMs + keepMs(settings)
}

/** T5. Answers whether anything was let go. */
function forget(
  state: VisitorState,
  sessions: readonly Session<VisitorEvent>[],
  context: FoldContext,
): boolean {
  const { watermarkMs, settings } = context
  for (const session of sessions) {
    if (closesAtMs(session, settings) + keepMs(settings) > watermarkMs) continue
    for (const event of session.events) event.isFinal = true
  }
  const before = state.sessions.length + state.seen.length
  state.sessions = state.sessions.filter(
    ({ closesMs }) => closesMs + keepMs(settings) > watermarkMs,
  )
  state.seen = state.seen.filter(([, , timeMs]) => timeMs + copyMs(settings) > watermarkMs)
  const hasForgotten = state.sessions.length + state.seen.length < before
  return forgetEvents(state, context) || hasForgotten
}

function forgetEvents(state: VisitorState, context: FoldContext): boolean {
  const { watermarkMs, settings } = context
  const cartsEndMs = cartsEndOf(state, context)
  const isNeeded = (event: VisitorEvent): boolean =>
    event.timeMs + keepMs(settings) > watermarkMs ||
    (event.isActivity && !event.isFinal) ||
    (event.sent !== undefined && cartsEndMs > watermarkMs)
  if (state.events.every(isNeeded)) return false
  const namings = mayLogInFirst(state, context) ? firstNamingsOf(state.events) : noEvents
  const kept: VisitorEvent[] = []
  for (const event of state.events) {
    // A link is needed by every older event that is still here: it stays behind them in the row.
    const isKept = isNeeded(event) || namings.has(event)
    if (isKept || (event.isLink && kept.length > 0)) kept.push(event)
    else remember(state, event)
  }
  const hasForgotten = kept.length < state.events.length
  state.events = kept
  return hasForgotten
}

/** What stays of an event for ever. */
function remember(
  state: VisitorState,
  { isLink, userId, isActivity, name, data }: VisitorEvent,
): void {
  if (isLink && userId !== undefined) {
    state.linked = { first: state.linked?.first ?? userId, last: userId }
  }
  if (name !== 'purchase' || !isActivity || data?.orderId === undefined) return
  if (!state.pastOrders.includes(data.orderId)) state.pastOrders.push(data.orderId)
}

/** Whether a first login (R4) may still come, or be taken back by an earlier one. */
function mayLogInFirst({ visitor, events, linked }: VisitorState, context: FoldContext): boolean {
  if (linked !== null || visitor.startsWith('u:')) return false
  const { watermarkMs, settings } = context
  const isFirm = ({ isLink, timeMs }: VisitorEvent): boolean =>
    isLink && timeMs + keepMs(settings) <= watermarkMs
  return !events.some(isFirm)
}

/** How long a first login would move what it has in carts. */
function cartsEndOf(state: VisitorState, context: FoldContext): number {
  if (!mayLogInFirst(state, context)) return -Infinity
  const lastCartEvent = state.events.findLast(({ isCartEvent }) => isCartEvent)
  return lastCartEvent === undefined ? -Infinity : lastCartEvent.timeMs + cartMs(context.settings)
}

const noEvents: ReadonlySet<VisitorEvent> = new Set()

/**
 * What makes it the owner of a cart (R5). Others may fill that cart at any later time, and its first login renames the
 * owner even then, so these are kept until it has logged in for good.
 */
function firstNamingsOf(events: readonly VisitorEvent[]): ReadonlySet<VisitorEvent> {
  const firstById = new Map<string, VisitorEvent>()
  for (const event of events) {
    if (!event.isCartEvent || !givesOwner(event.name)) continue
    for (const cartId of cartIdsNamed(event)) {
      if (!firstById.has(cartId)) firstById.set(cartId, event)
    }
  }
  return new Set(firstById.values())
}

/** When the watermark alone changes something of it: a session closes, something may be forgotten. */
export function wakeOf(state: VisitorState, context: FoldContext): number | null {
  const { watermarkMs, settings, hasRetention } = context
  let wakeMs = Infinity
  const consider = (dueMs: number): void => {
    if (dueMs > watermarkMs && dueMs < wakeMs) wakeMs = dueMs
  }
  for (const { closesMs, isGone } of state.sessions) {
    if (!isGone) consider(closesMs)
    if (hasRetention) consider(closesMs + keepMs(settings))
  }
  if (!hasRetention) return wakeMs === Infinity ? null : wakeMs
  // What leaves in ones and twos leaves together, when the last of it may.
  let restMs = -Infinity
  for (const [, , timeMs] of state.seen) restMs = Math.max(restMs, timeMs + copyMs(settings))
  for (const { timeMs, isActivity, isFinal } of state.events) {
    if (!isActivity || isFinal) restMs = Math.max(restMs, timeMs + keepMs(settings))
  }
  consider(restMs)
  consider(cartsEndOf(state, context))
  return wakeMs === Infinity ? null : wakeMs
}
