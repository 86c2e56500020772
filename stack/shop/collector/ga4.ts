// GA4: the Measurement Protocol's body, one event per entry of `events` (events.md 1.7). A row of the BigQuery export
// is first brought into the same form (import/ga4-export.ts).

import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, newDraft, put, putObject, readItems, Scale } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { decimalText, isPlainObject } from './json.ts'

const sameNames = new Set([
  'page_view',
  'view_item',
  'view_item_list',
  'select_item',
  'search',
  'add_to_cart',
  'remove_from_cart',
  'view_cart',
  'begin_checkout',
  'purchase',
  'refund',
])
/** GA4 numbers no step; these come after begin_checkout, which is the first. */
const checkoutSteps: Readonly<Record<string, { step: number; option: string }>> = {
  add_shipping_info: { step: 2, option: 'shipping' },
  add_payment_info: { step: 3, option: 'payment' },
}

export function mapGa4(body: unknown, context: MapContext): Mapped[] {
  if (!isPlainObject(body)) return [{ unreadable: true, raw: body }]
  const { events, ...request } = body
  const list: unknown[] = Array.isArray(events) ? events : [events]
  return list.map((event) =>
    isPlainObject(event)
      ? ga4Draft(request, event, context)
      : { unreadable: true, raw: event === undefined ? body : event },
  )
}

export function ga4Draft(request: RawObject, event: RawObject, context: MapContext): Draft {
  const draft = newDraft('ga4', { ...request, events: [event] })
  const outer = new Fields(request)
  const fields = new Fields(event)
  const params = fields.object('params')
  readEnvelope(draft, outer, params)
  readTime(draft, fields.take('timestamp_micros') ?? outer.take('timestamp_micros'))
  const given = fields.text('name')
  const data: RawObject = {}
  draft.data = data
  draft.name = nameOf(given, draft.envelope['userId'] !== undefined)
  if (draft.name === 'custom') put(draft.envelope, 'customName', given)
  else readData(draft, data, given, params, context)
  // A custom event's parameters are its data; what another name leaves over has no home.
  if (draft.name === 'custom') Object.assign(data, params.rest())
  else Object.assign(draft.extra, params.rest())
  Object.assign(draft.extra, fields.rest(), outer.rest())
  return draft
}

function nameOf(given: string | undefined, hasUser: boolean): string | undefined {
  if (given === undefined) return undefined
  if (given === 'view_search_results') return 'search'
  // Without a user there is nobody to identify.
  if (given === 'login' || given === 'sign_up') return hasUser ? 'identify' : 'custom'
  if (Object.hasOwn(checkoutSteps, given)) return 'checkout_step'
  return sameNames.has(given) ? given : 'custom'
}

function readTime(draft: Draft, micros: unknown): void {
  const text = decimalText(micros)
  if (text === undefined) return
  draft.writtenTime = text
  if (/^\d{1,17}$/.test(text)) draft.createdMs = Number(BigInt(text) / 1000n)
}

function readEnvelope(draft: Draft, outer: Fields, params: Fields): void {
  const { envelope, context } = draft
  put(envelope, 'anonymousId', outer.text('client_id', 'app_instance_id', 'user_pseudo_id'))
  put(envelope, 'userId', outer.text('user_id'))
  put(envelope, 'sessionId', params.text('session_id', 'ga_session_id'))
  put(context, 'userAgent', outer.text('user_agent'))
  put(context, 'ip', outer.text('ip_override'))
  put(context, 'locale', params.text('language'))
  const page: RawObject = {}
  put(page, 'url', params.text('page_location'))
  put(page, 'path', params.text('page_path'))
  put(page, 'title', params.text('page_title'))
  put(page, 'referrer', params.text('page_referrer'))
  putObject(context, 'page', page)
  const campaign: RawObject = {}
  put(campaign, 'source', params.text('source'))
  put(campaign, 'medium', params.text('medium'))
  put(campaign, 'name', params.text('campaign'))
  put(campaign, 'term', params.text('term'))
  put(campaign, 'content', params.text('content'))
  put(campaign, 'id', params.text('campaign_id'))
  putObject(context, 'campaign', campaign)
  const clickIds: RawObject = {}
  put(clickIds, 'gclid', params.text('gclid'))
  putObject(context, 'clickIds', clickIds)
  putObject(context, 'consent', consentOf(outer.object('consent')))
}

