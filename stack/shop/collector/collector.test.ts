// The collector through its front door: real HTTP, a sink in memory.

import { gzipSync } from 'node:zlib'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { MiB } from '#stack/base/units.ts'
import { rejectReasons } from '#stack/contract/events.ts'
import type { RejectReason } from '#stack/contract/events.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import { topics } from '#stack/contract/topics.ts'
import { startTestCollector as start, testNow as now } from './testing.ts'
import type { TestCollector } from './testing.ts'

const view = (eventId: string, fields: object = {}) => ({
  eventId,
  name: 'page_view',
  eventTime: now,
  anonymousId: 'A',
  data: {},
  ...fields,
})

describe('POST /v1/events', () => {
  test('takes one event, and writes it with key, time and CloudEvents headers', async () => {
    await using shop = await start()
    const answer = await shop.post('/v1/events', view('e1', { cartId: 'c1' }))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ accepted: 1, rejected: [] })
    const [record] = shop.sink.records(topics.events.name)
    expect(record).toMatchObject({ key: 'A', timestampMs: Date.parse(now) })
    expect(record?.headers).toEqual({
      ce_specversion: '1.0',
      ce_id: 'e1',
      ce_source: 'web',
      ce_type: 'shop.page_view.v1',
      ce_time: now,
      ce_subject: 'c1',
      ce_partitionkey: 'A',
      'content-type': 'application/json',
    })
    expect(decodeEvent(String(record?.value)).ok).toBe(true)
  })

  test('one bad event of a batch is named by its position, its neighbours are accepted', async () => {
    await using shop = await start()
    const batch = Array.from({ length: 10 }, (_, i) => view(`e${i}`))
    batch[4] = view('e4', { eventTime: 'yesterday' })
    const answer = await shop.post('/v1/events', batch)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      accepted: 9,
      rejected: [{ position: 4, reason: 'bad_time', field: 'eventTime' }],
    })
    expect(shop.sink.events()).toHaveLength(9)
    const [rejected] = shop.sink.rejected()
    expect(rejected).toMatchObject({ stage: 'collector', dialect: 'native', receivedAt: now })
    expect(JSON.parse(rejected?.body ?? '')).toEqual(batch[4])
  })

  test('lines are events; a line that is no JSON, or no UTF-8, stands alone', async () => {
    await using shop = await start()
    const lines = Buffer.concat([
      Buffer.from(`${JSON.stringify(view('e1'))}\r\n\n{"broken\n`),
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      Buffer.from(JSON.stringify(view('e2'))),
    ])
    const answer = await shop.post('/v1/events', lines, { 'content-type': 'application/x-ndjson' })
    expect(await answer.json()).toMatchObject({
      accepted: 2,
      rejected: [
        { position: 1, reason: 'not_json' },
        { position: 2, reason: 'not_json' },
      ],
    })
    const [, bytes] = shop.sink.rejected()
    expect(bytes).toMatchObject({ bodyEncoding: 'base64', body: 'Iv8i' })
  })

  test('the answer is 400 when nothing was accepted', async () => {
    await using shop = await start()
    for (const body of ['', '{', '[]', 'null', '[1]', '{}']) {
      expect([body, (await shop.post('/v1/events', body)).status]).toEqual([body, 400])
    }
  })

  test('gzip is read, and JSON under a form content type', async () => {
    await using shop = await start()
    const packed = gzipSync(JSON.stringify([view('e1'), view('e2')]))
    const answer = await shop.post('/v1/events', packed, {
      'content-encoding': 'gzip',
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(await answer.json()).toMatchObject({ accepted: 2 })
  })
})

const item = { productId: 'P', unitPriceMinor: 100 }
const add = (data: object) => view('e1', { name: 'add_to_cart', data })
const purchase = (data: object) =>
  view('e1', { name: 'purchase', data: { orderId: 'O', currency: 'EUR', items: [item], ...data } })

