// What the mappers make of each vendor's own words (events.md 1.7 to 1.10).

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { Dialect, ShopEvent } from '#stack/contract/events.ts'
import { hashId } from '#stack/contract/ids.ts'
import { collect } from './collect.ts'
import type { CollectOptions, Rejection } from './collect.ts'
import { parseJson } from './json.ts'

const now = '2024-05-06T10:00:00.000Z'
const receivedMs = Date.parse(now)

function outcomes(dialect: Dialect, body: unknown, options: Partial<CollectOptions> = {}) {
  // Through text, as it travels.
  return collect(dialect, parseJson(JSON.stringify(body)), { receivedMs, ...options })
}
function events(dialect: Dialect, body: unknown, options?: Partial<CollectOptions>): ShopEvent[] {
  return outcomes(dialect, body, options).map((outcome) => {
    if ('rejection' in outcome) throw new Error(JSON.stringify(outcome.rejection))
    expect(decodeEvent(outcome.value)).toEqual({ ok: true, event: outcome.event })
    return outcome.event
  })
}
function one(dialect: Dialect, body: unknown, options?: Partial<CollectOptions>): ShopEvent {
  const [event, ...more] = events(dialect, body, options)
  if (event === undefined || more.length > 0) throw new Error('not one event')
  return event
}
function rejections(dialect: Dialect, body: unknown): Rejection[] {
  return outcomes(dialect, body).flatMap((each) => ('rejection' in each ? [each.rejection] : []))
}

