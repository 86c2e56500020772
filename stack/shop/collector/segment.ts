// Segment and RudderStack (events.md 1.8): one message, or a `batch` of them, alike but for the times: Segment's clients
// send `timestamp`, RudderStack's `originalTimestamp`; `sentAt` stands in the message or beside the batch.

import { parseTime } from '#stack/contract/time.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, newDraft, put, putObject, readItems, Scale } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { isPlainObject } from './json.ts'

export function mapSegment(body: unknown, context: MapContext): Mapped[] {
  if (!isPlainObject(body)) return [{ unreadable: true, raw: body }]
  if (!Array.isArray(body['batch'])) return [messageDraft(body, {}, context)]
  const { batch, ...shared } = body
  return (batch as unknown[]).map((message) =>
    isPlainObject(message)
      ? messageDraft(message, shared, context)
      : { unreadable: true, raw: message },
  )
}

/** The routes below /v1 that name the type of their message. */
export function typed(type: string): (body: unknown, context: MapContext) => Mapped[] {
  return (body, context) => mapSegment(isPlainObject(body) ? { type, ...body } : body, context)
}

function messageDraft(message: RawObject, shared: RawObject, context: MapContext): Draft {
  const fields = new Fields(message)
  const about = { ...asObject(shared['context']), ...asObject(fields.take('context')) }
  const draft = newDraft(dialectOf(message, about), message)
  const { envelope } = draft
  put(envelope, 'anonymousId', fields.text('anonymousId'))
  put(envelope, 'userId', fields.text('userId'))
  const messageId = fields.text('messageId')
  if (messageId !== undefined) draft.eventId = messageId
  readTimes(draft, fields, shared)
  readContext(draft, new Fields(about))
  readMessage(draft, fields, context)
  Object.assign(draft.extra, fields.rest())
  return draft
}

/** Segment's own clients leave `originalTimestamp` to Segment's servers, which also add `receivedAt`. */
function dialectOf(message: RawObject, about: RawObject): 'segment' | 'rudderstack' {
  const library = new Fields(about).object('library').text('name') ?? ''
  const fields = new Fields(message)
  const isRudder = fields.has('originalTimestamp') && !fields.has('receivedAt')
  return isRudder || /rudder/i.test(library) ? 'rudderstack' : 'segment'
}

function readTimes(draft: Draft, fields: Fields, shared: RawObject): void {
  const original = fields.text('originalTimestamp')
  const timestamp = fields.text('timestamp')
  draft.writtenTime = original ?? timestamp ?? ''
  const createdMs = parseTime(draft.writtenTime)
  if (createdMs !== undefined) draft.createdMs = createdMs
  const sentAt = fields.text('sentAt') ?? new Fields(shared).text('sentAt')
  if (sentAt === undefined) return
  draft.sentAt = sentAt
  const sentMs = parseTime(sentAt)
  if (sentMs !== undefined) draft.sentMs = sentMs
}

function readContext(draft: Draft, about: Fields): void {
  const { context } = draft
  for (const key of ['ip', 'userAgent', 'locale', 'timezone']) put(context, key, about.text(key))
  putObject(context, 'page', pageOf(about.object('page')))
  const campaign = about.object('campaign')
  putObject(
    context,
    'campaign',
    texts(campaign, ['source', 'medium', 'name', 'term', 'content', 'id']),
  )
  putObject(context, 'library', texts(about.object('library'), ['name', 'version']))
  const screen: RawObject = {}
  const size = about.object('screen')
  put(screen, 'width', size.number('width'))
  put(screen, 'height', size.number('height'))
  putObject(context, 'screen', screen)
  putObject(context, 'consent', consentOf(about.object('consent').object('categoryPreferences')))
  put(draft.envelope, 'sessionId', about.text('sessionId'))
  if (about.take('test') === true) context['test'] = true
  putObject(draft.extra, 'context', about.rest())
}

