// The native dialect: the event of events.md 1.2 as a producer sends it. What only collector and processor may set is
// not taken from a producer but kept in `extra`; amounts may come as decimals of the currency (`price: "19.99"`
// instead of `unitPriceMinor: 1999`).

import { eventFields } from '#stack/contract/event-fields.ts'
import { eventNames } from '#stack/contract/events.ts'
import { parseTime } from '#stack/contract/time.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { newDraft, Scale } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { canonicalJson, isPlainObject } from './json.ts'

/** Set by us alone. */
const reserved = new Set(['receivedAt', 'processedAt', 'dialect', 'flags'])

const minorByDecimal: Readonly<Record<string, string>> = {
  cartTotal: 'cartTotalMinor',
  itemsTotal: 'itemsTotalMinor',
  discount: 'discountMinor',
  tax: 'taxMinor',
  shipping: 'shippingMinor',
  total: 'totalMinor',
  amount: 'amountMinor',
}
const minorByItemDecimal: Readonly<Record<string, string>> = {
  price: 'unitPriceMinor',
  discount: 'discountMinor',
}

export function mapNative(body: unknown, context: MapContext): Mapped[] {
  const elements: unknown[] = Array.isArray(body) ? body : [body]
  return elements.map((element) =>
    isPlainObject(element) ? nativeDraft(element, context) : { unreadable: true, raw: element },
  )
}

export function nativeDraft(source: RawObject, context: MapContext): Draft {
  const draft = newDraft('native', source)
  const { name, eventId, eventTime, sentAt, context: about, data, extra, ...others } = source
  // Anything but a text is for the validator to refuse.
  draft.name = name as string | undefined
  if (eventId !== undefined && eventId !== null) draft.eventId = eventId as string
  readTimes(draft, eventTime, sentAt)
  const isNewer = typeof source['schemaVersion'] === 'string' && source['schemaVersion'] !== '1.0'
  if (isPlainObject(extra)) draft.extra = { ...extra }
  else if (extra !== undefined) draft.envelope['extra'] = extra
  for (const [key, value] of Object.entries(others)) {
    const isKnown = Object.hasOwn(eventFields, key) && !reserved.has(key)
    // A later minor's fields stay where they stand (1.5).
    if (isKnown || (isNewer && !reserved.has(key))) draft.envelope[key] = value
    else if (key !== '__proto__') draft.extra[key] = value
  }
  if (isPlainObject(about)) draft.context = { ...about }
  else if (about !== undefined && about !== null) draft.envelope['context'] = about
  // A custom event may hold anything; its `total` need not be money.
  const hasAmounts = isPlainObject(data) && isStandardName(draft.name)
  draft.data = hasAmounts ? withMinorUnits(draft, data, context) : data
  return draft
}

function isStandardName(name: unknown): boolean {
  return name !== 'custom' && (eventNames as readonly unknown[]).includes(name)
}

function readTimes(draft: Draft, eventTime: unknown, sentAt: unknown): void {
  if (eventTime !== undefined) {
    draft.writtenTime = typeof eventTime === 'string' ? eventTime : canonicalJson(eventTime)
    const createdMs = parseTime(draft.writtenTime)
    if (createdMs !== undefined) draft.createdMs = createdMs
  }
  if (sentAt === undefined || sentAt === null) return
  draft.sentAt = typeof sentAt === 'string' ? sentAt : canonicalJson(sentAt)
  const sentMs = parseTime(draft.sentAt)
  if (sentMs !== undefined) draft.sentMs = sentMs
}

function withMinorUnits(draft: Draft, data: RawObject, context: MapContext): RawObject {
  const currency = typeof data['currency'] === 'string' ? data['currency'] : undefined
  const scale = new Scale(draft, currency, context)
  const converted = convert(data, minorByDecimal, scale)
  const { items } = converted
  if (!Array.isArray(items)) return converted
  return {
    ...converted,
    items: items.map((item: unknown) =>
      isPlainObject(item) ? convert(item, minorByItemDecimal, scale) : item,
    ),
  }
}

/** Decimal fields in minor units, unless the field in minor units is there already. */
function convert(
  source: RawObject,
  table: Readonly<Record<string, string>>,
  scale: Scale,
): RawObject {
  const target: RawObject = {}
  for (const [key, value] of Object.entries(source)) {
    const minorKey = Object.hasOwn(table, key) ? table[key] : undefined
    if (minorKey === undefined || value === null || Object.hasOwn(source, minorKey)) {
      define(target, key, value)
    } else target[minorKey] = scale.minor(value)
  }
  return target
}

/** A plain assignment to `__proto__` would set a prototype; as a field the validator sees and refuses it. */
function define(target: RawObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}
