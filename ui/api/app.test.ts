// The app through its front door: who may ask, what every answer carries, what is passed on, what is absent.

import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { fixtureApp, listenOn } from '../testing.ts'

const own = 'http://127.0.0.1:4400'
const get = (
  app: ReturnType<typeof fixtureApp>['app'],
  path: string,
  headers: Record<string, string> = {},
) => app.request(`${own}${path}`, { headers: { host: '127.0.0.1:4400', ...headers } })

const hosts: readonly [host: string | undefined, allowed: boolean][] = [
  ['127.0.0.1:4400', true],
  ['localhost:4400', true],
  ['LOCALHOST', true],
  ['[::1]:4400', true],
  ['shop.internal:4400', true],
  ['127.0.0.1.evil.example', false],
  ['evil.example:4400', false],
  ['localhost.evil.example', false],
  ['169.254.169.254', false],
  ['0.0.0.0:4400', false],
  ['a b', false],
  ['[::1', false],
  ['127.0.0.1:4400:1', false],
  ['', false],
  [undefined, false],
]
const origins: readonly [headers: Record<string, string>, allowed: boolean][] = [
  [{}, true],
  [{ 'sec-fetch-site': 'same-origin' }, true],
  [{ 'sec-fetch-site': 'none' }, true],
  [{ 'sec-fetch-site': 'same-site' }, false],
  [{ 'sec-fetch-site': 'cross-site' }, false],
  [{ origin: 'null' }, false],
  [{ origin: 'https://evil.example' }, false],
  [{ origin: 'http://127.0.0.1:9999' }, false],
]
const routes: readonly [method: string, path: string][] = [
  ['GET', '/api/health'],
  ['GET', '/api/cloud'],
  ['GET', '/api/live/snapshot'],
  ['GET', '/api/live/feed/1'],
  ['GET', '/api/history/tables'],
  ['GET', '/api/history/positions'],
  ['GET', '/api/past'],
  ['GET', '/api/shop/annotations'],
  ['GET', '/api/shop/products'],
  ['POST', '/__test/clock'],
  ['POST', '/__test/settle'],
  ['GET', '/__test/events'],
  ['POST', '/control/clock'],
]

describe('who may ask', () => {
  test('every route under every Host and Origin: only our own names and pages', async () => {
    const { app } = fixtureApp({
      hostNames: ['shop.internal'],
      settle: async () => ({ settled: true, behind: [], positions: {} }),
    })
    const wrong: string[] = []
    let asked = 0
    for (const [host, isOwnName] of hosts) {
      for (const [headers, isOwnPage] of origins) {
        for (const [method, path] of routes) {
          asked++
          const response = await app.request(`${own}${path}`, {
            method,
            headers: {
              ...(host === undefined ? {} : { host }),
              ...headers,
              ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
            },
            ...(method === 'POST' ? { body: '{"advanceMs":0}' } : {}),
          })
          const expected = !isOwnName ? [400] : !isOwnPage ? [403] : [200, 404, 502]
          if (!expected.includes(response.status)) {
            wrong.push(`${host} ${JSON.stringify(headers)} ${method} ${path}: ${response.status}`)
          }
        }
      }
    }
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(1000)
  })

  test('a page of ours that names its own origin is let in', async () => {
    const { app } = fixtureApp()
    const response = await get(app, '/api/health', { origin: own })
    expect(response.status).toBe(200)
  })

  test('a form cannot reach a route that changes something: JSON only', async () => {
    const settle = vi.fn()
    const { app } = fixtureApp({ settle })
    const response = await app.request(`${own}/__test/settle`, {
      method: 'POST',
      headers: { host: '127.0.0.1', 'content-type': 'text/plain' },
      body: '{}',
    })
    expect(response.status).toBe(415)
    expect(settle).not.toHaveBeenCalled()
  })
})