/** Category names are each site's own; these are the usual words. */
function consentOf(preferences: Fields): RawObject {
  const consent: RawObject = {}
  for (const [category, answer] of Object.entries(preferences.rest())) {
    if (typeof answer !== 'boolean') continue
    if (/analytic|performance|statistic/i.test(category)) consent['analytics'] = answer
    if (/marketing|advertis|targeting/i.test(category)) consent['marketing'] = answer
  }
  return consent
}

function readMessage(draft: Draft, fields: Fields, context: MapContext): void {
  const type = fields.text('type')
  const properties = fields.object('properties')
  const traits = fields.object('traits')
  if (type === 'track') return readTrack(draft, fields.text('event'), properties, context)
  if (type === 'page' || type === 'screen') return readPage(draft, fields, properties)
  if (type === undefined) return
  const data: RawObject = { ...properties.rest() }
  putObject(data, 'traits', traits.rest())
  put(data, 'previousId', fields.text('previousId'))
  put(data, 'groupId', fields.text('groupId'))
  draft.data = data
  // Traits of somebody without an account identify nobody.
  const isIdentify = type === 'identify' && draft.envelope['userId'] !== undefined
  draft.name = isIdentify ? 'identify' : 'custom'
  if (!isIdentify) draft.envelope['customName'] = type
}

function readPage(draft: Draft, fields: Fields, properties: Fields): void {
  draft.name = 'page_view'
  const page = { ...asObject(draft.context['page']), ...pageOf(properties) }
  const name = fields.text('name') ?? properties.text('name')
  put(page, 'title', page['title'] ?? name)
  put(page, 'type', fields.text('category') ?? properties.text('category'))
  putObject(draft.context, 'page', page)
  if (name !== undefined && name !== page['title']) draft.extra['pageName'] = name
}

function pageOf(page: Fields): RawObject {
  const read = texts(page, ['url', 'path', 'title', 'referrer'])
  // Part of the address already.
  page.text('search')
  return read
}

function texts(fields: Fields, keys: readonly string[]): RawObject {
  const read: RawObject = {}
  for (const key of keys) put(read, key, fields.text(key))
  return read
}

// Track calls

type Reader = (data: RawObject, properties: Fields, scale: Scale) => void

interface TrackRule {
  name: string
  /** Where the products stand: one, flat in the properties, or the list `products`. */
  products?: 'flat' | 'list'
  read?: Reader
}

const readList: Reader = (data, properties) => {
  put(data, 'listId', properties.text('list_id'))
  put(data, 'listName', properties.text('list_name', 'category'))
}

const readStep: Reader = (data, properties) => {
  put(data, 'checkoutId', properties.text('checkout_id'))
  put(data, 'step', properties.number('step'))
  put(data, 'paymentMethod', properties.text('payment_method'))
  const shipping = properties.text('shipping_method')
  if (data['paymentMethod'] !== undefined) data['option'] = 'payment'
  else if (shipping !== undefined) data['option'] = 'shipping'
}

const readPurchase: Reader = (data, properties, scale) => {
  put(data, 'orderId', properties.text('order_id'))
  put(data, 'checkoutId', properties.text('checkout_id'))
  const discount = properties.money(scale, 'discount')
  const revenue = properties.money(scale, 'revenue')
  const subtotal = revenue === undefined ? properties.money(scale, 'subtotal') : undefined
  put(data, 'itemsTotalMinor', revenue ?? (subtotal && Math.max(0, subtotal - (discount ?? 0))))
  put(data, 'discountMinor', discount)
  put(data, 'taxMinor', properties.money(scale, 'tax'))
  put(data, 'shippingMinor', properties.money(scale, 'shipping'))
  put(data, 'totalMinor', properties.money(scale, 'total'))
  put(data, 'coupon', properties.text('coupon'))
  put(data, 'paymentMethod', properties.text('payment_method'))
}

