// The checks of single fields, compiled from the field table: what a value of each kind must be, and bounds for what
// the table does not name.

import { isCurrency } from './currency.ts'
import { dataFields, eventFields, itemFields, limits } from './event-fields.ts'
import type { FieldKind, FieldTable } from './event-fields.ts'
import { dialects } from './events.ts'
import type { RejectReason } from './events.ts'
import { steps } from './findings.ts'
import type { Findings, Step } from './findings.ts'
import type { RawObject } from './upcast.ts'

/** Where a fault lies decides its step. */
type Area = Partial<Record<RejectReason, Step>> & { bad_field: Step }

export const envelopeArea: Area = { bad_field: steps.envelope, string_too_long: steps.length }
export const itemArea: Area = {
  bad_field: steps.itemField,
  string_too_long: steps.length,
  negative_quantity: steps.quantity,
  bad_money: steps.itemMoney,
}
export const dataArea: Area = {
  bad_field: steps.required,
  string_too_long: steps.length,
  missing_order_id: steps.orderId,
  bad_currency: steps.currency,
  bad_money: steps.money,
}

/** The reason why a value is not of a kind, or undefined. */
type Test = (value: unknown) => RejectReason | undefined

export interface Check {
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

export const eventTable = compile(eventFields)
export const itemTable = compile(itemFields)
export const dataTable = compile(dataFields)

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

export function checkFields(
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

export function isFlags(value: unknown): value is string[] {
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

export function isObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
