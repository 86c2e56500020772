// A record of the input topic, read: an event, the reason why it is none, or the record that ends a load (T2).

import { decodeEvent } from '#stack/contract/decode.ts'
import type { Refusal } from '#stack/contract/decode.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { loadEndHeader, loadHeader } from '#stack/contract/topics.ts'
import type { IncomingRecord } from '#stack/kafka-client/records.ts'

export type Reading =
  | {
      kind: 'event'
      event: ShopEvent
      timeMs: number
      receivedMs: number
      load: string | undefined
    }
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'loadEnd'; load: string }

const noBytes = Buffer.alloc(0)

export function readRecord({ value, headers }: IncomingRecord): Reading {
  const loadEnd = headers[loadEndHeader]
  if (loadEnd !== undefined) return { kind: 'loadEnd', load: loadEnd.toString() }
  const decoded = decodeEvent(value ?? noBytes)
  if (!decoded.ok) return { kind: 'refused', refusal: decoded }
  const { event } = decoded
  return {
    kind: 'event',
    event,
    timeMs: Date.parse(event.eventTime),
    receivedMs: Date.parse(event.receivedAt),
    load: headers[loadHeader]?.toString(),
  }
}
