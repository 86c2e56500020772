// Bytes → event, or the reason why not. The one judge of what an event is (events.md 1.4): the processor runs it on
// every Kafka value, the collector on what its mappers made. Pure, and idempotent: what it returns, written as JSON
// and decoded again, comes out the same.
//
// Every check of one event is made in one walk; of those that fail, the one that comes first in the order of 1.4
// names the reason. What it puts right on the way: times to UTC with milliseconds, the five-minute clamp, an unknown
// name to `custom`, null to absent, a missing quantity to 1, and no identity without consent (1.6).

import { isUtf8 } from 'node:buffer'
import { isCurrency } from './currency.ts'
import {
  dataFields,
  eventFields,
  itemFields,
  limits,
  nameRules,
  requiredFields,
} from './event-fields.ts'
import type { FieldKind, FieldTable } from './event-fields.ts'
import { dialects, eventNames, noConsentId } from './events.ts'
import type { EventFlag, EventName, RejectReason, ShopEvent } from './events.ts'
import { compareBytes } from './order.ts'
import { canonicalTime, parseTime } from './time.ts'
import { upcast } from './upcast.ts'
import type { RawObject } from './upcast.ts'

export interface Refusal {
  ok: false
  reason: RejectReason
  /** Path of the field, `data.items[3].quantity`; null where the whole is meant. */
  field: string | null
  message: string
}

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
    const version = JSON.stringify(value['schemaVersion'])
    return refusal(
      'unsupported_version',
      'schemaVersion',
      `no version this program reads: ${version}`,
    )
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

/** The order of 1.4; the least step names the reason. */
const steps = {
  name: 4,
  identity: 5,
  time: 6,
  envelope: 7,
  length: 8,
  itemCount: 9,
  itemField: 10,
  quantity: 11,
  itemMoney: 12,
  required: 13,
  orderId: 14,
  currency: 15,
  money: 16,
} as const

type Step = (typeof steps)[keyof typeof steps]

class Findings {
  first: Refusal | undefined
  #step = Infinity
  /** A later minor may have added values to an enumeration (1.5). */
  readonly isNewer: boolean

  constructor(isNewer: boolean) {
    this.isNewer = isNewer
  }

