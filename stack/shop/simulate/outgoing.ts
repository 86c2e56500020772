// A simulated record as it goes to the broker: what the collector would have written, or the bytes of what is no
// event. A load leaves out the CloudEvents headers, which cost its writer and its readers more than the rest of a
// record; the value alone is complete.

import { eventRecord } from '#stack/contract/event-record.ts'
import { loadHeader } from '#stack/contract/topics.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Delivery } from './delivery.ts'

export function outgoingRecord({ event, body, key, receivedMs }: Delivery): OutgoingRecord {
  return body === undefined ? eventRecord(event) : { key, value: body, timestampMs: receivedMs }
}

export function loadRecord({ event, body, key }: Delivery, loadId: string): OutgoingRecord {
  return {
    key,
    value: body ?? JSON.stringify(event),
    timestampMs: Date.parse(event.eventTime),
    headers: { [loadHeader]: loadId },
  }
}