/** `GRANTED` or `DENIED`; a refusal of either advertising use is one of being contacted. */
function consentOf(consent: Fields): RawObject {
  const answer = (...keys: string[]): boolean | undefined => {
    const words = keys.map((key) => consent.text(key)?.toUpperCase())
    if (words.includes('DENIED')) return false
    return words.includes('GRANTED') ? true : undefined
  }
  const answers: RawObject = {}
  put(answers, 'analytics', answer('analytics_storage'))
  put(answers, 'marketing', answer('ad_user_data', 'ad_personalization'))
  return answers
}

function readData(
  draft: Draft,
  data: RawObject,
  given: string | undefined,
  params: Fields,
  context: MapContext,
): void {
  const items = params.list('items')
  const currency = params.text('currency') ?? currencyOfFirst(items)
  const scale = new Scale(draft, currency, context)
  put(data, 'currency', currency)
  if (items !== undefined) data['items'] = itemsOf(draft, items, scale)
  put(data, 'listId', params.text('item_list_id'))
  put(data, 'listName', params.text('item_list_name'))
  if (draft.name === 'search') put(data, 'query', params.text('search_term'))
  Object.assign(data, checkoutSteps[given ?? ''])
  if (draft.name === 'purchase') readPurchase(data, params, scale)
  if (draft.name === 'refund') {
    put(data, 'orderId', params.text('transaction_id'))
    put(data, 'amountMinor', params.money(scale, 'value'))
  }
}

function readPurchase(data: RawObject, params: Fields, scale: Scale): void {
  put(data, 'orderId', params.text('transaction_id'))
  put(data, 'itemsTotalMinor', params.money(scale, 'value'))
  put(data, 'taxMinor', params.money(scale, 'tax'))
  put(data, 'shippingMinor', params.money(scale, 'shipping'))
  put(data, 'coupon', params.text('coupon'))
  put(data, 'paymentMethod', params.text('payment_type'))
}

function currencyOfFirst(items: unknown[] | undefined): string | undefined {
  return new Fields(items?.[0]).text('currency')
}

/** Lines that name no product are dropped from the list, kept in `extra`, and flagged. */
function itemsOf(draft: Draft, items: unknown[], scale: Scale): unknown[] {
  const nameless = items.filter((item) => isPlainObject(item) && !namesProduct(item))
  if (nameless.length > 0) {
    draft.flags.add('badMetadata')
    draft.extra['droppedItems'] = nameless
  }
  const named = items.filter((item) => !nameless.includes(item))
  return readItems(draft, named, (fields) => itemOf(fields, scale))
}

function namesProduct(item: RawObject): boolean {
  return new Fields(item).text('item_id', 'item_name') !== undefined
}

function itemOf(fields: Fields, scale: Scale): RawObject {
  const item: RawObject = {}
  const name = fields.text('item_name')
  put(item, 'productId', fields.text('item_id') ?? name)
  put(item, 'variantId', fields.text('item_variant'))
  put(item, 'name', name)
  put(item, 'brand', fields.text('item_brand'))
  const categories = ['', '2', '3', '4', '5'].map((n) => fields.text(`item_category${n}`))
  put(item, 'category', categories.filter((part) => part !== undefined).join('/'))
  put(item, 'quantity', fields.number('quantity'))
  const price = fields.money(scale, 'price', 'item_price')
  const discount = fields.money(scale, 'discount')
  // GA4's price is what is left after the discount.
  if (price !== undefined) item['unitPriceMinor'] = price + (discount ?? 0)
  if (price !== undefined) put(item, 'discountMinor', discount)
  put(item, 'coupon', fields.text('coupon'))
  put(item, 'listId', fields.text('item_list_id'))
  put(item, 'position', fields.number('index'))
  fields.text('currency')
  return item
}
