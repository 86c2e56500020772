// What a reader makes of a file: entries, each an event or what was refused, with the time of receipt that the log is
// ordered by; and the tally of what it left out on purpose.

import { validateEvent } from '#stack/contract/decode.ts'
import type { Dialect, ShopEvent } from '#stack/contract/events.ts'
import { conclude } from '../collector/collect.ts'
import type { Outcome, Rejection } from '../collector/collect.ts'
import type { Draft, MapContext } from '../collector/draft.ts'

export interface Entry {
  receivedMs: number
  outcome: Outcome
}

export interface Source {
  path: string
  /** For producers that name none. */
  defaultCurrency: string
  /** receivedAt of what has no time of its own. */
  nowMs: number
  tally: Tally
}

export class Tally {
  /** Lines or rows of the files. */
  read = 0
  events = 0
  readonly rejected: Record<string, number> = {}
  /** By reason: what the mapping leaves out on purpose. */
  readonly leftOut: Record<string, number> = {}

  count({ outcome }: Entry): void {
    if ('event' in outcome) this.events++
    else add(this.rejected, outcome.rejection.reason, 1)
  }

  leaveOut(reason: string, count = 1): void {
    if (count > 0) add(this.leftOut, reason, count)
  }
}

function add(counts: Record<string, number>, key: string, by: number): void {
  counts[key] = (counts[key] ?? 0) + by
}

/** Reads a file front to back; an array at a time. */
export type Reader = (source: Source) => AsyncIterable<Entry[]>

/** A draft in the file's own time: `receivedMs`, or else the time of the event itself. */
export function draftEntry(
  draft: Draft,
  source: Source,
  { name, position, receivedMs }: { name: string; position: number; receivedMs?: number },
): Entry {
  const context: MapContext = {
    receivedMs: receivedMs ?? draft.createdMs ?? source.nowMs,
    position,
    source: name,
    defaultCurrency: source.defaultCurrency,
  }
  return { receivedMs: context.receivedMs, outcome: conclude(draft, context, position) }
}

export function eventEntry(event: ShopEvent, position: number): Entry {
  const outcome = { position, event, value: JSON.stringify(event) }
  return { receivedMs: Date.parse(event.receivedAt), outcome }
}

/** Of an event that a reader put together itself: it is judged like any other. */
export function judgedEntry(event: ShopEvent, source: Source, position: number): Entry {
  const decoded = validateEvent(event)
  if (decoded.ok) return eventEntry(decoded.event, position)
  const { reason, field, message } = decoded
  const rejection = { position, reason, field, message }
  return rejectedEntry(source, event.dialect, rejection, JSON.stringify(event))
}

export function rejectedEntry(
  source: Source,
  dialect: Dialect,
  rejection: Rejection,
  body: string | Buffer,
): Entry {
  const { position } = rejection
  return {
    receivedMs: source.nowMs,
    outcome: { position, rejection, dialect, source: null, body },
  }
}
