// For tests: an event as the topic holds it, so many minutes after a fixed morning, received when it happened.

import { isoTime, minuteMs } from '#stack/base/units.ts'
import type { EventName, ShopEvent } from '#stack/contract/events.ts'

const startMs = Date.parse('2024-05-06T10:00:00.000Z')

export function told(minute: number, name: EventName, rest: Partial<ShopEvent>): ShopEvent {
  const time = isoTime(startMs + minute * minuteMs)
  return {
    schemaVersion: '1.0',
    eventId: `${name}${minute}`,
    name,
    eventTime: time,
    receivedAt: time,
    source: 'web',
    dialect: 'native',
    data: {},
    ...rest,
  }
}
