// A visitor's state as it lies in the changelog: the same data with events as short rows, since visitors are what most
// of a changelog consists of. Session keys are left out where the next fold gives them again.

import type { EventName } from '#stack/contract/events.ts'
import type { CartData, CartEvent } from '../model.ts'
import type { PublishedSession, SeenId, VisitorEvent, VisitorState } from '../visitor.ts'

const bits = { isActivity: 1, isServer: 2, isLink: 4, isCartEvent: 8, isFinal: 16 } as const

/** Trailing nulls are cut off. */
type EventRow = [
  offset: number,
  timeMs: number,
  lagMs: number,
  name: EventName,
  source: string,
  eventId: string,
  flags: number,
  country?: string | null,
  device?: string | null,
  url?: string | null,
  referrer?: string | null,
  /** 1: it names a page, if only an empty one. */
  hasPage?: number | null,
  sent?: string | null,
  userId?: string | null,
  cartId?: string | null,
  seq?: number | null,
  marketing?: boolean | null,
  campaign?: CartEvent['campaign'],
  data?: CartData | null,
  sessionKey?: string | null,
]

type SessionRow = [
  key: string,
  openedBy: number,
  revision: number,
  print: string,
  closesMs: number,
  isGone: 0 | 1,
]

export interface VisitorValue {
  /** Offset after the last record that is included. */
  at: number
  events?: EventRow[]
  seen?: SeenId[]
  sessions?: SessionRow[]
  linked?: VisitorState['linked']
  orders?: string[]
  home?: VisitorState['home']
  carts?: number
}

export function encodeVisitor(state: VisitorState): VisitorValue {
  const value: VisitorValue = { at: state.nextOffset }
  if (state.events.length > 0) value.events = state.events.map(eventRow)
  if (state.seen.length > 0) value.seen = state.seen
  if (state.sessions.length > 0) value.sessions = state.sessions.map(sessionRow)
  if (state.linked !== null) value.linked = state.linked
  if (state.pastOrders.length > 0) value.orders = state.pastOrders
  if (state.home !== null) value.home = state.home
  if (state.namesCartsFromMs !== null) value.carts = state.namesCartsFromMs
  return value
}

export function decodeVisitor(visitor: string, value: VisitorValue): VisitorState {
  return {
    visitor,
    nextOffset: value.at,
    events: (value.events ?? []).map(eventOf),
    seen: value.seen ?? [],
    sessions: (value.sessions ?? []).map(sessionOf),
    linked: value.linked ?? null,
    pastOrders: value.orders ?? [],
    home: value.home ?? null,
    namesCartsFromMs: value.carts ?? null,
  }
}

function eventRow(event: VisitorEvent): EventRow {
  const { page } = event
  const row: EventRow = [
    event.offset,
    event.timeMs,
    event.receivedMs - event.timeMs,
    event.name,
    event.source,
    event.eventId,
    flagsOf(event),
    event.country,
    event.device,
    page?.url ?? null,
    page?.referrer ?? null,
    page === undefined ? null : 1,
    event.sent ?? null,
    event.userId ?? null,
    event.cartId ?? null,
    event.seq ?? null,
    event.marketing,
    event.campaign,
    event.data ?? null,
    event.isFinal ? event.sessionKey : null,
  ]
  while (row[row.length - 1] === null) row.pop()
  return row
}

function flagsOf(event: VisitorEvent): number {
  return (
    (event.isActivity ? bits.isActivity : 0) |
    (event.isServer ? bits.isServer : 0) |
    (event.isLink ? bits.isLink : 0) |
    (event.isCartEvent ? bits.isCartEvent : 0) |
    (event.isFinal ? bits.isFinal : 0)
  )
}

function eventOf(row: EventRow): VisitorEvent {
  const [offset, timeMs, lagMs, name, source, eventId, flags, ...rest] = row
  const [country, device, url, referrer, hasPage, sent, userId, cartId, ...more] = rest
  const [seq, marketing, campaign, data, sessionKey] = more
  return {
    offset,
    timeMs,
    receivedMs: timeMs + lagMs,
    name,
    source,
    eventId,
    seq: seq ?? undefined,
    userId: userId ?? undefined,
    cartId: cartId ?? undefined,
    isActivity: (flags & bits.isActivity) !== 0,
    isServer: (flags & bits.isServer) !== 0,
    isLink: (flags & bits.isLink) !== 0,
    isCartEvent: (flags & bits.isCartEvent) !== 0,
    isFinal: (flags & bits.isFinal) !== 0,
    country: country ?? null,
    device: device ?? null,
    campaign: campaign ?? null,
    marketing: marketing ?? null,
    page: hasPage === 1 ? { url: url ?? null, referrer: referrer ?? null } : undefined,
    data: data ?? undefined,
    sessionKey: sessionKey ?? null,
    sent: sent ?? undefined,
  }
}

function sessionRow(session: PublishedSession): SessionRow {
  const { key, openedBy, revision, print, closesMs, isGone } = session
  return [key, openedBy, revision, print, closesMs, isGone ? 1 : 0]
}

function sessionOf([
  key,
  openedBy,
  revision,
  print,
  closesMs,
  isGone,
]: SessionRow): PublishedSession {
  return { key, openedBy, revision, print, closesMs, isGone: isGone === 1 }
}
