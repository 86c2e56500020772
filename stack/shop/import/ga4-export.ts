// GA4's BigQuery export as JSON lines: a row of `events_*` is brought into the form of the Measurement Protocol and
// mapped like it (events.md 1.7). BigQuery writes 64-bit integers as text.

import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, put, putObject } from '../collector/draft.ts'
import { ga4Draft } from '../collector/ga4.ts'
import { isPlainObject } from '../collector/json.ts'
import { draftEntry, rejectedEntry } from './entry.ts'
import type { Entry, Source } from './entry.ts'
import { mapLines } from './lines.ts'

const sourceName = 'ga4'

export function readGa4Export(source: Source): AsyncIterable<Entry[]> {
  return mapLines(source, 'ga4', (value, { text, number }) => {
    if (!isPlainObject(value)) {
      const message = 'the line is no JSON object'
      const rejection = { position: number, reason: 'not_object', field: null, message } as const
      return [rejectedEntry(source, 'ga4', rejection, text)]
    }
    return [rowEntry(value, source, number)]
  })
}

function rowEntry(row: RawObject, source: Source, number: number): Entry {
  const fields = new Fields(row)
  const params = paramsOf(fields)
  const request: RawObject = {}
  put(request, 'client_id', fields.text('user_pseudo_id'))
  put(request, 'user_id', fields.text('user_id'))
  put(request, 'timestamp_micros', fields.take('event_timestamp'))
  putObject(request, 'consent', consentOf(fields.object('privacy_info')))
  const event = { name: fields.text('event_name'), params }
  const batch = batchOf(fields)
  const draft = ga4Draft(request, event, {
    receivedMs: source.nowMs,
    position: number,
    source: sourceName,
    defaultCurrency: source.defaultCurrency,
  })
  draft.raw = row
  // 1.7: where the export tells two events of one bundle apart, the id does; where not, the line does.
  draft.idParts = batch
  Object.assign(draft.extra, fields.rest())
  const position = batch.length > 0 ? 0 : number
  return draftEntry(draft, source, { name: sourceName, position })
}

function batchOf(fields: Fields): string[] {
  const names = [
    'event_bundle_sequence_id',
    'batch_event_index',
    'batch_ordering_id',
    'batch_page_id',
  ]
  return names.flatMap((name) => {
    const value = fields.text(name)
    return value === undefined ? [] : [`${name}=${value}`]
  })
}

/** `[{key, value: {string_value | int_value | float_value | double_value}}]`, and what stands in columns of its own. */
function paramsOf(fields: Fields): RawObject {
  const params: RawObject = {}
  for (const param of fields.list('event_params') ?? []) {
    const { key, value } = isPlainObject(param) ? param : {}
    if (typeof key !== 'string' || key === '__proto__') continue
    const held = Object.values(isPlainObject(value) ? value : {}).find((each) => each !== null)
    put(params, key, held)
  }
  const items = fields.list('items')
  if (items !== undefined && items.length > 0) params['items'] = items
  readCommerce(params, fields)
  const campaign = fields.object('collected_traffic_source')
  put(params, 'source', params['source'] ?? campaign.text('manual_source'))
  put(params, 'medium', params['medium'] ?? campaign.text('manual_medium'))
  put(params, 'campaign', params['campaign'] ?? campaign.text('manual_campaign_name'))
  put(params, 'gclid', params['gclid'] ?? campaign.text('gclid'))
  put(params, 'language', fields.object('device').text('language'))
  return params
}

function readCommerce(params: RawObject, fields: Fields): void {
  const commerce = fields.object('ecommerce')
  const set = (key: string, column: string): void => {
    const value = commerce.take(column)
    put(params, key, params[key] ?? value)
  }
  set('transaction_id', 'transaction_id')
  set('value', 'purchase_revenue')
  set('value', 'refund_value')
  set('tax', 'tax_value')
  set('shipping', 'shipping_value')
}

function consentOf(privacy: Fields): RawObject {
  const consent: RawObject = {}
  const word = (answer: string | undefined): string | undefined =>
    answer === undefined ? undefined : /^(yes|true)$/i.test(answer) ? 'GRANTED' : 'DENIED'
  put(consent, 'analytics_storage', word(privacy.text('analytics_storage')))
  put(consent, 'ad_user_data', word(privacy.text('ads_storage')))
  return consent
}
