// Google Retail user events, Google's own clickstream sample, and the minimal event of a small shop (events.md 1.10):
//   {eventType, visitorId, eventTime, productDetails: [{product: {id}, quantity}]}
//   {event_datetime, event, user_id, client_id, page, ecommerce: {items | purchase}}
//   {event, user_id, timestamp, product_id, price, quantity, metadata}
// None of them must name a currency; the setting defaultCurrency stands in.

import { parseTime } from '#stack/contract/time.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { asText, Fields, newDraft, put, putObject, readItems, Scale } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { ga4Draft } from './ga4.ts'
import { canonicalJson, isPlainObject, parseJson } from './json.ts'

export function mapRetail(body: unknown, context: MapContext): Mapped[] {
  const elements: unknown[] = Array.isArray(body) ? body : [body]
  return elements.map((element) => {
    if (!isPlainObject(element)) return { unreadable: true, raw: element }
    if (element['eventType'] !== undefined) return userEventDraft(element, context)
    if (element['event_datetime'] !== undefined) return clickstreamDraft(element, context)
    return minimalDraft(element, context)
  })
}

// Google Retail

const nameByType: Readonly<Record<string, string>> = {
  'home-page-view': 'page_view',
  'category-page-view': 'page_view',
  'detail-page-view': 'view_item',
  search: 'search',
  'shopping-cart-page-view': 'view_cart',
  'add-to-cart': 'add_to_cart',
  'remove-from-cart': 'remove_from_cart',
  'purchase-complete': 'purchase',
}
const pageTypeByType: Readonly<Record<string, string>> = {
  'home-page-view': 'home',
  'category-page-view': 'category',
}

function userEventDraft(source: RawObject, context: MapContext): Draft {
  const draft = newDraft('retail', source)
  const fields = new Fields(source)
  const type = fields.text('eventType') ?? ''
  put(draft.envelope, 'anonymousId', fields.text('visitorId'))
  put(draft.envelope, 'sessionId', fields.text('sessionId'))
  put(draft.envelope, 'cartId', fields.text('cartId'))
  readPerson(draft, fields.object('userInfo'))
  readTime(draft, fields.take('eventTime'))
  readPage(draft, fields.text('uri'), fields.text('referrerUri'))
  const data: RawObject = {}
  draft.data = data
  draft.name = Object.hasOwn(nameByType, type) ? nameByType[type] : 'custom'
  if (draft.name === 'custom') draft.envelope['customName'] = type
  put(data, 'pageType', pageTypeByType[type])
  put(data, 'query', fields.text('searchQuery'))
  readTransaction(draft, data, fields, context)
  Object.assign(draft.extra, fields.rest())
  return draft
}

function readPerson(draft: Draft, person: Fields): void {
  put(draft.envelope, 'userId', person.text('userId'))
  put(draft.context, 'ip', person.text('ipAddress'))
  put(draft.context, 'userAgent', person.text('userAgent'))
}

function readTransaction(draft: Draft, data: RawObject, fields: Fields, context: MapContext): void {
  const transaction = fields.object('purchaseTransaction')
  const details = fields.take('productDetails')
  const currency = transaction.text('currencyCode') ?? context.defaultCurrency
  const scale = new Scale(draft, currency, context)
  // The sample holds one detail where the reference says a list.
  const list: unknown[] = Array.isArray(details) ? details : details === undefined ? [] : [details]
  if (list.length > 0) {
    data['items'] = readItems(draft, list, (detail) => detailItem(detail, scale))
  }
  if (list.length > 0 || draft.name === 'purchase') data['currency'] = currency
  if (draft.name !== 'purchase') return
  put(data, 'orderId', transaction.text('id'))
  draft.orderIdFromEvent = data['orderId'] === undefined
  // Revenue includes tax and cost of goods is no concern here.
  put(data, 'totalMinor', transaction.money(scale, 'revenue'))
  put(data, 'taxMinor', transaction.money(scale, 'tax'))
}

function detailItem(fields: Fields, scale: Scale): RawObject {
  const product = fields.object('product')
  const prices = product.object('priceInfo')
  const item: RawObject = {}
  put(item, 'productId', product.text('id'))
  put(item, 'name', product.text('title'))
  put(item, 'quantity', fields.number('quantity'))
  put(item, 'unitPriceMinor', prices.money(scale, 'price'))
  return item
}

// Google's clickstream sample: GA4 in other clothes

