// The vendors' own npm clients post to the collector over loopback: what they really send is what we read.

import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { Analytics } from '@segment/analytics-node'
import { buildSelfDescribingEvent, newTracker, buildPageView } from '@snowplow/node-tracker'
import { describe, expect, test } from 'vitest'
import { startTestCollector } from './testing.ts'

const order = {
  order_id: 'O1',
  revenue: 39.98,
  tax: 3.2,
  currency: 'EUR',
  products: [{ product_id: 'P1', name: 'Shirt', price: 19.99, quantity: 2, url: 'https://x/p' }],
}

describe('@segment/analytics-node', () => {
  test('an order and a page arrive with id, time and person', async () => {
    await using shop = await startTestCollector({ sourceByKey: { key1: 'app' } })
    const client = new Analytics({ writeKey: 'key1', host: shop.url, flushAt: 2 })
    client.track({ anonymousId: 'A', userId: 'U', event: 'Order Completed', properties: order })
    client.page({
      anonymousId: 'A',
      name: 'Home',
      properties: { url: 'https://shop.example/?utm_source=mail' },
    })
    await client.closeAndFlush()
    const [purchase, page] = shop.sink.events()
    expect(shop.sink.rejected()).toEqual([])
    expect(purchase).toMatchObject({
      name: 'purchase',
      dialect: 'segment',
      source: 'app',
      anonymousId: 'A',
      userId: 'U',
      context: { library: { name: '@segment/analytics-node' } },
      data: {
        orderId: 'O1',
        itemsTotalMinor: 3998,
        taxMinor: 320,
        currency: 'EUR',
        items: [{ productId: 'P1', name: 'Shirt', unitPriceMinor: 1999, quantity: 2 }],
      },
      extra: { items: [{ productId: 'P1', url: 'https://x/p' }] },
    })
    expect(purchase?.eventId).toMatch(/^node-next-|^[0-9a-f-]{36}/)
    expect(purchase?.flags).toBeUndefined()
    expect(page).toMatchObject({
      name: 'page_view',
      context: { page: { title: 'Home', path: '/' }, campaign: { source: 'mail' } },
    })
  })
})

describe('@rudderstack/rudder-sdk-node', () => {
  test('gzip under a form content type, with both times in every message', async () => {
    await using shop = await startTestCollector()
    const client = new RudderAnalytics('key1', { dataPlaneUrl: shop.url, flushAt: 1 })
    client.track({
      anonymousId: 'A',
      event: 'Product Added',
      properties: { product_id: 'P1', price: '19.99', currency: 'EUR', cart_id: 'c1' },
    })
    await client.flush()
    await expect.poll(() => shop.sink.events()).toHaveLength(1)
    expect(shop.sink.events()).toMatchObject([
      {
        name: 'add_to_cart',
        dialect: 'rudderstack',
        cartId: 'c1',
        data: { items: [{ productId: 'P1', unitPriceMinor: 1999, quantity: 1 }] },
      },
    ])
    expect(shop.sink.events()[0]?.sentAt).toBeDefined()
  })
})

describe('@snowplow/node-tracker', () => {
  test('a page view and an e-commerce action with its entities', async () => {
    await using shop = await startTestCollector()
    const tracker = newTracker(
      { namespace: 'shop', appId: 'web-shop', encodeBase64: true },
      { endpoint: shop.url, bufferSize: 1, eventMethod: 'post' },
    )
    tracker.setDomainUserId('A')
    tracker.setUserId('U')
    tracker.track(buildPageView({ pageUrl: 'https://shop.example/p', pageTitle: 'P' }))
    tracker.track(
      buildSelfDescribingEvent({
        event: {
          schema:
            'iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2',
          data: { type: 'add_to_cart' },
        },
      }),
      [
        {
          schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0',
          data: {
            id: 'P1',
            name: 'Shirt',
            price: 19.99,
            currency: 'EUR',
            category: 'a/b',
            size: 'M',
          },
        },
        {
          schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/cart/jsonschema/1-0-0',
          data: { cart_id: 'c1', total_value: 19.99, currency: 'EUR' },
        },
      ],
    )
    await tracker.flush()
    await expect.poll(() => shop.sink.events()).toHaveLength(2)
    const [page, add] = shop.sink.events().sort((a, b) => (a.name > b.name ? -1 : 1))
    expect(page).toMatchObject({
      name: 'page_view',
      dialect: 'snowplow',
      source: 'web',
      anonymousId: 'A',
      userId: 'U',
      extra: { aid: 'web-shop' },
      context: { page: { url: 'https://shop.example/p', path: '/p', title: 'P' } },
    })
    expect(add).toMatchObject({
      name: 'add_to_cart',
      cartId: 'c1',
      data: {
        currency: 'EUR',
        cartTotalMinor: 1999,
        items: [
          { productId: 'P1', name: 'Shirt', category: 'a/b', unitPriceMinor: 1999, quantity: 1 },
        ],
      },
      extra: { entities: [{ schema: 'product', size: 'M' }] },
    })
  })
})