describe('native', () => {
  const add = (data: object, fields: object = {}) => ({
    eventId: 'e1',
    name: 'add_to_cart',
    eventTime: now,
    anonymousId: 'A',
    data: { items: [{ productId: 'P' }], currency: 'EUR', ...data },
    ...fields,
  })

  test('only the collector sets receivedAt, dialect and flags; what was sent is kept', () => {
    const event = one('native', add({}, { receivedAt: 'x', dialect: 'ga4', flags: ['bot'] }))
    expect(event).toMatchObject({ receivedAt: now, dialect: 'native' })
    expect(event.flags).toBeUndefined()
    expect(event.extra).toEqual({ receivedAt: 'x', dialect: 'ga4', flags: ['bot'] })
  })

  test('an unknown field goes to extra; one of a later minor stays where it stands', () => {
    expect(one('native', add({}, { mood: 'good' })).extra).toEqual({ mood: 'good' })
    const later = one('native', add({}, { mood: 'good', schemaVersion: '1.4' }))
    expect(later).toMatchObject({ mood: 'good', schemaVersion: '1.4' })
  })

  test('decimal amounts are read from their text, whatever a double makes of them', () => {
    const body = `{"name":"purchase","eventTime":"${now}","anonymousId":"A","data":{"orderId":"O","currency":"EUR",
      "itemsTotal":90071992547409.91,"tax":0.30000000000000004,"total":"1e1","shipping":1.10}}`
    const [outcome] = collect('native', parseJson(body), { receivedMs })
    expect(outcome).toMatchObject({
      event: {
        data: {
          itemsTotalMinor: 9_007_199_254_740_991,
          taxMinor: 30,
          totalMinor: 1000,
          shippingMinor: 110,
        },
        flags: ['derivedId', 'rounded'],
      },
    })
  })

  test('an amount that is none is bad money', () => {
    for (const price of ['free', -1, '1e400', '90071992547409.92', {}, [], true]) {
      expect(rejections('native', add({ items: [{ productId: 'P', price }] }))).toMatchObject([
        { reason: 'bad_money', field: 'data.items[0].unitPriceMinor' },
      ])
    }
  })

  test('a number beyond a double is refused by its text', () => {
    const body = JSON.stringify(add({ cartTotal: 1 })).replace('"cartTotal":1', '"cartTotal":1e400')
    const [outcome] = collect('native', parseJson(body), { receivedMs })
    expect(outcome).toMatchObject({
      rejection: { reason: 'bad_money', field: 'data.cartTotalMinor' },
      body: expect.stringContaining('"cartTotal":1e400'),
    })
  })

  test('without an id one is derived, the same for the same request, another by position', () => {
    const body = add({}, { eventId: undefined, sentAt: now })
    const [first, second] = events('native', [body, body])
    expect(first?.eventId).toBe(
      hashId('web', 'A', 'add_to_cart', now, '{"currency":"EUR","items":[{"productId":"P"}]}', '0'),
    )
    expect(second?.eventId).not.toBe(first?.eventId)
    const later = one('native', body, { receivedMs: receivedMs + 5000 })
    expect(later.eventId).toBe(first?.eventId)
    expect(later.eventTime).not.toBe(first?.eventTime)
    expect(first?.flags).toEqual(['derivedId'])
  })

  test('addresses are cut to their network before anything is stored', () => {
    const ip = (address: string) => one('native', add({}, { context: { ip: address } })).context?.ip
    expect(ip('203.0.113.77')).toBe('203.0.113.0')
    expect(ip('::ffff:203.0.113.77')).toBe('203.0.113.0')
    expect(ip('2001:db8:85a3:8d3:1319:8a2e:370:7348')).toBe('2001:db8:85a3::')
    expect(ip('2001:db8::1')).toBe('2001:db8:0::')
    expect(ip('::1')).toBe('0:0:0::')
    expect(ip('somebody')).toBeUndefined()
  })

  test('what is refused keeps no full address, and nobody who refused consent', () => {
    const [cut] = outcomes('native', add({ currency: 'x' }, { context: { ip: '203.0.113.77' } }))
    expect(cut).toMatchObject({ body: expect.stringContaining('"ip":"203.0.113.0"') })
    const context = { ip: '203.0.113.77', consent: { analytics: false } }
    const [gone] = outcomes('native', add({ currency: 'x' }, { userId: 'U77', context }))
    const { body } = gone as { body: string }
    expect(body).toContain('no-consent')
    expect(body).not.toMatch(/U77|203\.0|"A"/)
  })

  test('e-mail addresses are not kept in traits or extra; that they were there is', () => {
    const event = one('native', {
      ...add({}, { name: 'identify', userId: 'U', person: { eMail: 'a@b.example' } }),
      data: { traits: { email: 'a@b.example', plan: 'gold' } },
    })
    expect(event.data).toEqual({ traits: { plan: 'gold' } })
    expect(event.extra).toEqual({ person: {}, dropped: ['extra.person.eMail', 'traits.email'] })
  })

  test('extra stays within 16 KiB: the largest fields go, their names stay', () => {
    const event = one('native', add({}, { small: 1, big: 'x'.repeat(20_000) }))
    expect(event.extra).toEqual({ small: 1, dropped: ['big'] })
  })

  test('what the address says of page and campaign is read, what was sent wins', () => {
    const page = { url: 'https://shop.example/p/1?utm_source=mail&utm_campaign=may&gclid=g' }
    expect(one('native', add({}, { context: { page } })).context).toEqual({
      page: { ...page, path: '/p/1' },
      campaign: { source: 'mail', name: 'may' },
      clickIds: { gclid: 'g' },
    })
    const sent = { page, campaign: { source: 'x' } }
    expect(one('native', add({}, { context: sent })).context?.campaign).toEqual({ source: 'x' })
  })

  test('a prototype cannot be set from outside', () => {
    const body = `{"name":"page_view","eventTime":"${now}","anonymousId":"A","__proto__":{"polluted":1},
      "context":{"page":{"url":"https://x/","__proto__":{"polluted":1}}},"data":{},"extra":{"a":{"__proto__":{"polluted":1}}}}`
    collect('native', parseJson(body), { receivedMs })
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    const data = body.replace('"data":{}', '"data":{"__proto__":{"polluted":1}}')
    expect(collect('native', parseJson(data), { receivedMs })).toMatchObject([
      { rejection: { reason: 'bad_field' } },
    ])
  })
})