  add(step: Step, reason: RejectReason, field: string, message: string): void {
    if (step >= this.#step) return
    this.#step = step
    // A key may be as long as the event.
    const path = field.slice(0, limits.identityUnits).toWellFormed()
    this.first = refusal(reason, path, `${path} ${message}`)
  }
}

function refusal(reason: RejectReason, field: string | null, message: string): Refusal {
  return { ok: false, reason, field, message }
}

// The envelope

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

// Fields by their table

/** Where a fault lies decides its step. */
type Area = Partial<Record<RejectReason, Step>> & { bad_field: Step }

const envelopeArea: Area = { bad_field: steps.envelope, string_too_long: steps.length }
const itemArea: Area = {
  bad_field: steps.itemField,
  string_too_long: steps.length,
  negative_quantity: steps.quantity,
  bad_money: steps.itemMoney,
}
const dataArea: Area = {
  bad_field: steps.required,
  string_too_long: steps.length,
  missing_order_id: steps.orderId,
  bad_currency: steps.currency,
  bad_money: steps.money,
}

/** The reason why a value is not of a kind, or undefined. */
type Test = (value: unknown) => RejectReason | undefined

interface Check {
  test: Test
  kind: FieldKind
  fields: CheckTable | undefined
}

type CheckTable = Readonly<Record<string, Check | undefined>>

const text =
  (unitsMax: number, unitsMin = 0, otherwise: RejectReason = 'bad_field'): Test =>
  (value) => {
    if (typeof value !== 'string' || value.length < unitsMin) return otherwise
    return value.length > unitsMax ? 'string_too_long' : undefined
  }

const when =
  (reason: RejectReason, holds: (value: unknown) => boolean): Test =>
  (value) =>
    holds(value) ? undefined : reason

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isPositive = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
const eventIdPattern = /^[A-Za-z0-9._:-]{1,128}$/

const tests: Readonly<Record<FieldKind, Test>> = {
  // Judged before the walk.
  version: () => undefined,
  time: () => undefined,
  eventId: when('bad_field', (value) => typeof value === 'string' && eventIdPattern.test(value)),
  text: text(limits.textUnits),
  key: text(limits.textUnits, 1),
  identity: text(limits.identityUnits, 1),
  orderId: text(limits.textUnits, 1, 'missing_order_id'),
  url: text(limits.urlUnits),
  dialect: when('bad_field', (value) => (dialects as readonly unknown[]).includes(value)),
  currency: when('bad_currency', (value) => typeof value === 'string' && isCurrency(value)),
  policy: when('bad_field', (value) => value === 'max' || value === 'sum' || value === 'replace'),
  count: when('bad_field', isCount),
  step: when('bad_field', isPositive),
  quantity: when('negative_quantity', isPositive),
  money: when('bad_money', isCount),
  boolean: when('bad_field', (value) => typeof value === 'boolean'),
  consent: when('bad_field', (value) => value === null || typeof value === 'boolean'),
  flags: when('bad_field', isFlags),
  number: when('bad_field', Number.isFinite),
  items: when('bad_field', Array.isArray),
  object: when('bad_field', isObject),
  free: (value) => freeFault(value, 1, limits.textUnits),
  extra: (value) => (isObject(value) ? extraFault(value) : 'bad_field'),
}

const saysByReason: Partial<Record<RejectReason, string>> = {
  bad_money: `must be a whole number of minor units from 0 to 2^53-1`,
  bad_currency: 'must be an ISO 4217 code in capitals',
  negative_quantity: 'must be a whole number from 1',
  string_too_long: 'is too long',
}

const saysByKind: Partial<Record<FieldKind, string>> = {
  eventId: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -',
  dialect: `must be one of ${dialects.join(', ')}`,
  policy: 'must be max, sum or replace',
  count: 'must be a whole number from 0',
  step: 'must be a whole number from 1',
  boolean: 'must be true or false',
  consent: 'must be true, false or null',
  flags: `must be a list of at most ${limits.flags} texts`,
  number: 'must be a number',
  items: 'must be a list',
  object: 'must be an object',
  extra: `must be an object of at most ${limits.extraBytes} bytes, ${limits.depth} levels and ${limits.keys} keys each`,
  free: `may have at most ${limits.depth} levels and ${limits.keys} keys each`,
}

const eventTable = compile(eventFields)
const itemTable = compile(itemFields)
const dataTable = compile(dataFields)
const knownNames: ReadonlySet<string> = new Set(eventNames)

/** Without a prototype, so that a key such as `constructor` finds nothing. */
function compile(fields: FieldTable): CheckTable {
  const table: Record<string, Check> = Object.create(null) as Record<string, Check>
  for (const [key, { kind, fields: inner }] of Object.entries(fields)) {
    // `data` has a walk of its own, by name.
    const nested = inner === undefined || inner === dataFields ? undefined : compile(inner)
    table[key] = { test: tests[kind], kind, fields: nested }
  }
  return table
}

const freeCheck: Check = { test: tests.free, kind: 'free', fields: undefined }

function checkFields(
  holder: RawObject,
  table: CheckTable,
  area: Area,
  path: string,
  findings: Findings,
): void {
  for (const key in holder) {
    const value = holder[key]
    const { test, kind, fields } = table[key] ?? freeCheck
    if (value === null && kind !== 'consent' && kind !== 'free') {
      delete holder[key]
      continue
    }
    const reason = key === '__proto__' ? 'bad_field' : test(value)
    if (reason !== undefined) {
      if (!findings.isNewer || !isEnumeration(kind) || typeof value !== 'string') {
        addFault(findings, area, reason, kind, path + key)
      }
    } else if (fields !== undefined) {
      checkFields(value as RawObject, fields, area, `${path}${key}.`, findings)
    }
  }
}

function isEnumeration(kind: FieldKind): boolean {
  return kind === 'dialect' || kind === 'policy'
}

function addFault(
  findings: Findings,
  area: Area,
  reason: RejectReason,
  kind: FieldKind,
  field: string,
): void {
  const says = saysByReason[reason] ?? saysByKind[kind] ?? 'must be a text'
  findings.add(area[reason] ?? area.bad_field, reason, field, says)
}

function isFlags(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= limits.flags &&
    value.every((flag) => typeof flag === 'string' && flag.length <= limits.textUnits)
  )
}

// What the table does not name

