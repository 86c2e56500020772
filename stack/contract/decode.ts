// Bytes → event, or the reason why not. The one judge of what an event is (events.md 1.4): the processor runs it on
// every Kafka value, the collector on what its mappers made. Pure, and idempotent: what it returns, written as JSON
// and decoded again, comes out the same.
//
// Every check of one event is made in one walk; of those that fail, the one that comes first in the order of 1.4
// names the reason. What it puts right on the way: times to UTC with milliseconds, the five-minute clamp, an unknown
// name to `custom`, null to absent, a missing quantity to 1, and no identity without consent (1.6).

import { isUtf8 } from 'node:buffer'
import { checkData, moveMisfits } from './data-checks.ts'
import { limits, requiredFields } from './event-fields.ts'
import { eventNames, noConsentId } from './events.ts'
import type { EventFlag, EventName, ShopEvent } from './events.ts'
import { checkFields, envelopeArea, eventTable, isFlags, isObject } from './field-checks.ts'
import { Findings, refusal, steps } from './findings.ts'
import type { Refusal } from './findings.ts'
import { compareBytes } from './order.ts'
import { holdsHalfPair } from './surrogates.ts'
import { canonicalTime, parseTime } from './time.ts'
import { upcast } from './upcast.ts'
import type { RawObject } from './upcast.ts'

export type { Refusal } from './findings.ts'

export type Decoded = { ok: true; event: ShopEvent } | Refusal

export function decodeEvent(bytes: Uint8Array | string): Decoded {
  if (isTooLarge(bytes)) return refusal('too_large', null, `more than ${limits.eventBytes} bytes`)
  if (typeof bytes !== 'string' && !isUtf8(bytes)) return refusal('not_json', null, 'no UTF-8')
  const text = typeof bytes === 'string' ? bytes : utf8(bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refusal('not_json', null, 'the value is no JSON')
  }
  if (holdsHalfPair(text, value)) {
    return refusal('not_json', null, 'a string holds half of a surrogate pair')
  }
  return validateEvent(value)
}

/** The same for a value that is parsed already. Takes the value over: it is changed in place. */
export function validateEvent(value: unknown): Decoded {
  if (!isObject(value)) return refusal('not_object', null, 'the value is no JSON object')
  const event = upcast(value, value['schemaVersion'] ?? '1.0')
  if (event === undefined) {
    const message = 'schemaVersion is none that this program reads'
    return refusal('unsupported_version', 'schemaVersion', message)
  }
  const findings = new Findings(value['schemaVersion'] !== '1.0')
  const name = settleName(event, findings)
  const hasConsent = settleConsent(event)
  if (!isIdentity(event['anonymousId']) && !isIdentity(event['userId'])) {
    findings.add(steps.identity, 'missing_identity', 'anonymousId', 'needs anonymousId or userId')
  }
  settleTimes(event, findings)
  for (const key of requiredFields) {
    if (event[key] === undefined || event[key] === null) {
      findings.add(steps.envelope, 'missing_field', key, 'is needed in every event')
    }
  }
  if (name === 'custom' && isObject(event['data'])) moveMisfits(event, event['data'])
  checkFields(event, eventTable, envelopeArea, '', findings)
  if (isObject(event['data'])) checkData(event['data'], name, findings)
  if (name === 'identify' && hasConsent && event['userId'] === undefined) {
    findings.add(steps.required, 'missing_field', 'userId', 'is needed in identify')
  }
  // Every field has been checked by its kind; that is what makes the object a ShopEvent.
  return findings.first ?? { ok: true, event: event as unknown as ShopEvent }
}

// The bytes

function isTooLarge(bytes: Uint8Array | string): boolean {
  if (bytes.length > limits.eventBytes) return true
  return (
    typeof bytes === 'string' &&
    // No UTF-16 unit takes more than three bytes.
    bytes.length * 3 > limits.eventBytes &&
    Buffer.byteLength(bytes) > limits.eventBytes
  )
}

function utf8(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('utf8')
}

// The envelope

const knownNames: ReadonlySet<string> = new Set(eventNames)

function settleName(event: RawObject, findings: Findings): EventName {
  const name = event['name']
  if (typeof name !== 'string' || name === '') {
    findings.add(steps.name, 'missing_name', 'name', 'is needed in every event')
    return 'custom'
  }
  if (!knownNames.has(name)) {
    event['name'] = 'custom'
    event['customName'] = name
    return 'custom'
  }
  if (name === 'custom' && (event['customName'] ?? '') === '') {
    const inData = isObject(event['data']) ? event['data']['customName'] : undefined
    if (typeof inData === 'string' && inData !== '') event['customName'] = inData
    else findings.add(steps.required, 'missing_field', 'customName', 'is needed in custom')
  }
  return name as EventName
}

/** 1.6. False when the person refused: then nothing that names the person is left. */
function settleConsent(event: RawObject): boolean {
  const context = event['context']
  const consent = isObject(context) ? context['consent'] : undefined
  if (!isObject(context) || !isObject(consent) || consent['analytics'] !== false) return true
  event['anonymousId'] = noConsentId
  delete event['userId']
  for (const key of ['ip', 'userAgent', 'clickIds']) delete context[key]
  if (isObject(context['page'])) {
    dropQuery(context['page'], 'url')
    dropQuery(context['page'], 'referrer')
  }
  if (isObject(event['data'])) delete event['data']['traits']
  addFlag(event, 'noConsent')
  return false
}

function dropQuery(page: RawObject, key: string): void {
  const url = page[key]
  if (typeof url === 'string') page[key] = url.replace(/[?#].*$/s, '')
}

function settleTimes(event: RawObject, findings: Findings): void {
  const eventMs = settleTime(event, 'eventTime', findings)
  const receivedMs = settleTime(event, 'receivedAt', findings)
  if (event['sentAt'] === null) delete event['sentAt']
  else if (event['sentAt'] !== undefined) settleTime(event, 'sentAt', findings)
  if (eventMs === undefined || receivedMs === undefined) return
  if (eventMs - receivedMs > limits.aheadMs) {
    event['eventTime'] = event['receivedAt']
    addFlag(event, 'timeCorrected')
  }
}

function settleTime(event: RawObject, key: string, findings: Findings): number | undefined {
  const text = event[key]
  const timeMs = typeof text === 'string' ? parseTime(text) : undefined
  if (timeMs === undefined)
    findings.add(steps.time, 'bad_time', key, 'is no RFC 3339 time since 1970')
  else event[key] = canonicalTime(text as string, timeMs)
  return timeMs
}

/** Flags are kept sorted. What is no list of flags is left to its own check. */
function addFlag(event: RawObject, flag: EventFlag): void {
  const flags: unknown = event['flags'] ?? []
  if (!isFlags(flags) || flags.includes(flag)) return
  event['flags'] = [...flags, flag].sort(compareBytes)
}

function isIdentity(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