describe('every answer', () => {
  test.each(['/', '/live', '/history', '/api/health', '/nowhere', '/assets/none.js'])(
    '%s carries the headers, without unsafe-inline anywhere',
    async (path) => {
      const { app } = fixtureApp()
      const response = await get(app, path)
      const policy = response.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'self'")
      expect(policy).toContain("object-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin')
      expect(response.headers.get('strict-transport-security')).toBeNull()
      expect(response.headers.get('x-request-id')).not.toBeNull()
    },
  )

  test('pages get the entry page, brotli where it is taken, and unknown paths are 404', async () => {
    const { app } = fixtureApp()
    const page = await get(app, '/history', { 'accept-encoding': 'gzip, br' })
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-encoding')).toBe('br')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const plain = await get(app, '/live')
    expect(plain.headers.get('content-encoding')).toBeNull()
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(await plain.text())?.[1] ?? ''
    const asset = await get(app, script)
    expect(asset.headers.get('cache-control')).toContain('immutable')
    expect((await get(app, '/../package.json')).status).toBe(404)
    expect((await get(app, '/assets/..%2f..%2fmain.ts')).status).toBe(404)
  })
})

describe('health', () => {
  test('names each part, ready or not, with what it waits for', async () => {
    const ready = await listenOn(new Hono().get('/readyz', (c) => c.json({})).fetch, 0)
    const starting = await listenOn(
      new Hono().get('/readyz', (c) => c.json({ detail: 'warming up' }, 503)).fetch,
      0,
    )
    const controls = {
      history: `http://127.0.0.1:${ready.port}`,
      processor: `http://127.0.0.1:${starting.port}`,
      shop: 'http://127.0.0.1:1',
    }
    const { app } = fixtureApp({ controls })
    const health = (await (await get(app, '/api/health')).json()) as {
      parts: Record<string, { state: string; detail: string }>
    }
    expect(health.parts['history']).toMatchObject({ state: 'ready' })
    expect(health.parts['processor']).toMatchObject({ state: 'starting', detail: 'warming up' })
    expect(health.parts['shop']).toMatchObject({ state: 'away' })
    await Promise.all([ready.close(), starting.close()])
  })
})

describe('history', () => {
  test('is asked with the page’s own question, and again within a second from memory', async () => {
    const asked = vi.fn()
    const history = new Hono().get('/v1/metrics/:id', (c) => {
      asked(c.req.url.split('/v1')[1])
      return c.json({ value: 7 })
    })
    const server = await listenOn(history.fetch, 0)
    const { app } = fixtureApp({ historyUrl: `http://127.0.0.1:${server.port}` })
    const path =
      '/api/history/metrics/orders?from=2026-11-01T00:00:00Z&tz=Europe/Amsterdam&by=device'
    expect(await (await get(app, path)).json()).toEqual({ value: 7 })
    expect(await (await get(app, path)).json()).toEqual({ value: 7 })
    expect(asked.mock.calls).toEqual([
      ['/metrics/orders?from=2026-11-01T00:00:00Z&tz=Europe/Amsterdam&by=device'],
    ])
    await server.close()
  })

  test('passes a refusal on as it is, and never keeps it', async () => {
    let asked = 0
    const history = new Hono().get('/v1/metrics/:id', (c) => {
      asked++
      return c.json({ error: 'no such grain', hint: 'use day' }, 400)
    })
    const server = await listenOn(history.fetch, 0)
    const { app } = fixtureApp({ historyUrl: `http://127.0.0.1:${server.port}` })
    for (const time of [1, 2]) {
      const response = await get(app, '/api/history/metrics/orders?grain=x')
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual({ error: 'no such grain', hint: 'use day' })
      expect(asked).toBe(time)
    }
    await server.close()
  })

  test('that is away is said in plain words with the next step', async () => {
    const { app } = fixtureApp({ historyUrl: 'http://127.0.0.1:1' })
    const response = await get(app, '/api/history/metrics/orders')
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: 'History did not answer.' })
  })

  test('reaches only the routes the page needs', async () => {
    const { app } = fixtureApp({ historyUrl: 'http://127.0.0.1:1' })
    expect((await get(app, '/api/history/metrics/..%2f..%2fsql')).status).toBe(404)
    expect((await get(app, '/api/history/sql')).status).toBe(404)
    expect((await get(app, '/api/history/tables/events/rows')).status).toBe(404)
  })
})

describe('annotations', () => {
  test('are the shop’s, and none where it does not answer', async () => {
    const annotations = [{ kind: 'sale', from: 'a', to: 'b', label: 'Sale' }]
    const shop = new Hono().get('/v1/annotations', (c) => c.json({ annotations }))
    const server = await listenOn(shop.fetch, 0)
    const { app } = fixtureApp({ shopUrl: `http://127.0.0.1:${server.port}` })
    expect(await (await get(app, '/api/shop/annotations?from=a&to=b')).json()).toEqual({
      annotations,
    })
    await server.close()
    const without = await get(app, '/api/shop/annotations?from=a&to=b')
    expect(await without.json()).toEqual({ annotations: [] })
  })
})

test('without a cloud side its live view is refused with what to do, and never answered by the local one', async () => {
  const { app } = fixtureApp()
  for (const path of ['/api/live', '/api/live/snapshot', '/api/live/feed/1']) {
    const response = await get(app, `${path}?src=cloud`)
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({
      hint: expect.stringContaining('--cloud emulator'),
    })
  }
})