function clickstreamDraft(source: RawObject, context: MapContext): Draft {
  const fields = new Fields(source)
  const commerce = fields.object('ecommerce')
  const purchase = commerce.object('purchase')
  const items = purchase.list('items') ?? commerce.list('items')
  const params: RawObject = {
    currency: context.defaultCurrency,
    page_location: fields.text('page'),
    page_referrer: fields.text('page_previous'),
    ...purchase.rest(),
    ...commerce.rest(),
    ...(items === undefined ? {} : { items }),
  }
  const request = { user_id: fields.text('user_id'), client_id: fields.text('client_id') }
  const time = fields.take('event_datetime')
  const draft = ga4Draft(request, { name: fields.text('event'), params }, context)
  draft.dialect = 'retail'
  draft.raw = source
  readTime(draft, time)
  Object.assign(draft.extra, fields.rest())
  return draft
}

// The minimal event

function minimalDraft(source: RawObject, context: MapContext): Draft {
  const draft = newDraft('retail', source)
  const fields = new Fields(source)
  draft.name = fields.text('event', 'event_type', 'name')
  const eventId = fields.text('event_id')
  if (eventId !== undefined) draft.eventId = eventId
  put(draft.envelope, 'userId', fields.text('user_id'))
  put(draft.envelope, 'anonymousId', fields.text('anonymous_id', 'client_id'))
  put(draft.envelope, 'sessionId', fields.text('session_id'))
  put(draft.envelope, 'cartId', fields.text('cart_id'))
  readTime(draft, fields.take('timestamp'))
  readPage(draft, fields.text('page_url', 'page'), fields.text('referrer'))
  const metadata = metadataOf(draft, fields.take('metadata'))
  const data: RawObject = {}
  draft.data = data
  readProduct(draft, data, fields, metadata, context)
  put(data, 'query', fields.text('query') ?? metadata.text('query'))
  if (draft.name === 'purchase' || draft.name === 'refund') {
    put(data, 'orderId', fields.text('order_id') ?? metadata.text('order_id'))
    draft.orderIdFromEvent = draft.name === 'purchase' && data['orderId'] === undefined
  }
  putObject(draft.extra, 'metadata', metadata.rest())
  Object.assign(draft.extra, fields.rest())
  return draft
}

function readProduct(
  draft: Draft,
  data: RawObject,
  fields: Fields,
  metadata: Fields,
  context: MapContext,
): void {
  const productId = fields.text('product_id')
  const given = fields.text('currency') ?? metadata.text('currency')
  const currency = given ?? context.defaultCurrency
  if (given !== undefined || productId !== undefined) data['currency'] = currency
  if (productId === undefined) return
  const item: RawObject = { productId }
  put(item, 'name', fields.text('product_name'))
  put(item, 'category', fields.text('category'))
  put(item, 'quantity', fields.number('quantity'))
  put(item, 'unitPriceMinor', fields.money(new Scale(draft, currency, context), 'price'))
  data['items'] = [item]
}

/** An object, or the text of one; a text that is none is kept as it is, and flagged. */
function metadataOf(draft: Draft, metadata: unknown): Fields {
  if (typeof metadata !== 'string') {
    if (metadata !== undefined && !isPlainObject(metadata)) draft.extra['metadata'] = metadata
    return new Fields(metadata)
  }
  try {
    const parsed = parseJson(metadata)
    if (isPlainObject(parsed)) return new Fields(parsed)
  } catch {
    // Kept below.
  }
  draft.flags.add('badMetadata')
  draft.extra['metadata'] = metadata
  return new Fields(undefined)
}

/** RFC 3339; a text without a zone is taken as UTC; a number counts seconds or, if too large for them, milliseconds. */
function readTime(draft: Draft, value: unknown): void {
  if (value === undefined) return
  draft.writtenTime = asText(value) ?? canonicalJson(value)
  const createdMs =
    typeof value === 'number'
      ? Math.trunc(value > secondsMax ? value : value * 1000)
      : (parseTime(draft.writtenTime) ?? parseTime(`${draft.writtenTime}Z`))
  if (createdMs !== undefined && createdMs >= 0) draft.createdMs = createdMs
}

/** Year 5138 in seconds, 1973 in milliseconds. */
const secondsMax = 100_000_000_000

function readPage(draft: Draft, url: string | undefined, referrer: string | undefined): void {
  const page: RawObject = {}
  put(page, url?.includes('://') ? 'url' : 'path', url)
  put(page, 'referrer', referrer)
  putObject(draft.context, 'page', page)
}
