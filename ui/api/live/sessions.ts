// Sessions of the live window: who is active (from enriched events), and which sessions closed with or without a
// purchase (from `user-sessions`). A session closes when its last event is G old, or its first maxSession (S5);
// that moment, not the event, decides the minute it is counted in, so that a window holds only decided sessions.

import type { SessionRecord } from '../../../stack/contract/session.ts'
import type { Settings } from '../../../stack/contract/settings.ts'
import { minuteMs } from '../../../stack/base/units.ts'

interface Active {
  visitor: string
  lastMs: number
}

interface Closed {
  visitor: string
  closedMs: number
  bought: boolean
  revision: number
}

export class LiveSessions {
  readonly #settings: Pick<Settings, 'sessionGapMs' | 'maxSessionMs'>
  readonly #active = new Map<string, Active>()
  readonly #closed = new Map<string, Closed>()
  /** Distinct sessions by minute. */
  readonly #perMinute = new Map<number, Set<string>>()

  constructor(settings: Pick<Settings, 'sessionGapMs' | 'maxSessionMs'>) {
    this.#settings = settings
  }

  see(sessionKey: string, visitor: string, timeMs: number): void {
    const minute = Math.floor(timeMs / minuteMs)
    let inMinute = this.#perMinute.get(minute)
    if (!inMinute) this.#perMinute.set(minute, (inMinute = new Set()))
    inMinute.add(sessionKey)
    const known = this.#active.get(sessionKey)
    if (!known) this.#active.set(sessionKey, { visitor, lastMs: timeMs })
    else known.lastMs = Math.max(known.lastMs, timeMs)
  }

  /** Null is a tombstone: a late event merged the session into another. */
  apply(sessionKey: string, session: SessionRecord | null): void {
    if (session === null) {
      this.#closed.delete(sessionKey)
      this.#active.delete(sessionKey)
      return
    }
    const known = this.#closed.get(sessionKey)
    if (known && known.revision > session.revision) return
    if (!session.isClosed) {
      this.#closed.delete(sessionKey)
      return
    }
    this.#closed.set(sessionKey, {
      visitor: session.anonymousId === null ? session.personId : `a:${session.anonymousId}`,
      closedMs: this.#closedMs(session),
      bought: session.orders > 0,
      revision: session.revision,
    })
  }

  prune(beforeMs: number): void {
    for (const [key, { lastMs }] of this.#active) if (lastMs < beforeMs) this.#active.delete(key)
    for (const [key, { closedMs }] of this.#closed) {
      if (closedMs < beforeMs) this.#closed.delete(key)
    }
    for (const minute of this.#perMinute.keys()) {
      if ((minute + 1) * minuteMs <= beforeMs) this.#perMinute.delete(minute)
    }
  }

  activeSince(fromMs: number, toMs: number, isBot: (visitor: string) => boolean): number {
    let count = 0
    for (const { lastMs, visitor } of this.#active.values()) {
      if (lastMs >= fromMs && lastMs < toMs && !isBot(visitor)) count++
    }
    return count
  }

  inMinute(minute: number): number {
    return this.#perMinute.get(minute)?.size ?? 0
  }

  /** By minute of closing. */
  closedByMinute(
    isBot: (visitor: string) => boolean,
  ): Map<number, { closed: number; bought: number }> {
    const minutes = new Map<number, { closed: number; bought: number }>()
    for (const session of this.#closed.values()) {
      if (isBot(session.visitor)) continue
      const minute = Math.floor(session.closedMs / minuteMs)
      const row = minutes.get(minute) ?? { closed: 0, bought: 0 }
      row.closed++
      if (session.bought) row.bought++
      minutes.set(minute, row)
    }
    return minutes
  }

  #closedMs(session: SessionRecord): number {
    const byGapMs = Date.parse(session.endedAt) + this.#settings.sessionGapMs
    if (this.#settings.maxSessionMs === 0) return byGapMs
    return Math.min(byGapMs, Date.parse(session.startedAt) + this.#settings.maxSessionMs)
  }
}
