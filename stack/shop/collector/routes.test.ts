// The routes answer as each vendor's clients expect, and bytes of any kind never bring the collector down.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeEvent } from '#stack/contract/decode.ts'
import { topics } from '#stack/contract/topics.ts'
import { startTestCollector as start, testNow as now } from './testing.ts'
import type { TestCollector } from './testing.ts'

const page = { client_id: 'C', events: [{ name: 'page_view', params: { page_title: 'T' } }] }
const nameless = { client_id: 'C', events: [{ params: {} }] }

describe('GA4', () => {
  test('is answered 204, whatever becomes of the events, as Google does', async () => {
    await using shop = await start({ sourceByKey: { 'G-1': 'web-shop' } })
    const path = '/mp/collect?measurement_id=G-1&api_secret=hush'
    for (const body of [page, nameless, '{']) {
      const answer = await shop.post(path, body)
      expect([answer.status, await answer.text()]).toEqual([204, ''])
    }
    expect(shop.sink.events()).toMatchObject([{ dialect: 'ga4', source: 'web-shop' }])
    expect(shop.sink.rejected().map(({ reason }) => reason)).toEqual(['missing_name', 'not_json'])
    expect(JSON.stringify(shop.sink.batches)).not.toContain('hush')
  })

  test('the debug route explains and records nothing', async () => {
    await using shop = await start()
    const good = await shop.post('/debug/mp/collect', page)
    expect(await good.json()).toEqual({ validationMessages: [] })
    const bad = await shop.post('/debug/mp/collect', nameless)
    expect(await bad.json()).toMatchObject({
      validationMessages: [{ fieldPath: 'name', validationCode: 'MISSING_NAME' }],
    })
    expect(shop.sink.batches).toEqual([])
  })
})

describe('Segment', () => {
  test.each([
    ['track', { event: 'Product Viewed', properties: { product_id: 'P' } }, 'view_item'],
    ['page', { name: 'Home' }, 'page_view'],
    ['screen', { name: 'Home' }, 'page_view'],
    ['identify', { userId: 'U', traits: {} }, 'identify'],
    ['alias', { previousId: 'B' }, 'custom'],
    ['group', { groupId: 'g' }, 'custom'],
    ['batch', { batch: [{ type: 'page', anonymousId: 'A' }] }, 'page_view'],
  ])('/v1/%s is answered with success', async (route, fields, name) => {
    await using shop = await start()
    const answer = await shop.post(`/v1/${route}`, { anonymousId: 'A', timestamp: now, ...fields })
    expect([answer.status, await answer.json()]).toEqual([200, { success: true }])
    expect(shop.sink.events()).toMatchObject([{ name, dialect: 'segment', anonymousId: 'A' }])
  })

  test('a body that is no JSON is 400; an event that is none is not sent again', async () => {
    await using shop = await start()
    expect((await shop.post('/v1/track', '{')).status).toBe(400)
    expect((await shop.post('/v1/track', {})).status).toBe(200)
    expect(shop.sink.rejected()).toHaveLength(2)
  })
})

