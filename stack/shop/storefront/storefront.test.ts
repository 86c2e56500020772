// Clicking through the storefront: what the pages show, what they report, what a reload keeps.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { DomainClock, ManualClock } from '#stack/base/clock.ts'
import { loadCatalogue } from '#stack/contract/catalogue.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { ShopEnv } from '../collector/routes.ts'
import type { Sale } from '../simulate/sales.ts'
import { openOrderBook } from './order-book.ts'
import type { Report } from './report.ts'
import { addStorefrontRoutes } from './storefront.ts'

const nowMs = Date.parse('2026-06-10T12:00:00.000Z')

describe('the storefront', () => {
  test('shows products, and each product with its price and picture', async () => {
    const browser = openShop()
    const home = await browser.get('/')
    expect(home.status).toBe(200)
    expect(home.text.match(/data-testid="product-card"/g)?.length).toBe(12)
    const product = await browser.get('/products/TT-001')
    expect(product.text).toContain('<h1>Tin kettle, 1.2 litre</h1>')
    expect(product.text).toContain('€37.70')
    expect(product.text).toContain('<svg class="picture"')
    expect(names(product.report)).toEqual(['page_view', 'view_item'])
  })

  test('finds products by words, and says when there are none', async () => {
    const browser = openShop()
    const found = await browser.get('/search?q=rope')
    expect(found.text).toMatch(/\d+ products/)
    expect(found.report.events[1]).toMatchObject({ name: 'search', data: { query: 'rope' } })
    expect((await browser.get('/search?q=submarine')).text).toContain('0 products')
  })

  test('escapes what people type', async () => {
    const page = await openShop().get(`/search?q=${encodeURIComponent('</script><b>x')}`)
    expect(page.text).not.toContain('<b>x')
    expect(page.report.events[1]?.data['query']).toBe('</script><b>x')
  })

  test('reports what was put into the cart once, with its price and the total', async () => {
    const browser = openShop()
    await browser.post('/cart/add', { productId: 'TT-001', quantity: '2' })
    const first = await browser.get('/cart')
    expect(names(first.report)).toEqual(['page_view', 'add_to_cart', 'view_cart'])
    const added = first.report.events[1]
    expect(added?.data).toMatchObject({ currency: 'EUR', cartTotalMinor: 7540 })
    expect(added?.data.items).toMatchObject([
      { productId: 'TT-001', quantity: 2, unitPriceMinor: 3770 },
    ])
    expect(names((await browser.get('/cart')).report)).toEqual(['page_view', 'view_cart'])
  })

  test('keeps the cart through a reload and a restart', async () => {
    const browser = openShop()
    await browser.post('/cart/add', { productId: 'TT-008', variantId: 'navy', quantity: '1' })
    const restarted = openShop({ cookies: browser.cookies })
    expect((await restarted.get('/cart')).text).toContain('Enamel mug, navy')
  })

  test('changes and removes lines, and reports the difference', async () => {
    const browser = openShop()
    await browser.post('/cart/add', { productId: 'TT-001', quantity: '3' })
    await browser.get('/cart')
    await browser.post('/cart/change', { productId: 'TT-001', variantId: '', quantity: '1' })
    const fewer = await browser.get('/cart')
    expect(fewer.report.events[1]).toMatchObject({
      name: 'remove_from_cart',
      data: { items: [{ productId: 'TT-001', quantity: 2 }] },
    })
    await browser.post('/cart/change', { productId: 'TT-001', variantId: '', quantity: '0' })
    const empty = await browser.get('/cart')
    expect(empty.text).toContain('data-testid="cart-empty"')
    expect(empty.report.events.at(-1)?.data).toEqual({})
  })

  test('leads from the cart to an order that is reported once and listed afterwards', async () => {
    const browser = openShop()
    await browser.post('/cart/add', { productId: 'TT-001', quantity: '1' })
    const { cartId } = (await browser.get('/cart')).report.events[1] ?? {}
    const checkout = await browser.get('/checkout')
    expect(checkout.report.events.at(-1)).toMatchObject({ name: 'begin_checkout', cartId })
    const address = { name: 'Ada', street: 'Quay 1', city: '20457 Hamburg', country: 'Germany' }
    expect(await browser.post('/checkout/address', address)).toBe('/checkout/payment')
    expect(names((await browser.get('/checkout/payment')).report)).toContain('checkout_step')
    const doneAt = await browser.post('/checkout/payment', { method: 'wallet' })
    const done = await browser.get(doneAt)
    const [, step, purchase] = done.report.events
    expect(step).toMatchObject({ name: 'checkout_step', cartId, data: { option: 'payment' } })
    expect(purchase).toMatchObject({ name: 'purchase', cartId, data: { itemsTotalMinor: 3770 } })
    const again = await browser.get(doneAt)
    expect(again.report.events[2]?.eventId).toBe(purchase?.eventId)
    expect((await browser.get('/cart')).text).toContain('data-testid="cart-empty"')
    expect((await browser.get('/account')).text).toContain(purchase?.data.orderId)
    expect((await openShop().get(doneAt)).status).toBe(404)
  })

  test('lists orders after a restart, of the account or of the browser', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-storefront-'))
    const browser = openShop({ dataDir })
    await browser.post('/account/login', { account: 'Ada' })
    await browser.post('/cart/add', { productId: 'TT-001', quantity: '1' })
    await browser.post('/checkout/address', { name: 'Ada', street: 'a', city: 'b', country: 'c' })
    const orderId = (await browser.post('/checkout/payment', { method: 'card' })).split('/').at(-1)
    const elsewhere = openShop({ dataDir })
    expect((await elsewhere.get('/account')).text).not.toContain(orderId)
    await elsewhere.post('/account/login', { account: 'Ada' })
    expect((await elsewhere.get('/account')).text).toContain(orderId)
  })

  test('reports a log-in, and the account with every page until the log-out', async () => {
    const browser = openShop()
    await browser.post('/account/login', { account: 'Ada Lovelace' })
    const page = await browser.get('/account')
    expect(names(page.report)).toEqual(['page_view', 'identify'])
    expect(page.report.userId).toBe('user-ada-lovelace')
    await browser.post('/account/logout', {})
    expect((await browser.get('/account')).report.userId).toBeUndefined()
  })

  test('takes a sale off prices and events', async () => {
    const sale = { fromMs: nowMs - 1, toMs: nowMs + 1, percentOff: 15, label: 'Sale' }
    const browser = openShop({ sale })
    const page = await browser.get('/products/TT-001')
    expect(page.text).toContain('15 % off everything')
    expect(page.report.events[1]?.data.items).toMatchObject([{ discountMinor: 566 }])
    expect(page.text).toContain('€32.04')
  })

  test('shows prices in the currency that was chosen, and goes back only to its own pages', async () => {
    const browser = openShop()
    expect(await browser.post('/currency', { currency: 'JPY', back: '/products/TT-001' })).toBe(
      '/products/TT-001',
    )
    expect((await browser.get('/products/TT-001')).text).toMatch(/¥\d/)
    for (const back of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
      expect(await browser.post('/currency', { currency: 'EUR', back })).toBe('/')
    }
  })

  test.each([
    ['slipway_cart', '~~~....~%%%~a.b.c'],
    ['slipway_deeds', '[{"kind":7},null]'],
    ['slipway_deeds', '{"broken'],
    ['slipway_address', '[]'],
    ['slipway_id', '<script>'],
    ['slipway_consent', 'x'],
  ])('is not impressed by a cookie %s=%s', async (name, value) => {
    const page = await openShop({ cookies: new Map([[name, encodeURIComponent(value)]]) }).get(
      '/cart',
    )
    expect(page.status).toBe(200)
    expect(page.report.anonymousId).toMatch(/^[A-Za-z0-9-]{8,64}$/)
  })

  test('answers 404 for what it does not know', async () => {
    const browser = openShop()
    expect((await browser.get('/products/NOPE')).status).toBe(404)
    expect((await browser.get('/categories/nope')).status).toBe(404)
    expect((await browser.get('/checkout/done/nope')).status).toBe(404)
  })

  test('an unknown address is a page for who asks for one, and a line for who does not', async () => {
    const browser = openShop()
    const page = await browser.get('/nowhere', { accept: 'text/html,*/*' })
    expect(page.status).toBe(404)
    expect(page.text).toContain('There is no such page')
    expect((await browser.get('/nowhere')).text).toBe('404 Not Found')
  })

  test('a product is shown with others of its category, without itself', async () => {
    const { text } = await openShop().get('/products/TT-001')
    const others = [...text.matchAll(/class="card" href="\/products\/([^"]+)"/g)].map(
      ([, id]) => id,
    )
    expect(others).toHaveLength(6)
    expect(others).not.toContain('TT-001')
  })

  test('reports only events that the collector accepts', async () => {
    const browser = openShop()
    await browser.post('/account/login', { account: 'Ada' })
    await browser.post('/cart/add', { productId: 'TT-031', variantId: 'L', quantity: '2' })
    await browser.post('/checkout/address', { name: 'Ada', street: 'a', city: 'b', country: 'c' })
    const paths = [
      '/',
      '/cart',
      '/products/TT-031',
      '/categories/galley',
      '/search?q=tea',
      '/checkout',
    ]
    const doneAt = await browser.post('/checkout/payment', { method: 'card' })
    for (const path of [...paths, doneAt]) {
      const { report } = await browser.get(path)
      for (const { eventId, name, cartId, data } of report.events) {
        const time = new Date(nowMs).toISOString()
        const { anonymousId, userId } = report
        const envelope = { schemaVersion: '1.0', eventTime: time, receivedAt: time, source: 'web' }
        const event = {
          ...envelope,
          eventId,
          name,
          cartId,
          data,
          anonymousId,
          userId,
          dialect: 'native',
        }
        expect(decodeEvent(JSON.stringify(event)), `${path} ${name}`).toMatchObject({ ok: true })
      }
    }
  })
})