/** One body per reason of events.md 1.4. */
const bodyByReason: Record<RejectReason, unknown> = {
  too_large: view('e1', { data: { list: Array.from({ length: 300 }, () => 'x'.repeat(1000)) } }),
  not_json: '{"name":',
  not_object: '["page_view"]',
  unsupported_version: view('e1', { schemaVersion: '9.0' }),
  missing_name: view('e1', { name: '' }),
  missing_identity: view('e1', { anonymousId: undefined }),
  bad_time: view('e1', { eventTime: '2024-02-30T10:00:00Z' }),
  missing_field: add({ currency: 'EUR' }),
  bad_field: view('e1', { seq: -1 }),
  string_too_long: view('e1', { anonymousId: 'A'.repeat(129) }),
  too_many_items: add({ currency: 'EUR', items: Array.from({ length: 1001 }, () => item) }),
  negative_quantity: add({ currency: 'EUR', items: [{ ...item, quantity: -1 }] }),
  bad_money: purchase({ taxMinor: -1 }),
  missing_order_id: purchase({ orderId: '' }),
  bad_currency: purchase({ currency: 'euro' }),
}

describe('every reason to refuse an event', () => {
  test.each(rejectReasons)('%s is answered and kept on rejected-events', async (reason) => {
    await using shop = await start()
    const answer = await shop.post('/v1/events', bodyByReason[reason])
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ accepted: 0, rejected: [{ position: 0, reason }] })
    expect(shop.sink.rejected()).toMatchObject([{ stage: 'collector', reason, input: null }])
    expect(shop.sink.events()).toEqual([])
  })
})

