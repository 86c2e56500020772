// A simulated record as it goes to the broker: what the collector would have written, or the bytes of what is no
// event.

import { eventRecord } from '#stack/contract/event-record.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Delivery } from './delivery.ts'

export function outgoingRecord(
  delivery: Delivery,
  headers: Record<string, string> = {},
): OutgoingRecord {
  const { event, body, key } = delivery
  if (body !== undefined) return { key, value: body, timestampMs: delivery.receivedMs, headers }
  const record = eventRecord(event)
  return { ...record, headers: { ...record.headers, ...headers } }
}
