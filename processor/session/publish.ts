// The difference between the sessions a visitor has and those that were published: new and changed ones with the next
// revision, a tombstone for each whose key is gone (S4), nothing for what is as it was.

import { sessionKey as makeSessionKey } from '#stack/contract/ids.ts'
import type { SessionRecord } from '#stack/contract/session.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Person } from '../model.ts'
import type { PublishedSession, VisitorEvent, VisitorState } from '../visitor.ts'
import { countOf, sessionRecord } from './session-record.ts'
import { closesAtMs } from './sessionize.ts'
import type { Session } from './sessionize.ts'

export interface SessionChange {
  key: string
  /** When it was over, as the record's time. */
  endedMs: number
  /** Null takes the session back. */
  record: SessionRecord | null
}

export interface PublishContext {
  state: VisitorState
  persons: readonly Person[]
  watermarkMs: number
  settings: Settings
  processedAt: string
}

/** Gives each event its session's key, and says what is to be published. */
export function publishSessions(
  sessions: readonly Session<VisitorEvent>[],
  context: PublishContext,
): SessionChange[] {
  const { state, persons, watermarkMs, settings } = context
  const firstOrders = firstOrdersOf(state)
  const changes: SessionChange[] = []
  const present = new Set<PublishedSession>()
  for (const session of sessions) {
    const published = publishedOf(session, state)
    present.add(published)
    for (const event of session.events) event.sessionKey = published.key
    const last = session.indices[session.indices.length - 1] as number
    const personId = persons[last] as Person
    const orders = countOf(session.events, firstOrders)
    published.closesMs = closesAtMs(session, settings)
    const isClosed = watermarkMs >= published.closesMs
    // Events are never taken out of a visitor's row, so their number and the first one tell which they are.
    const { events, lastMs } = session
    const content = `${events.length}|${personId}|${events.at(-1)?.userId ?? ''}|${orders}`
    const print = content + (isClosed ? closedMark : openMark)
    if (print === published.print && !published.isGone) continue
    published.print = print
    published.isGone = false
    published.revision++
    const { key, revision } = published
    const facts = {
      sessionKey: key,
      visitor: state.visitor,
      personId,
      firstOrders,
      isClosed,
      revision,
    }
    const record = sessionRecord(session, { ...facts, processedAt: context.processedAt })
    changes.push({ key, endedMs: lastMs, record })
  }
  for (const published of state.sessions) {
    if (published.isGone || present.has(published)) continue
    published.isGone = true
    changes.push({ key: published.key, endedMs: published.closesMs, record: null })
  }
  return changes
}

const openMark = '|0'
const closedMark = '|1'

/** After a restore: every session that closes at a watermark that was judged has been published as closed. */
export function markClosed(sessions: readonly PublishedSession[], judgedMs: number): void {
  for (const session of sessions) {
    if (session.isGone || session.closesMs > judgedMs || !session.print.endsWith(openMark)) continue
    session.print = session.print.slice(0, -openMark.length) + closedMark
    session.revision++
  }
}

/** S4: the first event names the session; whoever opened one before gets the same entry again. */
function publishedOf(
  { events }: Session<VisitorEvent>,
  { visitor, sessions }: VisitorState,
): PublishedSession {
  const { offset, source, eventId } = events[0] as VisitorEvent
  const known = sessions.find(({ openedBy }) => openedBy === offset)
  if (known) return known
  const key = makeSessionKey(visitor, source, eventId)
  const fresh = { key, openedBy: offset, revision: -1, print: '', closesMs: 0, isGone: false }
  sessions.push(fresh)
  return fresh
}

const none: ReadonlySet<VisitorEvent> = new Set()

/** R20: purchases that are the first of their order among the visitor's activity, in T3 order. */
function firstOrdersOf({ events, pastOrders }: VisitorState): ReadonlySet<VisitorEvent> {
  let taken: Set<string> | undefined
  let firsts: Set<VisitorEvent> | undefined
  for (const event of events) {
    if (event.name !== 'purchase' || !event.isActivity) continue
    const orderId = event.data?.orderId
    taken ??= new Set(pastOrders)
    firsts ??= new Set()
    if (orderId === undefined || taken.has(orderId)) continue
    taken.add(orderId)
    firsts.add(event)
  }
  return firsts ?? none
}