interface Shown {
  status: number
  text: string
  report: Report
}

function openShop({
  cookies = new Map<string, string>(),
  dataDir,
  sale = null,
}: { cookies?: Map<string, string>; dataDir?: string; sale?: Sale | null } = {}) {
  const app = new Hono<ShopEnv>()
  addStorefrontRoutes(app, {
    catalogue: loadCatalogue(),
    domainClock: new DomainClock(new ManualClock(nowMs)),
    orders: openOrderBook(dataDir),
    saleAt: () => sale,
  })
  const jar = new Map(cookies)
  const call = async (path: string, init: RequestInit = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = new Headers(init.headers)
    headers.set('cookie', cookie)
    const response = await app.request(path, { ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/Max-Age=0/.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }
  return {
    cookies: jar,
    async get(path: string, headers: Record<string, string> = {}): Promise<Shown> {
      const response = await call(path, { headers })
      const text = await response.text()
      const json = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(text)?.[1]
      return { status: response.status, text, report: JSON.parse(json ?? 'null') as Report }
    },
    /** Where the form leads. */
    async post(path: string, fields: Record<string, string>): Promise<string> {
      const response = await call(path, { method: 'POST', body: new URLSearchParams(fields) })
      expect(response.status).toBe(303)
      return response.headers.get('location') ?? ''
    },
  }
}

function names(report: Report): string[] {
  return report.events.map((event) => event.name)
}