describe('Snowplow', () => {
  test('POST is answered ok, GET with a pixel', async () => {
    await using shop = await start()
    const payload = { e: 'pv', eid: 'e1', duid: 'A', dtm: String(Date.parse(now)) }
    const posted = await shop.post('/com.snowplowanalytics.snowplow/tp2', { data: [payload] })
    expect([posted.status, await posted.text()]).toEqual([200, 'ok'])
    const query = new URLSearchParams({ ...payload, eid: 'e2', url: 'https://shop.example/' })
    const answer = await fetch(`${shop.url}/i?${query.toString()}`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(answer.headers.get('content-type')).toBe('image/gif')
    expect(bytes.toString('latin1', 0, 6)).toBe('GIF89a')
    expect(shop.sink.events().map(({ eventId }) => eventId)).toEqual(['e1', 'e2'])
  })
})

describe('CloudEvents', () => {
  const attributes = { specversion: '1.0', id: 'e1', source: 'app', type: 'shop.page_view.v1' }
  const event = { ...attributes, time: now, anonymousid: 'A', data: {} }

  test.each([
    ['structured', 'application/cloudevents+json', event, {}],
    ['batch', 'application/cloudevents-batch+json', [event], {}],
    [
      'binary',
      'application/json',
      {},
      {
        'ce-specversion': '1.0',
        'ce-id': 'e1',
        'ce-source': 'app',
        'ce-type': 'shop.page_view.v1',
        'ce-time': now,
        'ce-anonymousid': 'A',
      },
    ],
  ])('%s mode', async (_, contentType, body, headers) => {
    await using shop = await start()
    const answer = await shop.post('/cloudevents', body, {
      'content-type': contentType,
      ...headers,
    })
    expect(answer.status).toBe(200)
    expect(shop.sink.events()).toMatchObject([
      { eventId: 'e1', source: 'app', dialect: 'cloudevents', name: 'page_view', anonymousId: 'A' },
    ])
  })
})

describe('Shopify and retail', () => {
  test('are answered as native, and read line by line', async () => {
    await using shop = await start()
    const pixel = { id: 's1', name: 'page_viewed', clientId: 'A', timestamp: now, data: {} }
    expect(await (await shop.post('/shopify', pixel)).json()).toEqual({ accepted: 1, rejected: [] })
    const line = JSON.stringify({ event: 'page_view', user_id: 'U', timestamp: now })
    const answer = await shop.post('/retail', `${line}\nnope\n${line.replace('"U"', '""')}`)
    expect(await answer.json()).toMatchObject({
      accepted: 1,
      rejected: [
        { position: 1, reason: 'not_json' },
        { position: 2, reason: 'missing_identity' },
      ],
    })
  })
})

describe('a browser', () => {
  test('lends its user agent and its cut address to events that name none', async () => {
    await using shop = await start({ trustProxy: true })
    const headers = {
      'sec-fetch-site': 'same-origin',
      'user-agent': 'Mozilla/5.0 (X11)',
      'x-forwarded-for': '198.51.100.1, 203.0.113.77',
    }
    const event = { name: 'page_view', eventTime: now, anonymousId: 'A', data: {} }
    const named = { ...event, context: { userAgent: 'mine', ip: '192.0.2.7' } }
    await shop.post('/v1/events', [event, named], headers)
    await shop.post('/v1/events', event)
    expect(shop.sink.events().map(({ context }) => context)).toEqual([
      { ip: '203.0.113.0', userAgent: 'Mozilla/5.0 (X11)' },
      { ip: '192.0.2.0', userAgent: 'mine' },
      undefined,
    ])
  })
})

test('health, readiness, metrics and status are served', async () => {
  await using shop = await start()
  await shop.post('/v1/events', { name: 'page_view', eventTime: now, anonymousId: 'A', data: {} })
  await shop.post('/v1/events', '{')
  const get = async (path: string) => (await fetch(shop.url + path)).text()
  expect(JSON.parse(await get('/healthz'))).toEqual({ part: 'shop', healthy: true })
  expect(JSON.parse(await get('/readyz'))).toEqual({ ready: true })
  const metrics = await get('/metrics')
  expect(metrics).toContain('slipway_shop_events_total{dialect="native",outcome="accepted"} 1')
  expect(metrics).toContain('slipway_shop_events_total{dialect="native",outcome="not_json"} 1')
  const headers = (await fetch(`${shop.url}/healthz`)).headers
  expect(headers.get('content-security-policy')).toContain("default-src 'self'")
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})

describe('hostile bodies', () => {
  const paths = [
    '/v1/events',
    '/mp/collect',
    '/debug/mp/collect',
    '/v1/batch',
    '/v1/identify',
    '/com.snowplowanalytics.snowplow/tp2',
    '/cloudevents',
    '/shopify',
    '/retail',
  ]
  /** Fields that mappers look for, with anything in them. */
  const words = fc.constantFrom(
    ...'name data events params items batch type properties products context page consent traits'.split(
      ' ',
    ),
    ...'eventTime timestamp sentAt anonymousId userId client_id price currency quantity e co ue_pr'.split(
      ' ',
    ),
    ...'checkout cartLine event metadata __proto__ constructor specversion data_base64 extra'.split(
      ' ',
    ),
  )
  const leaf = fc.oneof(
    fc.constantFrom(
      now,
      'purchase',
      'add_to_cart',
      'track',
      'ue',
      'EUR',
      '19.99',
      '{"a":1}',
      '\ud800',
    ),
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(words, tie('value')), { maxLength: 6 })
        .map((pairs) => Object.fromEntries(pairs)),
    ),
  }))

  async function post(shop: TestCollector, path: string, body: string | Uint8Array): Promise<void> {
    const answer = await shop.post(path, body)
    await answer.arrayBuffer()
    if (answer.status >= 500) throw new Error(`${answer.status} for ${String(body)}`)
  }

  test('are answered below 500, and only valid events reach the topic', async () => {
    await using shop = await start()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), value, async (path, body) => {
        await post(shop, path, JSON.stringify(body) ?? '')
      }),
      { numRuns: 400 },
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array(), async (path, bytes) => {
        await post(shop, path, bytes)
      }),
      { numRuns: 100 },
    )
    for (const record of shop.sink.records(topics.events.name)) {
      if (!decodeEvent(String(record.value)).ok) throw new Error(String(record.value))
    }
    expect(shop.sink.rejected().length).toBeGreaterThan(50)
    expect(Object.prototype).toEqual({})
    expect(shop.collector.outbox.pendingBytes).toBe(0)
  })

  test('brackets without end, a million keys and huge numbers cost one refusal each', async () => {
    await using shop = await start()
    const deep = 200_000
    const bodies = [
      '['.repeat(deep) + ']'.repeat(deep),
      `${'{"data":'.repeat(60_000)}1${'}'.repeat(60_000)}`,
      `{"name":"page_view","eventTime":${'['.repeat(deep)}${']'.repeat(deep)}}`,
      `{${Array.from({ length: 90_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
      `[${'1e999,'.repeat(100)}1]`,
      `{"name":"page_view","eventTime":"${now}","anonymousId":"A","data":{"n":${'9'.repeat(50_000)}}}`,
    ]
    for (const path of paths) {
      for (const body of bodies) await post(shop, path, body)
    }
    expect(shop.sink.events().every(({ data }) => data !== undefined)).toBe(true)
  })
})
