// The outcome of an input position as a record: on `enriched-user-events` what was made of the event, on
// `rejected-events` why it is none, or where its first copy lies. All carry the position, so that a repeated write
// changes nothing. A record that ends a load is told on without a value: it is a position, and no event.

import { isUtf8 } from 'node:buffer'
import type { ListPrice } from '#stack/contract/catalogue.ts'
import type { Refusal } from '#stack/contract/decode.ts'
import { dialects } from '#stack/contract/events.ts'
import type {
  Dialect,
  EnrichedEvent,
  EventFlag,
  InputPosition,
  RejectedEvent,
} from '#stack/contract/events.ts'
import { loadEndHeader } from '#stack/contract/topics.ts'
import { isoTime } from '#stack/base/units.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Agent } from './enrich/agent.ts'
import { BoundedCache } from './enrich/bounded-cache.ts'
import type { Surroundings } from './enrich/enricher.ts'
import type { Place } from './enrich/geography.ts'
import { ByteWriter } from '#stack/base/byte-writer.ts'
import { senderOf } from './validate/reading.ts'
import type { ReadEvent, Span } from './validate/reading.ts'

export interface EnrichedFacts {
  surroundings: Surroundings
  flags: EventFlag[]
  personId: string | null
  session: EnrichedEvent['session']
  processedAt: string
}

/** Pieces of a cut, until they are sent. */
const writer = new ByteWriter()

/**
 * The bytes of the event as they came, without its address (1.6), with its flags as they are now, and behind it what was
 * found. Nothing is parsed or written again that is only passed on.
 */
export function enrichedRecord(
  { bytes, ipAt, flagsAt, timeMs }: ReadEvent,
  input: InputPosition,
  facts: EnrichedFacts,
  key: Buffer | string | null,
): OutgoingRecord {
  const { flags } = facts
  const hasPlace = flags.length > 0 && flagsAt !== undefined
  const ip = ipAt && fieldAt(bytes, ipAt.start - ipName.length, ipAt.end + 1)
  const given =
    flagsAt === undefined || hasPlace
      ? flagsAt
      : fieldAt(bytes, flagsAt.start - flagsName.length, flagsAt.end)
  let at = 0
  const leaveOut = (span: Span | undefined): void => {
    if (span === undefined) return
    writer.copy(bytes, at, span.start)
    at = span.end
  }
  const flagsFirst = ipAt !== undefined && flagsAt !== undefined && flagsAt.start < ipAt.start
  if (!flagsFirst) leaveOut(ip)
  leaveOut(given)
  if (hasPlace) writer.text(JSON.stringify(flags))
  if (flagsFirst) leaveOut(ip)
  writer.copy(bytes, at, bytes.length - 1)
  if (flags.length > 0 && !hasPlace) writer.text(`,${flagsName}${JSON.stringify(flags)}`)
  writer.text(foundText(input, facts))
  return { key, value: writer.take(), timestampMs: timeMs, partition: input.partition }
}

const ipName = '"ip":"'
const flagsName = '"flags":'

/** With the comma that goes with it, the one before it or, of a first field, the one behind it. */
function fieldAt(bytes: Buffer, start: number, end: number): Span {
  if (bytes[start - 1] === comma) return { start: start - 1, end }
  return { start, end: bytes[end] === comma ? end + 1 : end }
}

const comma = 44

/**
 * The rest of an EnrichedEvent, as its JSON has it behind the event's own fields. Written by hand, since it is written for
 * each event: a third of the time that an object and its JSON take.
 */
function foundText(input: InputPosition, facts: EnrichedFacts): string {
  const { surroundings, personId, session, processedAt } = facts
  const { place, agent, listPrices, products } = surroundings
  const { topic, partition, offset } = input
  return (
    `,"input":{"topic":"${topic}","partition":${partition},"offset":${offset}},` +
    `${placeTexts.of(place)},${agentTexts.of(agent)},` +
    (listPrices === undefined ? '' : `"listPrices":${listText(listPrices)},`) +
    (products === undefined ? '' : `"products":${JSON.stringify(products)},`) +
    `"personId":${quoted(personId)},"session":${sessionText(session)},"processedAt":"${processedAt}"}`
  )
}

/** JSON of objects that come again and again. */
class Jsons<T extends object> {
  readonly #texts = new WeakMap<T, string>()
  readonly #textOf: (value: T) => string

  constructor(textOf: (value: T) => string) {
    this.#textOf = textOf
  }

  of(value: T): string {
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    const text = this.#textOf(value)
    this.#texts.set(value, text)
    return text
  }
}

const placeTexts = new Jsons<Place>(({ country, region }) => fieldsText({ country, region }))
const agentTexts = new Jsons<Agent>(({ device, browser, os }) =>
  fieldsText({ device, browser, os }),
)
const priceTexts = new Jsons<ListPrice>(JSON.stringify)

function fieldsText(fields: object): string {
  return JSON.stringify(fields).slice(1, -1)
}

function listText(prices: readonly (ListPrice | null)[]): string {
  const texts = prices.map((price) => (price === null ? 'null' : priceTexts.of(price)))
  return `[${texts.join(',')}]`
}

function sessionText(session: EnrichedEvent['session']): string {
  if (session === null) return 'null'
  const { key, number, elapsedMs } = session
  return `{"key":"${key}","number":${number},"elapsedMs":${elapsedMs}}`
}

const quotedTexts = new BoundedCache<string>(20_000)

/** Nearly all of them come again and again. */
function quoted(text: string | null): string {
  return text === null ? 'null' : quotedTexts.get(text, JSON.stringify)
}

export function refusedRecord(
  record: IncomingRecord,
  { reason, field, message }: Refusal,
  input: InputPosition,
): OutgoingRecord {
  const { dialect, source } = claimedSenderOf(record.value)
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
  event: ReadEvent,
  input: InputPosition,
  first: InputPosition,
): OutgoingRecord {
  const { receivedAt, dialect } = senderOf(event)
  return rejectedRecord(input, {
    stage: 'processor',
    reason: 'duplicate',
    field: 'eventId',
    message: `${event.eventId} of ${event.source} is at ${positionName(first)} already`,
    receivedAt,
    dialect,
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
function claimedSenderOf(value: Buffer | null): { dialect: Dialect | null; source: string | null } {
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
