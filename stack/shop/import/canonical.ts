// Canonical NDJSON: the event of events.md 1.2, one a line, as `ecommerce-events` holds it. What has no receivedAt
// was received when it happened.

import { decodeEvent } from '#stack/contract/decode.ts'
import { isPlainObject } from '../collector/json.ts'
import { eventEntry, rejectedEntry } from './entry.ts'
import type { Entry, Source } from './entry.ts'
import { mapLines } from './lines.ts'

export function readCanonical(source: Source): AsyncIterable<Entry[]> {
  return mapLines(source, 'native', (value, { text, number }) => {
    const isComplete = !isPlainObject(value) || typeof value['receivedAt'] === 'string'
    const decoded = decodeEvent(isComplete ? text : JSON.stringify(completed(value)))
    if (decoded.ok) return [eventEntry(decoded.event, number)]
    const { reason, field, message } = decoded
    return [rejectedEntry(source, 'native', { position: number, reason, field, message }, text)]
  })
}

function completed(value: Record<string, unknown>): Record<string, unknown> {
  return { ...value, receivedAt: value['eventTime'] }
}