describe('ga4', () => {
  const request = (name: string | undefined, params: object, fields: object = {}) => ({
    client_id: '123.456',
    timestamp_micros: 1_714_989_599_123_456,
    events: [{ name, params }],
    ...fields,
  })
  const line = { item_id: 'P', item_name: 'Shirt', price: 9.99, quantity: 2 }

  test('a purchase', () => {
    const params = {
      transaction_id: 'T1',
      value: 17.98,
      tax: 1.5,
      shipping: '4.90',
      currency: 'EUR',
      coupon: 'MAY',
      session_id: 42,
      page_location: 'https://shop.example/thanks',
      engagement_time_msec: 100,
      items: [{ ...line, discount: 1, item_category: 'a', item_category2: 'b', index: 3, x: 1 }],
    }
    expect(one('ga4', request('purchase', params, { user_id: 7 }))).toMatchObject({
      name: 'purchase',
      eventTime: '2024-05-06T09:59:59.123Z',
      anonymousId: '123.456',
      userId: '7',
      sessionId: '42',
      flags: ['derivedId'],
      context: { page: { url: 'https://shop.example/thanks' } },
      data: {
        orderId: 'T1',
        itemsTotalMinor: 1798,
        taxMinor: 150,
        shippingMinor: 490,
        coupon: 'MAY',
        currency: 'EUR',
        items: [
          {
            productId: 'P',
            name: 'Shirt',
            category: 'a/b',
            quantity: 2,
            // The price is what is left after the discount.
            unitPriceMinor: 1099,
            discountMinor: 100,
            position: 3,
          },
        ],
      },
      extra: { engagement_time_msec: 100, items: [{ productId: 'P', x: 1 }] },
    })
  })

  test('names and times', () => {
    const body = {
      client_id: 'C',
      events: [
        { name: 'view_search_results', params: { search_term: 'shirt' } },
        { name: 'add_payment_info', timestamp_micros: '1714989590000000' },
        { name: 'scroll', params: { percent: 90 } },
        { name: 'login', params: { method: 'x' } },
      ],
    }
    expect(events('ga4', body)).toMatchObject([
      { name: 'search', eventTime: now, data: { query: 'shirt' } },
      { name: 'checkout_step', eventTime: '2024-05-06T09:59:50.000Z', data: { option: 'payment' } },
      { name: 'custom', customName: 'scroll', data: { percent: 90 } },
      { name: 'custom', customName: 'login' },
    ])
    expect(one('ga4', { ...body, user_id: 'U', events: [{ name: 'sign_up' }] }).name).toBe(
      'identify',
    )
  })

  test('lines without id and name are dropped and flagged; none left is refused', () => {
    const params = { currency: 'EUR', items: [{ price: 1 }, { item_name: 'Hat' }] }
    expect(one('ga4', request('add_to_cart', params))).toMatchObject({
      data: { items: [{ productId: 'Hat' }] },
      flags: ['badMetadata', 'derivedId'],
      extra: { droppedItems: [{ price: 1 }] },
    })
    const none = request('add_to_cart', { currency: 'EUR', items: [{ price: 1 }] })
    expect(rejections('ga4', none)).toMatchObject([
      { reason: 'missing_field', field: 'data.items' },
    ])
  })

  test('the currency may stand in the first line; consent is read', () => {
    const params = { items: [{ ...line, currency: 'JPY', price: 990 }] }
    const consent = { ad_user_data: 'GRANTED', ad_personalization: 'DENIED' }
    expect(one('ga4', request('add_to_cart', params, { consent }))).toMatchObject({
      data: { currency: 'JPY', items: [{ unitPriceMinor: 990 }] },
      context: { consent: { marketing: false } },
    })
  })

  test('one event of a request does not reject the others', () => {
    const body = { client_id: 'C', events: [{ name: 'page_view' }, 5, { name: 'purchase' }, {}] }
    const reasons = rejections('ga4', body).map(({ position, reason }) => [position, reason])
    expect(reasons).toEqual([
      [1, 'not_object'],
      [2, 'missing_field'],
      [3, 'missing_name'],
    ])
  })
})

