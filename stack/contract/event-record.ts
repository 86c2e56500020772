// An event as a Kafka record on `ecommerce-events`: its key, its time, and the CloudEvents attributes that a reader
// may route by without opening the value (CloudEvents Kafka binding, binary mode). The value alone is complete.

import type { ShopEvent } from './events.ts'

export interface EventRecord {
  key: string
  value: string
  headers: Record<string, string>
  timestampMs: number
}

/** Without consent all share one identity: they go by their own id, so that they share no hot partition. */
export function eventKey(event: ShopEvent): string {
  const isAnonymous = event.flags?.includes('noConsent') === true
  const identity = isAnonymous ? undefined : (event.anonymousId ?? event.userId)
  return identity ?? event.eventId
}

/** `value` for who has written the event as JSON already. */
export function eventRecord(event: ShopEvent, value = JSON.stringify(event)): EventRecord {
  const key = eventKey(event)
  return {
    key,
    value,
    headers: eventHeaders(event, key),
    timestampMs: Date.parse(event.eventTime),
  }
}

function eventHeaders(event: ShopEvent, key: string): Record<string, string> {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.eventId,
    ce_source: event.source,
    ce_type: `shop.${event.name}.v1`,
    ce_time: event.eventTime,
    ce_partitionkey: key,
    'content-type': 'application/json',
  }
  if (event.cartId !== undefined) headers['ce_subject'] = event.cartId
  return headers
}
