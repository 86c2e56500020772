// Deterministic ids: the first 32 hex digits of SHA-256 over parts joined by line feeds (events.md 1.2, S4, 2.6).

import { createHash } from 'node:crypto'

export function hashId(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)
}

/** S4: of the session's first event. */
export function sessionKey(visitor: string, source: string, eventId: string): string {
  return hashId('session', visitor, source, eventId)
}

/** 2.6: of the event that started the episode. */
export function abandonmentId(cartKey: string, source: string, eventId: string): string {
  return hashId(cartKey, source, eventId)
}

/** S1: a session belongs to a visitor. */
export function visitorOf(event: {
  anonymousId?: string | undefined
  userId?: string | undefined
}): string {
  return event.anonymousId === undefined ? `u:${event.userId}` : `a:${event.anonymousId}`
}
