// An entry as one line of text between reading and writing, and as the Kafka record that it becomes.

import { isoTime } from '#stack/base/units.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { eventRecord } from '#stack/contract/event-record.ts'
import { topics } from '#stack/contract/topics.ts'
import type { TopicRecord } from '../collector/outbox.ts'
import { rejectedValue } from '../collector/rejected.ts'
import type { Entry } from './entry.ts'

const eventMark = 'E'
const rejectedMark = 'R'

export function payloadOf({ receivedMs, outcome }: Entry): string {
  if ('event' in outcome) return eventMark + outcome.value
  return rejectedMark + rejectedValue(outcome.rejection, { ...outcome, receivedMs })
}

export function recordOf(
  payload: string,
  atMs: number,
  { shiftMs, headers }: { shiftMs: number; headers: Record<string, string> },
): TopicRecord {
  const text = payload.slice(1)
  if (payload.startsWith(rejectedMark)) {
    const record = { key: null, value: text, headers, timestampMs: atMs + shiftMs }
    return { topic: topics.rejected.name, record }
  }
  const event = JSON.parse(text) as ShopEvent
  const record = shiftMs === 0 ? eventRecord(event, text) : eventRecord(shifted(event, shiftMs))
  record.headers = { ...record.headers, ...headers }
  return { topic: topics.events.name, record }
}

/** The whole past moves as one: what lay between two events still does. */
function shifted(event: ShopEvent, shiftMs: number): ShopEvent {
  const later = (text: string): string => isoTime(Date.parse(text) + shiftMs)
  return {
    ...event,
    eventTime: later(event.eventTime),
    receivedAt: later(event.receivedAt),
    ...(event.sentAt === undefined ? {} : { sentAt: later(event.sentAt) }),
  }
}
