// Snowplow's tracker protocol: POST tp2 with `data`, a list of objects of string fields, and GET /i with the same
// fields as a query (events.md 1.9). Self-describing events and entities come as JSON, plain or base64url.

import { canonicalTime } from '#stack/contract/time.ts'
import { isoTime } from '#stack/base/units.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, newDraft, put, putObject } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { isPlainObject, parseJson } from './json.ts'
import { Entities, readAction } from './snowplow-ecommerce.ts'

export function mapSnowplow(body: unknown, context: MapContext): Mapped[] {
  if (!isPlainObject(body)) return [{ unreadable: true, raw: body }]
  const list: unknown[] = Array.isArray(body['data']) ? body['data'] : [body]
  return list.map((payload) =>
    isPlainObject(payload) ? payloadDraft(payload, context) : { unreadable: true, raw: payload },
  )
}

function payloadDraft(payload: RawObject, context: MapContext): Draft {
  const draft = newDraft('snowplow', payload)
  const fields = new Fields(payload)
  const { envelope } = draft
  put(envelope, 'anonymousId', fields.text('duid', 'nuid'))
  put(envelope, 'userId', fields.text('uid'))
  put(envelope, 'sessionId', fields.text('sid'))
  const eventId = fields.text('eid')
  if (eventId !== undefined) draft.eventId = eventId
  readTimes(draft, fields)
  readContext(draft, fields)
  const entities = entitiesOf(draft, fields)
  readEvent(draft, fields, entities, context)
  Object.assign(draft.extra, fields.rest())
  return draft
}

/** Milliseconds as strings; a true timestamp (`ttm`) needs no correction. */
function readTimes(draft: Draft, fields: Fields): void {
  const trueTime = fields.text('ttm')
  const created = trueTime ?? fields.text('dtm')
  draft.writtenTime = created ?? ''
  const createdMs = milliseconds(created)
  if (createdMs !== undefined) draft.createdMs = createdMs
  const sentMs = milliseconds(fields.text('stm'))
  if (sentMs === undefined) return
  draft.sentAt = canonicalTime(isoTime(sentMs), sentMs)
  if (trueTime === undefined) draft.sentMs = sentMs
}

/** Year 9999 has fourteen digits and a bit; more is no time. */
function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,14}$/.test(text) ? Number(text) : undefined
}

function readContext(draft: Draft, fields: Fields): void {
  const { context } = draft
  put(context, 'userAgent', fields.text('ua'))
  put(context, 'ip', fields.text('ip'))
  put(context, 'locale', fields.text('lang'))
  put(context, 'timezone', fields.text('tz'))
  const page: RawObject = {}
  put(page, 'url', fields.text('url'))
  put(page, 'title', fields.text('page'))
  put(page, 'referrer', fields.text('refr'))
  putObject(context, 'page', page)
  const [width, height] = (fields.text('res') ?? '').split('x').map(Number)
  if (width && height) context['screen'] = { width, height }
  const library: RawObject = {}
  put(library, 'name', fields.text('tv'))
  putObject(context, 'library', library)
}

// Self-describing JSON

/** `{schema, data: [{schema, data}]}` */
function entitiesOf(draft: Draft, fields: Fields): Entities {
  const wrapped = embedded(draft, fields, 'co', 'cx')
  const list = isPlainObject(wrapped) && Array.isArray(wrapped['data']) ? wrapped['data'] : []
  return new Entities(
    list.flatMap((entity: unknown) => {
      if (!isPlainObject(entity) || typeof entity['schema'] !== 'string') return []
      return [{ schema: schemaName(entity['schema']), data: entity['data'] }]
    }),
  )
}

/** `iglu:com.example/product/jsonschema/1-0-0` → `product` */
export function schemaName(uri: string): string {
  return uri.split('/')[1] ?? uri
}

function embedded(draft: Draft, fields: Fields, plain: string, encoded: string): unknown {
  const text = fields.text(plain)
  const base64 = fields.text(encoded)
  const source = text ?? (base64 && Buffer.from(base64, 'base64url').toString('utf8'))
  if (source === undefined) return undefined
  try {
    return parseJson(source)
  } catch {
    draft.flags.add('badMetadata')
    draft.extra[plain] = source
    return undefined
  }
}

function readEvent(draft: Draft, fields: Fields, entities: Entities, context: MapContext): void {
  const kind = fields.text('e')
  if (kind === 'ue') {
    const wrapped = embedded(draft, fields, 'ue_pr', 'ue_px')
    const inner = isPlainObject(wrapped) ? new Fields(wrapped['data']) : new Fields(undefined)
    const name = schemaName(inner.text('schema') ?? 'unstructured')
    readAction(draft, { name, data: inner.take('data') }, entities, context)
    return
  }
  if (kind === 'pv') {
    draft.name = 'page_view'
    readAction(draft, undefined, entities, context)
    return
  }
  if (kind === undefined) return
  // A page ping is no activity (R12), and `custom` is none.
  draft.name = 'custom'
  draft.envelope['customName'] = kind === 'pp' ? 'page_ping' : kind
  draft.data = { ...(kind === 'se' ? structured(draft, fields) : {}) }
  readAction(draft, undefined, entities, context)
}

function structured(draft: Draft, fields: Fields): RawObject {
  const data: RawObject = {}
  put(data, 'category', fields.text('se_ca'))
  put(data, 'action', fields.text('se_ac'))
  put(data, 'label', fields.text('se_la'))
  put(data, 'property', fields.text('se_pr'))
  put(data, 'value', fields.text('se_va'))
  put(draft.envelope, 'customName', data['action'])
  return data
}