describe('segment', () => {
  const track = (event: string, properties: object, fields: object = {}) => ({
    type: 'track',
    messageId: 'm1',
    anonymousId: 'A',
    timestamp: now,
    event,
    properties,
    ...fields,
  })

  test('sentAt of the batch corrects the clock', () => {
    const message = track('Cart Viewed', {}, { timestamp: '2024-05-06T12:00:00Z' })
    const body = { batch: [message], sentAt: '2024-05-06T12:00:07Z' }
    expect(one('segment', body)).toMatchObject({
      eventTime: '2024-05-06T09:59:53.000Z',
      sentAt: '2024-05-06T12:00:07.000Z',
    })
  })

  test.each([
    ['Products Searched', { query: 'q' }, { name: 'search', data: { query: 'q' } }],
    [
      'Product Clicked',
      { sku: 'S' },
      { name: 'select_item', data: { items: [{ productId: 'S' }] } },
    ],
    ['Product Removed', { product_id: 'P' }, { name: 'remove_from_cart' }],
    [
      'Cart Viewed',
      { cart_id: 'c', products: [{ product_id: 'P', quantity: '2' }] },
      { name: 'view_cart', cartId: 'c', data: { items: [{ productId: 'P', quantity: 2 }] } },
    ],
    ['Checkout Started', { order_id: 'O' }, { name: 'begin_checkout', data: { checkoutId: 'O' } }],
    [
      'Payment Info Entered',
      { checkout_id: 'x' },
      { name: 'checkout_step', data: { option: 'payment', step: 3 } },
    ],
    [
      'Order Completed',
      { order_id: 'O', subtotal: 20, discount: 5, total: 18, currency: 'EUR' },
      { name: 'purchase', data: { itemsTotalMinor: 1500, discountMinor: 500, totalMinor: 1800 } },
    ],
    ['Order Refunded', { order_id: 'O' }, { name: 'refund', data: { orderId: 'O' } }],
    [
      'Order Cancelled',
      { order_id: 'O', total: '5', currency: 'EUR' },
      { name: 'refund', data: { amountMinor: 500 } },
    ],
    ['Video Played', { id: 1 }, { name: 'custom', customName: 'Video Played', data: { id: 1 } }],
  ])('%s', (event, properties, expected) => {
    expect(one('segment', track(event, properties))).toMatchObject(expected)
  })

  test('calls of other types', () => {
    const call = (type: string, fields: object) =>
      one('segment', { type, messageId: 'm', anonymousId: 'A', timestamp: now, ...fields })
    const traits = { email: 'a@b.example', plan: 'gold' }
    expect(call('identify', { userId: 'U', traits })).toMatchObject({
      name: 'identify',
      data: { traits: { plan: 'gold' } },
      extra: { dropped: ['traits.email'] },
    })
    expect(call('identify', { traits: {} })).toMatchObject({ customName: 'identify' })
    expect(call('screen', { name: 'Cart' })).toMatchObject({
      name: 'page_view',
      context: { page: { title: 'Cart' } },
    })
    expect(call('alias', { previousId: 'B', userId: 'U' })).toMatchObject({
      customName: 'alias',
      data: { previousId: 'B' },
    })
    expect(call('group', { groupId: 'g' })).toMatchObject({ data: { groupId: 'g' } })
  })

  test('context, consent and what has no home', () => {
    const context = {
      ip: '203.0.113.77',
      userAgent: 'UA',
      screen: { width: 390, height: 844, density: 3 },
      consent: { categoryPreferences: { Analytics: true, Advertising: false } },
      device: { id: 'x' },
    }
    const event = one(
      'segment',
      track(
        'Product Added',
        { product_id: 'P', currency: 'EUR', url: 'u' },
        { context, integrations: { All: true } },
      ),
    )
    expect(event.context).toEqual({
      ip: '203.0.113.0',
      userAgent: 'UA',
      screen: { width: 390, height: 844 },
      consent: { analytics: true, marketing: false },
    })
    expect(event.extra).toEqual({
      properties: { url: 'u' },
      integrations: { All: true },
      context: { device: { id: 'x' }, screen: { density: 3 } },
    })
  })
})

