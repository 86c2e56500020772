// The published JSON Schema of the event (event.schema.json), made from the field table. A schema can say what a field
// looks like, not everything that decode.ts judges: sizes in bytes, currency codes, real dates and the five-minute
// clamp stay in words. Unknown fields are allowed everywhere: a later minor may add some (events.md 1.5).

import {
  dataFields,
  eventFields,
  itemFields,
  limits,
  nameRules,
  requiredFields,
} from './event-fields.ts'
import type { Field, FieldKind, FieldTable, NameRule } from './event-fields.ts'
import { dialects, eventNames } from './events.ts'

export type JsonSchema = { [keyword: string]: unknown }

const text = (maxLength: number, minLength = 0): JsonSchema => ({
  type: 'string',
  ...(minLength > 0 ? { minLength } : {}),
  maxLength,
})
const whole = (minimum: number): JsonSchema => ({
  type: 'integer',
  minimum,
  maximum: Number.MAX_SAFE_INTEGER,
})

const schemaByKind: Readonly<Record<FieldKind, JsonSchema>> = {
  version: { type: 'string', pattern: '^1\\.[0-9]{1,4}$' },
  eventId: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
  text: text(limits.textUnits),
  key: text(limits.textUnits, 1),
  identity: text(limits.identityUnits, 1),
  orderId: text(limits.textUnits, 1),
  url: text(limits.urlUnits),
  time: { type: 'string', format: 'date-time' },
  dialect: { type: 'string', examples: dialects },
  currency: { type: 'string', pattern: '^[A-Z]{3}$' },
  policy: { type: 'string', examples: ['max', 'sum', 'replace'] },
  count: whole(0),
  step: whole(1),
  quantity: whole(1),
  money: whole(0),
  boolean: { type: 'boolean' },
  consent: { type: ['boolean', 'null'] },
  flags: { type: 'array', maxItems: limits.flags, items: text(limits.textUnits) },
  number: { type: 'number' },
  items: { type: 'array', maxItems: limits.items, items: { $ref: '#/$defs/item' } },
  object: { type: 'object' },
  free: {},
  extra: { type: 'object' },
}

export function eventSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:slipway:event:1',
    title: 'Slipway event, version 1',
    ...objectSchema(eventFields),
    required: [...requiredFields, 'name', 'eventTime', 'receivedAt'],
    anyOf: [{ required: ['anonymousId'] }, { required: ['userId'] }, withoutConsent],
    allOf: eventNames.flatMap((name) => ruleOf(name, nameRules[name])),
    $defs: {
      data: objectSchema(dataFields),
      item: { ...objectSchema(itemFields), required: ['productId'] },
    },
  }
}

/** As the formatter of this repository writes JSON: a list of plain values on one line, if it fits. */
export function schemaText(): string {
  const text = JSON.stringify(eventSchema(), null, 2)
  const lists = /^( *"[^"\n]*": )\[\s+([^[\]{}]*?)\s+\](,?)$/gm
  const shortened = text.replace(lists, (whole, key: string, list: string, comma: string) => {
    const line = `${key}[${list.replace(/\s*\n\s*/g, ' ')}]${comma}`
    return line.length <= lineUnits ? line : whole
  })
  return `${shortened}\n`
}

const lineUnits = 100

/** Then the collector sets the identity itself (1.6). */
const withoutConsent: JsonSchema = nested(
  'context',
  nested('consent', {
    properties: { analytics: { const: false } },
    required: ['analytics'],
  }),
)

function nested(key: string, inner: JsonSchema): JsonSchema {
  return { properties: { [key]: inner }, required: [key] }
}

function objectSchema(fields: FieldTable): JsonSchema {
  const properties = Object.entries(fields).map(([key, field]) => [key, fieldSchema(field)])
  return { type: 'object', properties: Object.fromEntries(properties) as JsonSchema }
}

function fieldSchema({ kind, says, fields }: Field): JsonSchema {
  // What `data` holds depends on the name; a custom event's may hold anything.
  if (fields === dataFields) return { type: 'object', description: says }
  if (fields !== undefined) return { description: says, ...objectSchema(fields) }
  return { description: says, ...schemaByKind[kind] }
}

/** What an event of this name has in `data`; nothing for custom. */
function ruleOf(name: string, rule: NameRule): JsonSchema[] {
  if (name === 'custom') return []
  const required = [
    ...(rule.items || rule.snapshot ? ['items'] : []),
    ...(rule.currency ? ['currency'] : []),
    ...(rule.orderId ? ['orderId'] : []),
    ...(rule.fields ?? []),
  ]
  const data: JsonSchema = {
    $ref: '#/$defs/data',
    ...(required.length > 0 ? { required } : {}),
    ...(rule.itemsUnless ? { anyOf: [someItems, { required: [rule.itemsUnless] }] } : {}),
    ...(rule.items ? { allOf: [someItems] } : {}),
    ...(rule.currencyWith ? { dependentRequired: { [rule.currencyWith]: ['currency'] } } : {}),
  }
  const isName = { properties: { name: { const: name } }, required: ['name'] }
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  return [{ if: isName, then: { properties: { data } } }]
}

const someItems: JsonSchema = { properties: { items: { minItems: 1 } }, required: ['items'] }