describe('limits', () => {
  test('a body that says it is too long is refused before it is read', async () => {
    await using shop = await start()
    const answer = await shop.post('/v1/events', 'x'.repeat(MiB + 1))
    expect(answer.status).toBe(413)
    expect(shop.sink.rejected()).toMatchObject([{ reason: 'too_large' }])
  })

  test('a body of unknown length is counted as it comes', async () => {
    await using shop = await start({ body: { bodyBytes: 1000 } })
    const chunk = `190\r\n${'x'.repeat(400)}\r\n`
    const answer = await exchange(
      shop,
      `POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(shop.sink.rejected()).toMatchObject([{ reason: 'too_large', body: 'x'.repeat(800) }])
    expect(shop.collector.outbox.pendingBytes).toBe(0)
  })

  test('a body that is cut off in the middle leaves nothing behind', async () => {
    await using shop = await start()
    const head = 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n'
    const socket = connect(Number(new URL(shop.url).port), '127.0.0.1')
    socket.write(`${head}{"name":`)
    await expect.poll(() => shop.collector.outbox.pendingRequests).toBe(1)
    socket.destroy()
    await expect.poll(() => shop.collector.outbox.pendingRequests).toBe(0)
    expect(shop.sink.batches).toEqual([])
    expect((await shop.post('/v1/events', view('e1'))).status).toBe(200)
  })

  test('a gzip that inflates without end is cut short', async () => {
    await using shop = await start()
    const bomb = gzipSync(Buffer.alloc(64 * MiB))
    const answer = await shop.post('/v1/events', bomb, { 'content-encoding': 'gzip' })
    expect(answer.status).toBe(413)
  })

  test('stacked and unknown encodings, and half a gzip, are refused', async () => {
    await using shop = await start()
    const packed = gzipSync(JSON.stringify(view('e1')))
    const status = async (body: Uint8Array, encoding: string) =>
      (await shop.post('/v1/events', body, { 'content-encoding': encoding })).status
    expect(await status(gzipSync(packed), 'gzip, gzip')).toBe(415)
    expect(await status(packed, 'br')).toBe(415)
    expect(await status(packed.subarray(0, 40), 'gzip')).toBe(400)
  })

  test('too many requests of one address are told when to come again', async () => {
    await using shop = await start({ requestsPerSecond: 1 })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await shop.post('/v1/events', view(`e${i}`))).status)
    expect(statuses).toEqual([200, 200, 429])
  })
})

describe('acknowledgement', () => {
  test('the answer waits for the broker, and is 503 when the broker says no', async () => {
    const sent = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    await using shop = await start({
      sink: {
        send() {
          asked.resolve()
          return sent.promise
        },
      },
    })
    let isAnswered = false
    const answer = shop.post('/v1/events', view('e1')).finally(() => (isAnswered = true))
    await asked.promise
    await new Promise((resolve) => setImmediate(resolve))
    expect(isAnswered).toBe(false)
    sent.reject(new Error('broker gone'))
    const { status, headers } = await answer
    expect([status, headers.get('retry-after')]).toEqual([503, '1'])
  })

  test('a broker that does not answer costs a bounded wait, and the room is given back', async () => {
    await using shop = await start({
      sink: { send: () => new Promise(() => {}) },
      outbox: { ackMs: 20 },
    })
    expect((await shop.post('/v1/events', view('e1'))).status).toBe(503)
    expect(shop.collector.outbox.pendingRequests).toBe(0)
  })

  test('what is under way is bounded: beyond it the answer is 503 at once', async () => {
    const stalled = Promise.withResolvers<void>()
    await using shop = await start({
      sink: { send: () => stalled.promise },
      outbox: { requests: 3 },
    })
    const waiting = [1, 2, 3].map((i) => shop.post('/v1/events', view(`e${i}`)))
    await expect.poll(() => shop.collector.outbox.pendingRequests).toBe(3)
    const refused = await shop.post('/v1/events', view('e4'))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    stalled.resolve()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await shop.post('/v1/events', view('e5'))).status).toBe(200)
  })

  test('a slow sender holds no more room than it sent', async () => {
    await using shop = await start({ outbox: { bytes: 1000 } })
    const sockets = Array.from({ length: 20 }, () => connect(Number(new URL(shop.url).port)))
    for (const socket of sockets) {
      socket.write('POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{')
    }
    await expect.poll(() => shop.collector.outbox.pendingBytes).toBe(20)
    expect((await shop.post('/v1/events', view('e1'))).status).toBe(200)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => shop.collector.outbox.pendingBytes).toBe(0)
  })

  test('bytes under way are bounded too, and one request alone always passes', async () => {
    const stalled = Promise.withResolvers<void>()
    await using shop = await start({ sink: { send: () => stalled.promise }, outbox: { bytes: 50 } })
    const first = shop.post('/v1/events', view('e1'))
    await expect.poll(() => shop.collector.outbox.pendingBytes).toBeGreaterThan(50)
    expect((await shop.post('/v1/events', view('e2'))).status).toBe(503)
    stalled.resolve()
    expect((await first).status).toBe(200)
  })

  test('requests that come together share a send', async () => {
    await using shop = await start()
    await Promise.all(Array.from({ length: 50 }, (_, i) => shop.post('/v1/events', view(`e${i}`))))
    expect(shop.sink.events()).toHaveLength(50)
    expect(shop.sink.batches.length).toBeLessThan(40)
  })
})

describe('who may post', () => {
  const post = async (shop: TestCollector, headers: Record<string, string>) =>
    (await shop.post('/v1/events', view('e1'), headers)).status

  test('pages of this host, of loopback and of configured origins may; others and null may not', async () => {
    await using shop = await start({
      guard: { allowedHosts: [], allowedOrigins: ['https://shop.example'] },
    })
    expect(await post(shop, { origin: shop.url })).toBe(200)
    expect(await post(shop, { origin: 'http://localhost:3000' })).toBe(200)
    expect(await post(shop, { origin: 'https://shop.example' })).toBe(200)
    for (const origin of ['https://evil.example', 'null', 'https://shop.example.evil', 'x']) {
      expect([origin, await post(shop, { origin })]).toEqual([origin, 403])
    }
    expect(await post(shop, { 'sec-fetch-site': 'cross-site' })).toBe(403)
  })

  test('a page asks first, and is answered with its origin', async () => {
    await using shop = await start()
    const answer = await fetch(`${shop.url}/v1/events`, {
      method: 'OPTIONS',
      headers: { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' },
    })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
  })

  test('a browser may call this server only by its own names', async () => {
    await using shop = await start({ guard: { allowedHosts: ['shop'], allowedOrigins: [] } })
    const { port } = new URL(shop.url)
    const status = async (host: string) => {
      const answer = await exchange(
        shop,
        `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
      return Number(answer.split(' ')[1])
    }
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'shop:80']) {
      expect(await status(host)).toBe(200)
    }
    for (const host of [`evil.example:${port}`, 'localhost:1', 'shop.evil.example']) {
      expect(await status(host)).toBe(403)
    }
    for (const host of ['a b', '@', `localhost:${port}x`]) expect(await status(host)).toBe(400)
  })
})

/** The bytes of one request, and all that is answered until the server closes. */
function exchange({ url }: TestCollector, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(request))
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}
