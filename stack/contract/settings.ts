// The parameters of the event-time rules (events.md 2.3), with their defaults. Every rule takes them as an argument.

import { dayMs, hourMs, minuteMs, secondMs } from '../base/units.ts'
import type { MergePolicy } from './events.ts'

export interface Settings {
  /** G: a pause this long or longer starts a new session. */
  sessionGapMs: number
  /** An event this long or longer after its session's first starts a new one; 0 = never. */
  maxSessionMs: number
  /** W: abandoned without activity in (last, last + W). */
  abandonAfterMs: number
  activityScope: 'person' | 'cart'
  maxCartAgeMs: number
  recoveryWindowMs: number
  minCartValueMinor: number
  cooldownMs: number
  /** Sources whose events are never activity (R12). */
  serverSources: readonly string[]
  botEventsPerMinute: number
  watermarkDelayMs: number
  idleTimeoutMs: number
  /** L: an event later than this is `tooLate` (T1). */
  allowedLatenessMs: number
  mergePolicy: MergePolicy
  defaultCurrency: string
}

export const defaultSettings: Settings = {
  sessionGapMs: 30 * minuteMs,
  maxSessionMs: 24 * hourMs,
  abandonAfterMs: 60 * minuteMs,
  activityScope: 'person',
  maxCartAgeMs: 24 * hourMs,
  recoveryWindowMs: 7 * dayMs,
  minCartValueMinor: 0,
  cooldownMs: 0,
  serverSources: ['orders-service'],
  botEventsPerMinute: 120,
  watermarkDelayMs: 30 * secondMs,
  idleTimeoutMs: 10 * secondMs,
  allowedLatenessMs: 24 * hourMs,
  mergePolicy: 'max',
  defaultCurrency: 'USD',
}

/** T5: what a copy of an event may still arrive after L, or a closed key may still change. */
export const graceMs = 10 * minuteMs
