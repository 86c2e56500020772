// Snowplow's enriched events as JSON lines, columns as the warehouse loaders name them (events.md 1.9). derived_tstamp
// is corrected already; collector_tstamp is when it was received. The app is no part of the source: copies of one
// event may name different ones.

import { isoTime } from '#stack/base/units.ts'
import { parseTime } from '#stack/contract/time.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, newDraft, put, putObject } from '../collector/draft.ts'
import type { Draft } from '../collector/draft.ts'
import { isPlainObject, parseJson } from '../collector/json.ts'
import { Entities, readAction } from '../collector/snowplow-ecommerce.ts'
import type { Entity } from '../collector/snowplow-ecommerce.ts'
import { draftEntry, rejectedEntry } from './entry.ts'
import type { Entry, Source } from './entry.ts'
import { mapLines } from './lines.ts'

const sourceName = 'snowplow'

export function readSnowplowEnriched(source: Source): AsyncIterable<Entry[]> {
  return mapLines(source, 'snowplow', (value, { text, number }) => {
    if (!isPlainObject(value)) {
      const message = 'the line is no JSON object'
      const rejection = { position: number, reason: 'not_object', field: null, message } as const
      return [rejectedEntry(source, 'snowplow', rejection, text)]
    }
    return [rowEntry(value, source, number)]
  })
}

function rowEntry(row: RawObject, source: Source, position: number): Entry {
  const draft = newDraft('snowplow', row)
  const fields = new Fields(row)
  const eventId = fields.text('event_id')
  if (eventId !== undefined) draft.eventId = eventId
  const receivedMs = readTimes(draft, fields)
  readPerson(draft, fields)
  readContext(draft, fields)
  const columns = selfDescribing(row, fields)
  readEvent(draft, fields, columns, source)
  Object.assign(draft.extra, fields.rest())
  return draftEntry(draft, source, {
    name: sourceName,
    position,
    ...(receivedMs === undefined ? {} : { receivedMs }),
  })
}

function readTimes(draft: Draft, fields: Fields): number | undefined {
  draft.writtenTime = fields.text('derived_tstamp', 'dvce_created_tstamp') ?? ''
  const createdMs = warehouseTime(draft.writtenTime)
  if (createdMs !== undefined) draft.createdMs = createdMs
  const sentMs = warehouseTime(fields.text('dvce_sent_tstamp') ?? '')
  if (sentMs !== undefined) draft.sentAt = isoTime(sentMs)
  return warehouseTime(fields.text('collector_tstamp') ?? '')
}

/** `2021-03-03 21:27:32.696`, UTC without saying so. */
function warehouseTime(text: string): number | undefined {
  return parseTime(text) ?? parseTime(`${text}Z`) ?? parseTime(text.replace(/ UTC$/, 'Z'))
}

function readPerson({ envelope }: Draft, fields: Fields): void {
  put(envelope, 'anonymousId', fields.text('domain_userid', 'network_userid'))
  put(envelope, 'userId', fields.text('user_id'))
  put(envelope, 'sessionId', fields.text('domain_sessionid'))
}

function readContext({ context }: Draft, fields: Fields): void {
  put(context, 'userAgent', fields.text('useragent'))
  put(context, 'ip', fields.text('user_ipaddress'))
  put(context, 'locale', fields.text('br_lang'))
  put(context, 'timezone', fields.text('os_timezone'))
  const page: RawObject = {}
  put(page, 'url', fields.text('page_url'))
  put(page, 'path', fields.text('page_urlpath'))
  put(page, 'title', fields.text('page_title'))
  put(page, 'referrer', fields.text('page_referrer'))
  putObject(context, 'page', page)
  const campaign: RawObject = {}
  for (const key of ['source', 'medium', 'term', 'content']) {
    put(campaign, key, fields.text(`mkt_${key}`))
  }
  put(campaign, 'name', fields.text('mkt_campaign'))
  putObject(context, 'campaign', campaign)
  const screen: RawObject = {}
  put(screen, 'width', fields.number('dvce_screenwidth'))
  put(screen, 'height', fields.number('dvce_screenheight'))
  putObject(context, 'screen', screen)
}

// Self-describing columns: contexts_<vendor>_<schema>_1_0_0 and unstruct_event_<vendor>_<schema>_1_0_0

const columnPattern =
  /^(contexts|unstruct_event)_(?:com_snowplowanalytics_snowplow_ecommerce_|com_snowplowanalytics_snowplow_)?(.+?)(?:_\d+){1,3}$/

interface Columns {
  entities: Entities
  event: { name: string; data: unknown } | undefined
}

function selfDescribing(row: RawObject, fields: Fields): Columns {
  const entities: Entity[] = []
  let event: Columns['event']
  for (const column of Object.keys(row)) {
    const [, kind, schema = ''] = columnPattern.exec(column) ?? []
    if (kind === undefined) continue
    const values = objectsOf(fields.take(column))
    if (kind === 'contexts') entities.push(...values.map((data) => ({ schema, data })))
    else if (values.length > 0) event = { name: schema, data: values[0] }
  }
  return { entities: new Entities(entities), event }
}

/** An object, a list of them, or the text of either; keys in snake case, as the tracker sends them. */
function objectsOf(value: unknown): RawObject[] {
  const held = typeof value === 'string' ? parsed(value) : value
  const list: unknown[] = Array.isArray(held) ? held : [held]
  return list
    .filter(isPlainObject)
    .map((each) =>
      Object.fromEntries(Object.entries(each).map(([key, inner]) => [snakeCase(key), inner])),
    )
}

function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function readEvent(
  draft: Draft,
  fields: Fields,
  { entities, event }: Columns,
  source: Source,
): void {
  const kind = fields.text('event')
  const name = fields.text('event_name') ?? kind
  const context = {
    receivedMs: source.nowMs,
    position: 0,
    source: sourceName,
    defaultCurrency: source.defaultCurrency,
  }
  if (name === 'page_view') draft.name = 'page_view'
  else if (kind === 'struct') readStructured(draft, fields)
  else if (name !== undefined) {
    draft.name = 'custom'
    draft.envelope['customName'] = name
  }
  const isSelfDescribing = draft.name === 'custom' && kind !== 'struct' && kind !== 'page_ping'
  const action = isSelfDescribing ? { name: name ?? '', data: event?.data } : undefined
  readAction(draft, action, entities, context)
}

function readStructured(draft: Draft, fields: Fields): void {
  const data: RawObject = {}
  for (const key of ['category', 'action', 'label', 'property', 'value']) {
    put(data, key, fields.text(`se_${key}`))
  }
  draft.name = 'custom'
  draft.envelope['customName'] = data['action'] ?? 'struct'
  draft.data = data
}
