// The outcome of an input position as a record: on `enriched-user-events` what was made of the event, on
// `rejected-events` why it is none, or where its first copy lies. All carry the position, so that a repeated write
// changes nothing. A record that ends a load is told on without a value: it is a position, and no event.

import { isUtf8 } from 'node:buffer'
import type { Refusal } from '#stack/contract/decode.ts'
import { dialects } from '#stack/contract/events.ts'
import type {
  Dialect,
  EnrichedEvent,
  EventFlag,
  InputPosition,
  RejectedEvent,
  ShopEvent,
} from '#stack/contract/events.ts'
import { loadEndHeader } from '#stack/contract/topics.ts'
import { isoTime } from '#stack/base/units.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Surroundings } from './enrich/enricher.ts'

export interface EnrichedFacts {
  surroundings: Surroundings
  flags: EventFlag[]
  personId: string | null
  session: EnrichedEvent['session']
  processedAt: string
}

/** The event as it came, without its address (1.6), and behind it what was found; `event` is taken over. */
export function enrichedRecord(
  event: ShopEvent,
  timeMs: number,
  input: InputPosition,
  facts: EnrichedFacts,
  key: Buffer | string | null,
): OutgoingRecord {
  if (event.context?.ip !== undefined) event.context.ip = withheld
  if (facts.flags.length > 0) event.flags = facts.flags
  else if (event.flags !== undefined) delete event.flags
  const value = `${JSON.stringify(event).slice(0, -1)},${foundText(input, facts)}`
  return { key, value, timestampMs: timeMs, partition: input.partition }
}

/** JSON leaves out what is undefined; to delete a field of an object is dearer. The type knows only absent ones. */
const withheld = undefined as unknown as string

/**
 * The rest of an EnrichedEvent, as its JSON has it behind the event's own fields. Written by hand, since it is written for
 * each event: a third of the time that an object and its JSON take.
 */
function foundText(input: InputPosition, facts: EnrichedFacts): string {
  const { surroundings, personId, session, processedAt } = facts
  const { country, region, device, browser, os, listPrices } = surroundings
  const { topic, partition, offset } = input
  return (
    `"input":{"topic":"${topic}","partition":${partition},"offset":${offset}},` +
    `"country":${quoted(country)},"region":${quoted(region)},"device":${quoted(device)},` +
    `"browser":${quoted(browser)},"os":${quoted(os)},` +
    (listPrices === undefined ? '' : `"listPrices":${JSON.stringify(listPrices)},`) +
    `"personId":${quoted(personId)},"session":${sessionText(session)},"processedAt":"${processedAt}"}`
  )
}

function sessionText(session: EnrichedEvent['session']): string {
  if (session === null) return 'null'
  const { key, number, elapsedMs } = session
  return `{"key":"${key}","number":${number},"elapsedMs":${elapsedMs}}`
}

function quoted(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text)
}

export function refusedRecord(
  record: IncomingRecord,
  { reason, field, message }: Refusal,
  input: InputPosition,
): OutgoingRecord {
  const { dialect, source } = senderOf(record.value)
  return rejectedRecord(input, {
    stage: 'processor',
    reason,
    field,
    message,
    receivedAt: isoTime(record.timestampMs),
    dialect,
    source,
    ...bodyOf(record.value),
    input,
  })
}

export function duplicateRecord(
  event: ShopEvent,
  input: InputPosition,
  first: InputPosition,
): OutgoingRecord {
  return rejectedRecord(input, {
    stage: 'processor',
    reason: 'duplicate',
    field: 'eventId',
    message: `${event.eventId} of ${event.source} is at ${positionName(first)} already`,
    receivedAt: event.receivedAt,
    dialect: event.dialect,
    source: event.source,
    body: null,
    input,
    first,
  })
}

export function loadEndRecord(load: string, input: InputPosition): OutgoingRecord {
  const { partition } = input
  return { key: positionName(input), value: null, headers: { [loadEndHeader]: load }, partition }
}

function rejectedRecord(input: InputPosition, rejected: RejectedEvent): OutgoingRecord {
  return {
    key: positionName(input),
    value: JSON.stringify(rejected),
    timestampMs: Date.parse(rejected.receivedAt),
    partition: input.partition,
  }
}

function positionName({ topic, partition, offset }: InputPosition): string {
  return `${topic}-${partition}@${offset}`
}

function bodyOf(value: Buffer | null): Pick<RejectedEvent, 'body' | 'bodyEncoding'> {
  if (value === null) return { body: '' }
  if (isUtf8(value)) return { body: value.toString('utf8') }
  return { body: value.toString('base64'), bodyEncoding: 'base64' }
}

/** Who sent what is no event, as far as that can be read. */
function senderOf(value: Buffer | null): { dialect: Dialect | null; source: string | null } {
  const raw = parsed(value)
  const dialect = dialects.find((known) => known === raw['dialect']) ?? null
  const source = typeof raw['source'] === 'string' ? raw['source'] : null
  return { dialect, source }
}

function parsed(value: Buffer | null): Record<string, unknown> {
  try {
    const raw: unknown = JSON.parse(value?.toString('utf8') ?? '')
    return typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
