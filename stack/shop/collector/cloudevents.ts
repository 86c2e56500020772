// CloudEvents 1.0. Binary mode carries the attributes in ce-* headers and the data as body, structured mode both in
// one object, batch mode many of those; the routes bring all three into the structured form. The data is either a
// native event, whole, or the `data` of one whose name is in the type: shop.<name>.v1.

import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, put } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { isPlainObject, parseJson } from './json.ts'
import { nativeDraft } from './native.ts'

const typePattern = /^shop\.([A-Za-z0-9_]+)\.v(\d+)$/

export function mapCloudEvents(body: unknown, context: MapContext): Mapped[] {
  const elements: unknown[] = Array.isArray(body) ? body : [body]
  return elements.map((element) =>
    isPlainObject(element) ? structuredDraft(element, context) : { unreadable: true, raw: element },
  )
}

/** Attributes of the binary mode and its data as one structured event. */
export function fromBinary(headers: Readonly<Record<string, string>>, data: unknown): RawObject {
  const event: RawObject = { data }
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith('ce-') && header !== 'ce-data') event[header.slice(3)] = decoded(value)
  }
  return event
}

/** The HTTP binding percent-encodes what is not printable ASCII. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function structuredDraft(element: RawObject, context: MapContext): Draft {
  const fields = new Fields(element)
  const native = nativeOf(fields)
  fields.take('specversion')
  fields.take('datacontenttype')
  const extensions = fields.rest()
  const draft = nativeDraft(native, context)
  draft.dialect = 'cloudevents'
  draft.raw = element
  if (Object.keys(extensions).length > 0) draft.extra['attributes'] = extensions
  return draft
}

/** What the event says of itself wins over its attributes. */
function nativeOf(fields: Fields): RawObject {
  const [, name, major] = typePattern.exec(fields.text('type') ?? '') ?? []
  const attributes: RawObject = {}
  put(attributes, 'eventId', fields.text('id'))
  put(attributes, 'source', fields.text('source'))
  put(attributes, 'eventTime', fields.text('time'))
  put(attributes, 'name', name)
  if (major !== undefined) attributes['schemaVersion'] = `${major}.0`
  put(attributes, 'cartId', fields.text('subject'))
  put(attributes, 'userId', fields.text('userid'))
  const key = fields.text('partitionkey')
  put(
    attributes,
    'anonymousId',
    fields.text('anonymousid') ?? (attributes['userId'] ? undefined : key),
  )
  put(attributes, 'sessionId', fields.text('sessionid'))
  const data = dataOf(fields)
  const isWhole = isPlainObject(data) && isPlainObject(data['data'])
  return isWhole ? { ...attributes, ...data } : { ...attributes, data }
}

function dataOf(fields: Fields): unknown {
  const base64 = fields.text('data_base64')
  const data = fields.take('data')
  const text =
    base64 === undefined
      ? typeof data === 'string'
        ? data
        : undefined
      : Buffer.from(base64, 'base64').toString('utf8')
  if (text === undefined) return data
  try {
    return parseJson(text)
  } catch {
    return text
  }
}
