// What stage one keeps of a visitor: the events that can still change something, in T3 order, and what was published
// of them. Plain data, so that the changelog holds it as it is. What the rules make of it is in visitor-fold.ts.

import { noConsentId } from '#stack/contract/events.ts'
import { visitorOf } from '#stack/contract/ids.ts'
import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import type { CartData, CartEvent, Person } from './model.ts'
import type { ReadEvent } from './validate/reading.ts'

/** An event as the rules of stage one see it. */
export interface VisitorEvent extends Ordered {
  offset: number
  receivedMs: number
  userId: string | undefined
  cartId: string | undefined
  isActivity: boolean
  isServer: boolean
  isLink: boolean
  isCartEvent: boolean
  country: string | null
  device: string | null
  campaign: CartEvent['campaign']
  marketing: boolean | null
  /** Absent: it names no page. */
  page: { url: string | null; referrer: string | null } | undefined
  /** Of cart events. */
  data: CartData | undefined
  /** By the last fold. */
  sessionKey: string | null
  /** How it was sent to stage two last (identity/routing.ts); undefined: not yet. */
  sent: string | undefined
  /** Its session can change no more (T5); it is kept for what a login may still move. */
  isFinal: boolean
}

/** An id that is remembered for T4 although its event is not kept. */
export type SeenId = [source: string, eventId: string, timeMs: number, offset: number]

export interface PublishedSession {
  key: string
  /** Offset of the session's first event: who opened it. */
  openedBy: number
  revision: number
  /** Everything that its record depends on, beside the events that count and opening name. */
  print: string
  closesMs: number
  /** Taken back by a tombstone; remembered so that its revision goes on if it comes again. */
  isGone: boolean
}

export interface VisitorState {
  visitor: string
  /** Offset after the last record that is in here: what is before it has been taken and published. */
  nextOffset: number
  /** T3 order. */
  events: VisitorEvent[]
  seen: SeenId[]
  sessions: PublishedSession[]
  /** First and last user of links whose events are gone. Kept for ever (R2, R4). */
  linked: { first: string; last: string } | null
  /** Orders whose events are gone: a later purchase of them is not the first (R20). Kept for ever. */
  pastOrders: string[]
  /** Where what `a:A` owns is kept, and how often that was moved (R4); null: it has sent nothing yet. Kept for ever. */
  home: { route: Person; move: number } | null
  /** Since when it has named cartIds: it may own a cart that others keep alive (R5). Kept for ever. */
  namesCartsFromMs: number | null
}

export function emptyVisitor(visitor: string): VisitorState {
  return {
    visitor,
    nextOffset: 0,
    events: [],
    seen: [],
    sessions: [],
    linked: null,
    pastOrders: [],
    home: null,
    namesCartsFromMs: null,
  }
}

/** Nothing in it that has to be remembered. */
export function isForgettable(state: VisitorState): boolean {
  return (
    state.events.length === 0 &&
    state.seen.length === 0 &&
    state.sessions.length === 0 &&
    state.linked === null &&
    state.pastOrders.length === 0 &&
    state.home === null &&
    state.namesCartsFromMs === null
  )
}

/** Whose state an event belongs to. Events without consent share an identity, so each stands for itself. */
export function stateKeyOf(event: ReadEvent): string {
  return event.anonymousId === noConsentId && event.flags?.includes('noConsent') === true
    ? `n:${event.eventId}`
    : visitorOf(event)
}

/** Keeps T3 order; most events belong at the end. */
export function insertEvent(events: VisitorEvent[], event: VisitorEvent): void {
  let at = events.length
  while (at > 0 && compareT3(events[at - 1] as VisitorEvent, event) > 0) at--
  if (at === events.length) events.push(event)
  else events.splice(at, 0, event)
}

/** T4: the offset of the first copy of this event, or undefined. */
export function firstCopyOf(
  { events, seen }: VisitorState,
  source: string,
  eventId: string,
): number | undefined {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i] as VisitorEvent
    if (event.eventId === eventId && event.source === source) return event.offset
  }
  for (const id of seen) if (id[1] === eventId && id[0] === source) return id[3]
  return undefined
}