const readRefund: Reader = (data, properties, scale) => {
  put(data, 'orderId', properties.text('order_id'))
  put(data, 'refundId', properties.text('refund_id'))
  put(data, 'amountMinor', properties.money(scale, 'total'))
  put(data, 'reason', properties.text('reason'))
}

const trackRules: Readonly<Record<string, TrackRule>> = {
  'Products Searched': {
    name: 'search',
    read: (data, properties) => put(data, 'query', properties.text('query')),
  },
  'Product List Viewed': { name: 'view_item_list', products: 'list', read: readList },
  'Product List Filtered': { name: 'view_item_list', products: 'list', read: readList },
  'Product Clicked': { name: 'select_item', products: 'flat' },
  'Product Viewed': { name: 'view_item', products: 'flat' },
  'Product Added': { name: 'add_to_cart', products: 'flat' },
  'Product Removed': { name: 'remove_from_cart', products: 'flat' },
  'Cart Viewed': { name: 'view_cart', products: 'list' },
  'Checkout Started': {
    name: 'begin_checkout',
    products: 'list',
    read: (data, properties) => put(data, 'checkoutId', properties.text('checkout_id', 'order_id')),
  },
  'Checkout Step Viewed': { name: 'checkout_step', read: readStep },
  'Checkout Step Completed': { name: 'checkout_step', read: readStep },
  'Payment Info Entered': {
    name: 'checkout_step',
    read(data, properties, scale) {
      readStep(data, properties, scale)
      data['option'] = 'payment'
      // Segment numbers this step only where the shop does.
      data['step'] ??= 3
    },
  },
  'Order Completed': { name: 'purchase', products: 'list', read: readPurchase },
  // First wins (R20), so an update changes no figure; it is kept as it came.
  'Order Updated': { name: 'purchase', products: 'list', read: readPurchase },
  'Order Refunded': { name: 'refund', products: 'list', read: readRefund },
  'Order Cancelled': { name: 'refund', products: 'list', read: readRefund },
}

function readTrack(
  draft: Draft,
  event: string | undefined,
  properties: Fields,
  context: MapContext,
): void {
  if (event === undefined) return
  const rule = Object.hasOwn(trackRules, event) ? trackRules[event] : undefined
  if (rule === undefined) {
    draft.name = 'custom'
    draft.envelope['customName'] = event
    draft.data = properties.rest()
    return
  }
  const data: RawObject = {}
  draft.name = rule.name
  draft.data = data
  const currency = properties.text('currency')
  const scale = new Scale(draft, currency, context)
  put(data, 'currency', currency)
  put(draft.envelope, 'cartId', properties.text('cart_id'))
  rule.read?.(data, properties, scale)
  readProducts(draft, data, rule, properties, scale)
  if (event === 'Order Updated') draft.extra['event'] = event
}

function readProducts(
  draft: Draft,
  data: RawObject,
  rule: TrackRule,
  properties: Fields,
  scale: Scale,
): void {
  if (rule.products === 'flat') data['items'] = [productOf(properties, scale)]
  const products = rule.products === 'list' ? properties.list('products') : undefined
  // An empty list says nothing, and a refund of nothing is not a full one.
  if (products === undefined || products.length === 0) return
  data['items'] = readItems(draft, products, (fields) => productOf(fields, scale))
}

function productOf(fields: Fields, scale: Scale): RawObject {
  const item: RawObject = {}
  put(item, 'productId', fields.text('product_id', 'sku'))
  put(item, 'variantId', fields.text('variant', 'variant_id'))
  for (const key of ['name', 'brand', 'category', 'coupon']) put(item, key, fields.text(key))
  put(item, 'quantity', fields.number('quantity'))
  put(item, 'unitPriceMinor', fields.money(scale, 'price'))
  put(item, 'listId', fields.text('list_id'))
  put(item, 'position', fields.number('position'))
  return item
}

function asObject(value: unknown): RawObject {
  return isPlainObject(value) ? value : {}
}
