// Shopify's web pixel (events.md 1.10): one event, or an array. Amounts are MoneyV2, decimal strings with a currency.

import { parseTime } from '#stack/contract/time.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, newDraft, noteDropped, put, putObject, readItems, Scale } from './draft.ts'
import type { Draft, MapContext, Mapped } from './draft.ts'
import { isPlainObject } from './json.ts'

const nameByPixel: Readonly<Record<string, string>> = {
  page_viewed: 'page_view',
  product_viewed: 'view_item',
  collection_viewed: 'view_item_list',
  search_submitted: 'search',
  product_added_to_cart: 'add_to_cart',
  product_removed_from_cart: 'remove_from_cart',
  cart_viewed: 'view_cart',
  checkout_started: 'begin_checkout',
  checkout_contact_info_submitted: 'checkout_step',
  checkout_address_info_submitted: 'checkout_step',
  checkout_shipping_info_submitted: 'checkout_step',
  payment_info_submitted: 'checkout_step',
  checkout_completed: 'purchase',
}
/** Shopify numbers no step; checkout_started is the first. */
const stepByPixel: Readonly<Record<string, RawObject>> = {
  checkout_contact_info_submitted: { step: 2, option: 'contact' },
  checkout_address_info_submitted: { step: 3, option: 'shipping' },
  checkout_shipping_info_submitted: { step: 4, option: 'shipping' },
  payment_info_submitted: { step: 5, option: 'payment' },
}

export function mapShopify(body: unknown, context: MapContext): Mapped[] {
  const elements: unknown[] = Array.isArray(body) ? body : [body]
  return elements.map((element) =>
    isPlainObject(element) ? pixelDraft(element, context) : { unreadable: true, raw: element },
  )
}

function pixelDraft(source: RawObject, context: MapContext): Draft {
  const draft = newDraft('shopify', source)
  const fields = new Fields(source)
  const id = fields.text('id')
  if (id !== undefined) draft.eventId = id
  put(draft.envelope, 'anonymousId', fields.text('clientId'))
  put(draft.envelope, 'seq', fields.number('seq'))
  draft.writtenTime = fields.text('timestamp') ?? ''
  const createdMs = parseTime(draft.writtenTime)
  if (createdMs !== undefined) draft.createdMs = createdMs
  readContext(draft, fields.object('context'))
  const pixel = fields.text('name')
  const data = fields.object('data')
  if (pixel === undefined) draft.name = undefined
  else if (Object.hasOwn(nameByPixel, pixel)) readPixel(draft, pixel, data, context)
  else {
    draft.name = 'custom'
    draft.envelope['customName'] = pixel
    draft.data = { ...data.rest(), ...asObject(fields.take('customData')) }
  }
  fields.take('type')
  Object.assign(draft.extra, fields.rest())
  return draft
}

function readContext(draft: Draft, about: Fields): void {
  const document = about.object('document')
  const location = document.object('location')
  const navigator = about.object('navigator')
  const screen = about.object('window').object('screen')
  const page: RawObject = {}
  put(page, 'url', location.text('href'))
  put(page, 'path', location.text('pathname'))
  put(page, 'title', document.text('title'))
  put(page, 'referrer', document.text('referrer'))
  putObject(draft.context, 'page', page)
  put(draft.context, 'userAgent', navigator.text('userAgent'))
  put(draft.context, 'locale', navigator.text('language'))
  const size: RawObject = {}
  put(size, 'width', screen.number('width'))
  put(size, 'height', screen.number('height'))
  putObject(draft.context, 'screen', size)
}

function readPixel(draft: Draft, pixel: string, fields: Fields, context: MapContext): void {
  draft.name = nameByPixel[pixel]
  const data: RawObject = { ...stepByPixel[pixel] }
  draft.data = data
  const checkout = fields.object('checkout')
  const cart = fields.object('cart')
  const lines = linesOf(pixel, fields, cart, checkout)
  const currency = checkout.text('currencyCode') ?? lines.map(currencyOf).find(Boolean)
  put(data, 'currency', currency)
  const scale = new Scale(draft, currency, context)
  if (lines.length > 0) data['items'] = readItems(draft, lines, (line) => itemOf(line, scale))
  put(draft.envelope, 'cartId', cart.text('id'))
  if (draft.name === 'search') {
    put(data, 'query', fields.object('searchResult').text('query'))
  }
  if (draft.name === 'view_item_list') readList(data, fields.object('collection'))
  put(data, 'checkoutId', checkout.text('token'))
  if (draft.name === 'purchase') readOrder(draft, data, checkout, scale)
  dropPerson(draft, checkout)
}

function readList(data: RawObject, collection: Fields): void {
  put(data, 'listId', collection.text('id'))
  put(data, 'listName', collection.text('title'))
}

function readOrder(draft: Draft, data: RawObject, checkout: Fields, scale: Scale): void {
  const order = checkout.object('order')
  put(draft.envelope, 'userId', order.object('customer').text('id'))
  put(data, 'orderId', order.text('id') ?? data['checkoutId'])
  put(data, 'itemsTotalMinor', amount(checkout.take('subtotalPrice'), scale))
  put(data, 'taxMinor', amount(checkout.take('totalTax'), scale))
  put(data, 'shippingMinor', amount(checkout.object('shippingLine').take('price'), scale))
  put(data, 'totalMinor', amount(checkout.take('totalPrice'), scale))
}

/** Address, e-mail and telephone of the buyer have no place in an event. */
function dropPerson(draft: Draft, checkout: Fields): void {
  const personal = ['email', 'phone', 'billingAddress', 'shippingAddress']
  noteDropped(
    draft,
    personal.filter((key) => checkout.take(key) !== undefined).map((key) => `checkout.${key}`),
  )
}

// Lines: a cart line, a variant or a checkout line; each wraps a variant, which wraps its product

function linesOf(pixel: string, fields: Fields, cart: Fields, checkout: Fields): unknown[] {
  const single = fields.take('cartLine') ?? fields.take('productVariant')
  if (single !== undefined) return [single]
  const holder = fields.object(pixel === 'search_submitted' ? 'searchResult' : 'collection')
  return cart.list('lines') ?? checkout.list('lineItems') ?? holder.list('productVariants') ?? []
}

function variantOf(line: Fields): Fields {
  if (line.has('merchandise')) return line.object('merchandise')
  return line.has('variant') ? line.object('variant') : line
}

function currencyOf(line: unknown): string | undefined {
  return variantOf(new Fields(line)).object('price').text('currencyCode')
}

function itemOf(line: Fields, scale: Scale): RawObject {
  const variant = variantOf(line)
  const product = variant.object('product')
  const item: RawObject = {}
  const variantId = variant.text('id')
  put(item, 'productId', product.text('id') ?? variantId)
  put(item, 'variantId', variantId)
  put(item, 'name', product.text('title') ?? line.text('title'))
  put(item, 'brand', product.text('vendor'))
  put(item, 'category', product.text('type'))
  put(item, 'quantity', line.number('quantity'))
  put(item, 'unitPriceMinor', amount(variant.take('price'), scale))
  return item
}

function amount(money: unknown, scale: Scale): number | undefined {
  if (money === undefined) return undefined
  const value = isPlainObject(money) ? money['amount'] : money
  return value === undefined ? undefined : scale.minor(value)
}

function asObject(value: unknown): RawObject {
  return isPlainObject(value) ? value : {}
}