/** Kept as it is, within bounds that every later walk may rely on. */
function freeFault(value: unknown, depth: number, unitsMax: number): RejectReason | undefined {
  if (typeof value === 'string') return value.length > unitsMax ? 'string_too_long' : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > limits.depth) return 'bad_field'
  if (Array.isArray(value)) {
    for (const element of value) {
      const fault = freeFault(element, depth + 1, unitsMax)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  let keys = 0
  for (const key in value) {
    if (++keys > limits.keys || key === '__proto__') return 'bad_field'
    if (key.length > limits.textUnits) return 'string_too_long'
    const fault = freeFault((value as RawObject)[key], depth + 1, unitsMax)
    if (fault !== undefined) return fault
  }
  return undefined
}

function extraFault(extra: RawObject): RejectReason | undefined {
  const fault = freeFault(extra, 1, limits.extraBytes)
  if (fault !== undefined) return 'bad_field'
  return Buffer.byteLength(JSON.stringify(extra)) > limits.extraBytes ? 'bad_field' : undefined
}

// The data of a name

function checkData(data: RawObject, name: EventName, findings: Findings): void {
  checkFields(data, dataTable, dataArea, 'data.', findings)
  if (Array.isArray(data['items'])) checkItems(data['items'], name, findings)
  const rule = nameRules[name]
  const itemCount = Array.isArray(data['items']) ? data['items'].length : undefined
  const missing = (key: string): void => {
    if (data[key] !== undefined) return
    findings.add(steps.required, 'missing_field', `data.${key}`, `is needed in ${name}`)
  }
  const needsItems = rule.items ?? (rule.itemsUnless && data[rule.itemsUnless] === undefined)
  if (needsItems && itemCount === 0) {
    findings.add(steps.required, 'missing_field', 'data.items', `must not be empty in ${name}`)
  } else if (needsItems || rule.snapshot) missing('items')
  for (const key of rule.fields ?? noFields) missing(key)
  if (rule.orderId && data['orderId'] === undefined) {
    findings.add(steps.orderId, 'missing_order_id', 'data.orderId', `is needed in ${name}`)
  }
  const needsCurrency =
    rule.currency ?? (rule.currencyWith && data[rule.currencyWith] !== undefined)
  if (needsCurrency && data['currency'] === undefined) {
    findings.add(steps.currency, 'bad_currency', 'data.currency', `is needed in ${name}`)
  }
}

const noFields: readonly string[] = []

function checkItems(items: unknown[], name: EventName, findings: Findings): void {
  if (items.length > limits.items) {
    findings.add(steps.itemCount, 'too_many_items', 'data.items', `may have ${limits.items} lines`)
    return
  }
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (isObject(item)) checkItem(item, `data.items[${i}].`, name, findings)
    else findings.add(steps.itemField, 'bad_field', `data.items[${i}]`, 'must be an object')
  }
}

function checkItem(item: RawObject, path: string, name: EventName, findings: Findings): void {
  checkFields(item, itemTable, itemArea, path, findings)
  if ((item['productId'] ?? '') === '') {
    findings.add(steps.itemField, 'missing_field', `${path}productId`, 'is needed in every item')
  }
  if (item['quantity'] === undefined && name !== 'remove_from_cart') item['quantity'] = 1
  const { unitPriceMinor, discountMinor } = item
  if ((discountMinor as number) > (unitPriceMinor as number)) {
    findings.add(steps.itemMoney, 'bad_money', `${path}discountMinor`, 'exceeds the unit price')
  }
}

/**
 * A custom event may hold anything; yet whoever reads `data` trusts the types of the fields it knows. So a field of a
 * known name and another shape lives in `extra`.
 */
function moveMisfits(event: RawObject, data: RawObject): void {
  for (const key in data) {
    const check = dataTable[key]
    if (check === undefined || data[key] === null || fits(key, data[key], check)) continue
    event['extra'] ??= {}
    if (!isObject(event['extra'])) return
    event['extra'][key] = data[key]
    delete data[key]
  }
}

function fits(key: string, value: unknown, check: Check): boolean {
  if (check.test(value) !== undefined) return false
  if (key !== 'items') return true
  const findings = new Findings(false)
  checkItems(value as unknown[], 'custom', findings)
  return findings.first === undefined
}

// Bytes and text

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

/**
 * Half of a surrogate pair is no character, and whoever writes it as UTF-8 loses it. Halves come as escapes, since
 * UTF-8 has none, or in a text that was given as such. `value` is what the text holds.
 */
export function holdsHalfPair(text: string, value: unknown): boolean {
  const isSuspicious = text.includes('\\ud') || text.includes('\\uD') || !text.isWellFormed()
  return isSuspicious && !isWellFormed(value, 0)
}

function isWellFormed(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  // Deeper than any event may be: another check refuses it.
  if (depth > 4 * limits.depth) return true
  if (Array.isArray(value)) return value.every((element) => isWellFormed(element, depth + 1))
  return Object.entries(value).every(
    ([key, inner]) => key.isWellFormed() && isWellFormed(inner, depth + 1),
  )
}

function isIdentity(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