describe('snowplow', () => {
  const iglu = (name: string) =>
    `iglu:com.snowplowanalytics.snowplow.ecommerce/${name}/jsonschema/1-0-0`
  const action = (type: string, entities: [string, object][], fields: object = {}) => ({
    e: 'ue',
    eid: 'e1',
    duid: 'A',
    dtm: String(receivedMs - 3000),
    stm: String(receivedMs - 1000),
    ue_pr: JSON.stringify({ data: { schema: iglu('snowplow_ecommerce_action'), data: { type } } }),
    co: JSON.stringify({ data: entities.map(([name, data]) => ({ schema: iglu(name), data })) }),
    ...fields,
  })

  test('a transaction with its entities, the clock corrected', () => {
    const payload = action('transaction', [
      [
        'transaction',
        { transaction_id: 'T', revenue: 17.98, tax: 1, currency: 'EUR', total_quantity: 2 },
      ],
      ['product', { id: 'P', price: 8.99, quantity: 2, currency: 'EUR' }],
      ['user', { id: 'U' }],
    ])
    expect(one('snowplow', { schema: 'x', data: [payload] })).toMatchObject({
      name: 'purchase',
      eventTime: '2024-05-06T09:59:58.000Z',
      userId: 'U',
      data: {
        orderId: 'T',
        itemsTotalMinor: 1798,
        taxMinor: 100,
        currency: 'EUR',
        items: [{ productId: 'P', unitPriceMinor: 899, quantity: 2 }],
      },
      extra: { entities: [{ schema: 'transaction', total_quantity: 2 }] },
    })
  })

  test('steps, refunds, promotions and actions without a type', () => {
    const step = (step: number, fields: object = {}) =>
      one('snowplow', action('checkout_step', [['checkout_step', { step, ...fields }]]))
    expect(step(1).name).toBe('begin_checkout')
    expect(step(2, { payment_method: 'card' })).toMatchObject({
      name: 'checkout_step',
      data: { step: 2, option: 'payment' },
    })
    const refund = { transaction_id: 'T', refund_amount: '5', currency: 'EUR' }
    expect(one('snowplow', action('refund', [['refund', refund]]))).toMatchObject({
      data: { orderId: 'T', amountMinor: 500 },
    })
    expect(one('snowplow', action('promo_view', []))).toMatchObject({ customName: 'promo_view' })
    expect(one('snowplow', action('', [])).name).toBe('custom')
  })

  test('page pings are custom; a broken entity is kept and flagged', () => {
    const ping = { e: 'pp', eid: 'e', duid: 'A', dtm: String(receivedMs), co: '{"data":' }
    expect(one('snowplow', ping)).toMatchObject({
      name: 'custom',
      customName: 'page_ping',
      flags: ['badMetadata'],
      extra: { co: '{"data":' },
    })
  })
})

describe('shopify', () => {
  const money = (amount: string) => ({ amount, currencyCode: 'KWD' })
  const variant = {
    id: 'v',
    price: money('1.234'),
    product: { id: 'p', title: 'Hat', vendor: 'B' },
  }
  const pixel = (name: string, data: object) => ({
    id: 'sh-1',
    name,
    clientId: 'A',
    seq: 4,
    timestamp: now,
    data,
    context: {
      document: {
        title: 'T',
        referrer: '',
        location: { href: 'https://s.example/x', pathname: '/x' },
      },
      navigator: { userAgent: 'UA', language: 'ar' },
    },
  })

  test('a line added to the cart', () => {
    const cartLine = { quantity: 2, merchandise: variant, cost: { totalAmount: money('2.468') } }
    expect(one('shopify', pixel('product_added_to_cart', { cartLine }))).toMatchObject({
      name: 'add_to_cart',
      anonymousId: 'A',
      seq: 4,
      context: { userAgent: 'UA', page: { url: 'https://s.example/x', path: '/x', title: 'T' } },
      data: {
        currency: 'KWD',
        items: [{ productId: 'p', variantId: 'v', name: 'Hat', quantity: 2, unitPriceMinor: 1234 }],
      },
    })
  })

  test('a completed checkout, without the buyer', () => {
    const checkout = {
      token: 't',
      currencyCode: 'KWD',
      email: 'a@b.example',
      phone: '1',
      order: { id: 'o', customer: { id: 'c' } },
      subtotalPrice: money('2.468'),
      totalTax: money('0'),
      shippingLine: { price: money('1') },
      totalPrice: money('3.468'),
      lineItems: [{ quantity: 2, title: 'Hat', variant }],
    }
    const event = one('shopify', pixel('checkout_completed', { checkout }))
    expect(event).toMatchObject({
      name: 'purchase',
      userId: 'c',
      data: {
        orderId: 'o',
        itemsTotalMinor: 2468,
        taxMinor: 0,
        shippingMinor: 1000,
        totalMinor: 3468,
      },
      extra: { dropped: ['checkout.email', 'checkout.phone'] },
    })
    expect(JSON.stringify(event)).not.toContain('a@b.example')
  })

  test('steps, searches and events of a shop’s own', () => {
    expect(one('shopify', pixel('payment_info_submitted', {}))).toMatchObject({
      data: { option: 'payment' },
    })
    const searchResult = { query: 'hat', productVariants: [] }
    expect(one('shopify', pixel('search_submitted', { searchResult })).data.query).toBe('hat')
    expect(one('shopify', pixel('my_event', {}))).toMatchObject({ customName: 'my_event' })
  })
})

