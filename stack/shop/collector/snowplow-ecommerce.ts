// Snowplow's e-commerce action and the entities around it → name and data. Shared by the tracker protocol and the
// import of enriched events.

import type { RawObject } from '#stack/contract/upcast.ts'
import { Fields, put, putObject, Scale } from './draft.ts'
import type { Draft, MapContext } from './draft.ts'
import { isPlainObject } from './json.ts'

export interface Entity {
  /** The schema's name alone: product, cart, transaction. */
  schema: string
  data: unknown
}

export interface SelfDescribing {
  name: string
  data: unknown
}

const nameByAction: Readonly<Record<string, string>> = {
  product_view: 'view_item',
  list_view: 'view_item_list',
  list_click: 'select_item',
  add_to_cart: 'add_to_cart',
  remove_from_cart: 'remove_from_cart',
  checkout_step: 'checkout_step',
  transaction: 'purchase',
  refund: 'refund',
}

/** The entities around an event, by schema. What nobody reads of them ends in `extra.entities`. */
export class Entities {
  readonly #list: readonly { schema: string; fields: Fields }[]

  constructor(entities: readonly Entity[]) {
    this.#list = entities.map(({ schema, data }) => ({ schema, fields: new Fields(data) }))
  }

  /** The first of its schema, empty if there is none. */
  one(schema: string): Fields {
    return this.#list.find((each) => each.schema === schema)?.fields ?? new Fields(undefined)
  }

  all(schema: string): Fields[] {
    return this.#list.filter((each) => each.schema === schema).map(({ fields }) => fields)
  }

  rest(): RawObject[] {
    return this.#list
      .map(({ schema, fields }) => ({ schema, ...fields.rest() }))
      .filter((entity) => Object.keys(entity).length > 1)
  }
}

/** Sets name, data and what the entities say of the person; `action` is the self-describing event, if it is one. */
export function readAction(
  draft: Draft,
  action: SelfDescribing | undefined,
  entities: Entities,
  context: MapContext,
): void {
  readPerson(draft, entities)
  put(draft.extra, 'pageViewId', entities.one('web_page').text('id'))
  if (action !== undefined) {
    const fields = new Fields(action.data)
    const isCommerce = action.name === 'snowplow_ecommerce_action'
    const type = isCommerce ? fields.text('type') : undefined
    draft.name = type === undefined ? undefined : nameOf(type, entities)
    if (draft.name === undefined) {
      // promo_view, promo_click, an action without a type, any other event.
      draft.name = 'custom'
      draft.envelope['customName'] = type ?? action.name
      draft.data = isPlainObject(action.data) ? { ...action.data } : {}
    } else {
      const data = dataOf(draft, entities, context)
      if (draft.name === 'view_item_list') put(data, 'listName', fields.text('name'))
      draft.data = data
      putObject(draft.extra, 'action', fields.rest())
    }
  }
  const rest = entities.rest()
  if (rest.length > 0) draft.extra['entities'] = rest
}

function readPerson({ envelope }: Draft, entities: Entities): void {
  const session = entities.one('client_session')
  const set = (key: string, value: string | undefined): void => {
    put(envelope, key, envelope[key] ?? value)
  }
  set('userId', entities.one('user').text('id'))
  set('anonymousId', session.text('userId', 'user_id'))
  set('sessionId', session.text('sessionId', 'session_id'))
}

function nameOf(type: string, entities: Entities): string | undefined {
  const isFirstStep = type === 'checkout_step' && entities.one('checkout_step').number('step') === 1
  if (isFirstStep) return 'begin_checkout'
  return Object.hasOwn(nameByAction, type) ? nameByAction[type] : undefined
}

function dataOf(draft: Draft, entities: Entities, context: MapContext): RawObject {
  const data: RawObject = {}
  const products = entities.all('product')
  const cart = entities.one('cart')
  const transaction = entities.one('transaction')
  const refund = entities.one('refund')
  const currency = [transaction, refund, cart, ...products]
    .map((fields) => fields.text('currency'))
    .find((code) => code !== undefined)
  put(data, 'currency', currency)
  const scale = new Scale(draft, currency, context)
  if (products.length > 0) data['items'] = products.map((product) => itemOf(product, scale))
  put(draft.envelope, 'cartId', cart.text('cart_id'))
  if (draft.name === 'purchase') readTransaction(data, transaction, scale)
  else if (draft.name === 'refund') readRefund(data, refund, scale)
  else put(data, 'cartTotalMinor', cart.money(scale, 'total_value'))
  if (draft.name === 'checkout_step' || draft.name === 'begin_checkout') {
    readStep(data, entities.one('checkout_step'))
  }
  return data
}

function readTransaction(data: RawObject, transaction: Fields, scale: Scale): void {
  put(data, 'orderId', transaction.text('transaction_id'))
  put(data, 'itemsTotalMinor', transaction.money(scale, 'revenue', 'total'))
  put(data, 'taxMinor', transaction.money(scale, 'tax'))
  put(data, 'shippingMinor', transaction.money(scale, 'shipping'))
  put(data, 'discountMinor', transaction.money(scale, 'discount_amount'))
  put(data, 'coupon', transaction.text('discount_code'))
  put(data, 'paymentMethod', transaction.text('payment_method'))
}

function readRefund(data: RawObject, refund: Fields, scale: Scale): void {
  put(data, 'orderId', refund.text('transaction_id'))
  put(data, 'amountMinor', refund.money(scale, 'refund_amount'))
  put(data, 'reason', refund.text('refund_reason'))
}

function readStep(data: RawObject, step: Fields): void {
  put(data, 'step', step.number('step'))
  put(data, 'paymentMethod', step.text('payment_method'))
  put(data, 'coupon', step.text('coupon_code'))
  const shipping = step.text('delivery_method', 'delivery_provider', 'shipping_postcode')
  if (data['paymentMethod'] !== undefined) data['option'] = 'payment'
  else if (shipping !== undefined) data['option'] = 'shipping'
}

function itemOf(fields: Fields, scale: Scale): RawObject {
  const item: RawObject = {}
  put(item, 'productId', fields.text('id'))
  put(item, 'variantId', fields.text('variant'))
  for (const key of ['name', 'brand', 'category']) put(item, key, fields.text(key))
  put(item, 'quantity', fields.number('quantity'))
  put(item, 'unitPriceMinor', fields.money(scale, 'price'))
  put(item, 'position', fields.number('position'))
  return item
}