describe('retail', () => {
  const sample = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data/google-merch-catalog')

  test.skipIf(!existsSync(sample))(`Google's own sample in ${sample}`, () => {
    const lines = readFileSync(join(sample, 'user_events_sample.jsonl'), 'utf8').trim().split('\n')
    const mapped = lines.map((line) => one('retail', parseJson(line)))
    expect(mapped.map(({ name }) => name)).toEqual(['page_view', 'search', 'search', 'view_item'])
    expect(mapped.at(-1)).toMatchObject({
      anonymousId: 'bjbs_group1_visitor1',
      eventTime: '2022-02-23T10:27:42.000Z',
      data: { items: [{ productId: 'GGCOGAEC100616', quantity: 3 }] },
    })
  })

  test('the minimal event: currency from the setting, order id from metadata or the event', () => {
    const event = {
      event: 'purchase',
      user_id: 5,
      timestamp: 1714989600,
      product_id: 9,
      price: 19.99,
    }
    const named = { ...event, metadata: { order_id: 'O', gift: true } }
    expect(one('retail', named, { defaultCurrency: 'GBP' })).toMatchObject({
      userId: '5',
      eventTime: now,
      data: { orderId: 'O', currency: 'GBP', items: [{ productId: '9', unitPriceMinor: 1999 }] },
      extra: { metadata: { gift: true } },
    })
    const unnamed = one('retail', event)
    expect(unnamed.data).toMatchObject({ orderId: unnamed.eventId, currency: 'USD' })
  })

  test('a time without a zone is UTC; seconds and milliseconds are told apart', () => {
    const time = (timestamp: unknown) =>
      one('retail', { event: 'page_view', user_id: 'U', timestamp }).eventTime
    expect(time('2024-05-06T09:00:00')).toBe('2024-05-06T09:00:00.000Z')
    expect(time(1714986000000)).toBe('2024-05-06T09:00:00.000Z')
    expect(time(1714986000.5)).toBe('2024-05-06T09:00:00.500Z')
  })

  test('the clickstream sample is read like GA4, with price or item_price', () => {
    const items = [{ item_id: 'P', item_price: 5, quantity: 1 }]
    const source = {
      event_datetime: '2024-05-06 09:00:00',
      event: 'purchase',
      client_id: 'C',
      page: 'https://s.example/p',
      ecommerce: { purchase: { transaction_id: 'T', value: 5, items } },
    }
    expect(one('retail', source)).toMatchObject({
      dialect: 'retail',
      name: 'purchase',
      eventTime: '2024-05-06T09:00:00.000Z',
      data: { orderId: 'T', itemsTotalMinor: 500, items: [{ unitPriceMinor: 500 }] },
    })
  })
})

describe('cloudevents', () => {
  const attributes = {
    specversion: '1.0',
    id: 'e1',
    source: 'app',
    time: now,
    type: 'shop.page_view.v1',
  }

  test('attributes stand in for the envelope; the data is the event’s data', () => {
    const event = {
      ...attributes,
      subject: 'c1',
      anonymousid: 'A',
      data: { pageType: 'home' },
      trace: 't',
    }
    expect(one('cloudevents', event)).toMatchObject({
      eventId: 'e1',
      source: 'app',
      name: 'page_view',
      eventTime: now,
      cartId: 'c1',
      anonymousId: 'A',
      data: { pageType: 'home' },
      extra: { attributes: { trace: 't' } },
    })
  })

  test('a whole native event as data speaks for itself; base64 is read', () => {
    const whole = { name: 'page_view', eventId: 'inner', userId: 'U', eventTime: now, data: {} }
    const base64 = Buffer.from(JSON.stringify(whole)).toString('base64')
    const event = { ...attributes, type: 'com.example.thing', data_base64: base64 }
    expect(one('cloudevents', event)).toMatchObject({
      eventId: 'inner',
      source: 'app',
      userId: 'U',
    })
  })

  test('another major of the type is refused', () => {
    const event = { ...attributes, type: 'shop.page_view.v2', anonymousid: 'A', data: {} }
    expect(rejections('cloudevents', event)).toMatchObject([{ reason: 'unsupported_version' }])
  })
})
