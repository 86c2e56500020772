// The storefront: a small shop to click through, one route per page and form. Pages are made on the server; all that
// happens on them is reported to the collector by the page's script. A form answers with a redirect, so that a reload
// does nothing twice.

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { bodyLimit } from 'hono/body-limit'
import type { Hono } from 'hono'
import type { DomainClock } from '#stack/base/clock.ts'
import { isoTime, KiB } from '#stack/base/units.ts'
import type { Catalogue } from '#stack/contract/catalogue.ts'
import type { ShopContext, ShopEnv } from '../collector/routes.ts'
import type { Sale } from '../simulate/sales.ts'
import {
  accountPage,
  addressPage,
  cartPage,
  donePage,
  paymentMethods,
  paymentPage,
} from './buying-pages.ts'
import { itemsOf, lineOf, quantityMost, totalMinor, withAdded, withQuantity } from './cart.ts'
import { layout } from './layout.ts'
import type { Markup } from './layout.ts'
import { categoriesOf, currencies, itemOf, offersAt } from './offers.ts'
import type { Offer, Offers } from './offers.ts'
import type { Order, OrderBook } from './order-book.ts'
import { aboutPage, categoryPage, homePage, missingPage, productPage, searchPage } from './pages.ts'
import { cartData, deedEvents, event, reportOf } from './report.ts'
import type { ReportedEvent } from './report.ts'
import * as visitors from './visitor.ts'
import type { Deed, Visitor } from './visitor.ts'

export interface StorefrontOptions {
  catalogue: Catalogue
  domainClock: DomainClock
  orders: OrderBook
  saleAt(timeMs: number): Sale | null
}

interface Page {
  title: string
  pageType: string
  main: Markup
  events?: readonly ReportedEvent[]
  query?: string
  status?: 200 | 404
}

const assets = {
  '/storefront/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/storefront/script.js': ['script.js', 'text/javascript; charset=utf-8'],
  '/storefront/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const

export function addStorefrontRoutes(app: Hono<ShopEnv>, options: StorefrontOptions): void {
  for (const [path, [file, type]] of Object.entries(assets)) {
    const body = readFileSync(new URL(file, import.meta.url), 'utf8')
    app.get(path, (context) => {
      context.header('content-type', type)
      context.header('cache-control', 'public, max-age=300')
      return context.body(body)
    })
  }
  const shop = new Shop(options)
  addPages(app, shop)
  addForms(app, shop)
  // Collectors and probes are answered by the app; who asks for a page gets one.
  app.notFound((context) =>
    context.req.header('accept')?.includes('text/html')
      ? shop.page(context, missing)
      : context.text('404 Not Found', 404),
  )
}

function addPages(app: Hono<ShopEnv>, shop: Shop): void {
  app.get('/', (context) =>
    shop.page(context, (_visitor, offers) => ({
      title: '',
      pageType: 'home',
      main: homePage(offers),
    })),
  )
  app.get('/about', (context) =>
    shop.page(context, () => ({ title: 'About', pageType: 'other', main: aboutPage() })),
  )
  app.get('/categories/:slug', (context) =>
    shop.page(context, (visitor, offers) => {
      const found = offers.inCategory(context.req.param('slug'))
      return found.length === 0
        ? missing()
        : category(shop, visitor, context.req.param('slug'), found)
    }),
  )
  app.get('/products/:id', (context) =>
    shop.page(context, (visitor, offers) => {
      const offer = offers.of(context.req.param('id'))
      return offer ? product(visitor, offers, offer) : missing()
    }),
  )
  app.get('/search', (context) =>
    shop.page(context, (_visitor, offers) => search(offers, context.req.query('q') ?? '')),
  )
  app.get('/cart', (context) => shop.page(context, cart))
  app.get('/checkout', (context) =>
    shop.page(context, (visitor, offers) => {
      if (visitor.cart.lines.length === 0) return cart(visitor, offers)
      const begin = event('begin_checkout', cartData(visitor, offers), visitor.cart.cartId)
      const main = addressPage(visitor.address, itemsOf(visitor.cart, offers), visitor.currency)
      return { title: 'Checkout', pageType: 'checkout', main, events: [begin] }
    }),
  )
  app.get('/checkout/payment', (context) =>
    shop.page(context, (visitor, offers) => {
      if (visitor.cart.lines.length === 0) return cart(visitor, offers)
      const main = paymentPage(itemsOf(visitor.cart, offers), visitor.currency)
      return { title: 'Payment', pageType: 'checkout', main }
    }),
  )
  app.get('/checkout/done/:orderId', (context) =>
    shop.page(context, (visitor) => {
      const order = shop.orders.order(context.req.param('orderId'))
      const isOwn =
        order && (order.anonymousId === visitor.anonymousId || isAccounts(order, visitor))
      return isOwn ? done(order) : missing()
    }),
  )
  app.get('/account', (context) =>
    shop.page(context, (visitor) => ({
      title: 'Account',
      pageType: 'other',
      main: accountPage(visitor, shop.orders.ordersOf(visitor)),
    })),
  )
}

function addForms(app: Hono<ShopEnv>, shop: Shop): void {
  const forms: Record<string, (context: ShopContext, form: Form) => string> = {
    '/cart/add': (context, form) => shop.addToCart(context, form),
    '/cart/change': (context, form) => shop.changeCart(context, form),
    '/checkout/address': (context, form) => shop.keepAddress(context, form),
    '/checkout/payment': (context, form) => shop.placeOrder(context, form),
    '/account/login': (context, form) => shop.logIn(context, form),
    '/account/logout': (context) => shop.logOut(context),
    '/account/privacy': (context, form) => shop.keepPrivacy(context, form),
    '/currency': (context, form) => shop.changeCurrency(context, form),
  }
  for (const [path, act] of Object.entries(forms)) {
    app.post(path, bodyLimit({ maxSize: 16 * KiB }), async (context) => {
      const body = await context.req.parseBody()
      const back = act(context, (name) => textOf(body[name]))
      return context.redirect(back, 303)
    })
  }
}

/** A field of a form, trimmed; empty where it is missing. */
type Form = (name: string) => string

class Shop {
  readonly #options: StorefrontOptions

  constructor(options: StorefrontOptions) {
    this.#options = options
  }

  get orders(): OrderBook {
    return this.#options.orders
  }

  get categories(): { name: string; slug: string }[] {
    return categoriesOf(this.#options.catalogue)
  }

  page(
    context: ShopContext,
    make: (visitor: Visitor, offers: Offers) => Page,
  ): Response | Promise<Response> {
    const visitor = visitors.visitorOf(context)
    const offers = this.#offers(visitor)
    const page = make(visitor, offers)
    const events = [...deedEvents(visitor, offers), ...(page.events ?? [])]
    if (visitor.deeds.length > 0) visitors.forgetDeeds(context)
    context.header('cache-control', 'no-store')
    const frame = {
      title: page.title,
      visitor,
      offers,
      categories: this.categories,
      report: reportOf(visitor, { pageType: page.pageType, events }),
      path: context.req.path,
      ...(page.query !== undefined && { query: page.query }),
    }
    return context.html(layout(frame, page.main), page.status ?? 200)
  }

  addToCart(context: ShopContext, form: Form): string {
    const visitor = visitors.visitorOf(context)
    const offer = this.#offers(visitor).of(form('productId'))
    const quantity = Number(form('quantity'))
    if (!offer || !Number.isInteger(quantity) || quantity < 1 || quantity > quantityMost)
      return '/cart'
    const { productId, variants } = offer.product
    const variantId = variants.find((variant) => variant === form('variantId')) ?? variants[0]
    const before = lineOf(visitor.cart, { productId, variantId })?.quantity ?? 0
    const cart = withAdded(visitor.cart, { productId, variantId, quantity })
    const added = (lineOf(cart, { productId, variantId })?.quantity ?? 0) - before
    visitors.keepCart(context, cart)
    if (added > 0) report(context, visitor, { kind: 'add', productId, variantId, quantity: added })
    return '/cart'
  }

  changeCart(context: ShopContext, form: Form): string {
    const visitor = visitors.visitorOf(context)
    const productId = form('productId')
    const variantId = form('variantId') === '' ? undefined : form('variantId')
    const known = lineOf(visitor.cart, { productId, variantId })
    const quantity = Number(form('quantity'))
    if (!known || !Number.isInteger(quantity) || quantity < 0 || quantity > quantityMost)
      return '/cart'
    visitors.keepCart(context, withQuantity(visitor.cart, { productId, variantId, quantity }))
    const change = quantity - known.quantity
    const kind = change > 0 ? 'add' : 'remove'
    if (change !== 0)
      report(context, visitor, { kind, productId, variantId, quantity: Math.abs(change) })
    return '/cart'
  }

  keepAddress(context: ShopContext, form: Form): string {
    const visitor = visitors.visitorOf(context)
    const [name, street, city, country] = ['name', 'street', 'city', 'country'].map((field) =>
      form(field).slice(0, 80),
    ) as [string, string, string, string]
    if ([name, street, city, country].includes('')) return '/checkout'
    visitors.keepAddress(context, { name, street, city, country })
    report(context, visitor, { kind: 'contact' })
    return '/checkout/payment'
  }

  placeOrder(context: ShopContext, form: Form): string {
    const visitor = visitors.visitorOf(context)
    const items = itemsOf(visitor.cart, this.#offers(visitor))
    if (items.length === 0) return '/cart'
    if (!visitor.address) return '/checkout'
    const orderId = `order-${randomUUID().slice(0, 13)}`
    const method = Object.hasOwn(paymentMethods, form('method')) ? form('method') : 'card'
    const itemsTotalMinor = totalMinor(items)
    this.orders.place({
      orderId,
      placedAt: isoTime(this.#options.domainClock.now()),
      anonymousId: visitor.anonymousId,
      account: visitor.account,
      cartId: visitor.cart.cartId,
      data: {
        orderId,
        currency: visitor.currency,
        items,
        itemsTotalMinor,
        shippingMinor: 0,
        totalMinor: itemsTotalMinor,
        paymentMethod: method,
      },
    })
    return this.#handOver(context, visitor, orderId)
  }

  logIn(context: ShopContext, form: Form): string {
    const visitor = visitors.visitorOf(context)
    const account = form('account')
    if (!/[\p{L}\p{N}]/u.test(account)) return '/account'
    visitors.keepAccount(context, account)
    report(context, visitor, { kind: 'identify' })
    return visitor.cart.lines.length > 0 ? '/cart' : '/account'
  }

  logOut(context: ShopContext): string {
    visitors.keepAccount(context, '')
    return '/account'
  }

  keepPrivacy(context: ShopContext, form: Form): string {
    visitors.keepConsent(context, form('analytics') === 'true', form('marketing') === 'true')
    return '/account'
  }

  changeCurrency(context: ShopContext, form: Form): string {
    const currency = currencies.find((each) => each === form('currency'))
    if (currency !== undefined) visitors.keepCurrency(context, currency)
    const back = form('back')
    // Only ever to a page of this shop.
    return /^\/(?![/\\])[\w/.-]*$/.test(back) ? back : '/'
  }

  /** The order's page reports the purchase; the next cart is another one. */
  #handOver(context: ShopContext, visitor: Visitor, orderId: string): string {
    visitors.keepCart(context, visitors.newCart())
    visitors.keepDeeds(context, [])
    return `/checkout/done/${orderId}`
  }

  #offers(visitor: Visitor): Offers {
    const nowMs = this.#options.domainClock.now()
    const { currency } = visitor
    return offersAt(this.#options.catalogue, { nowMs, currency, sale: this.#options.saleAt(nowMs) })
  }
}

function category(shop: Shop, visitor: Visitor, slug: string, found: readonly Offer[]): Page {
  const name = shop.categories.find((each) => each.slug === slug)?.name ?? slug
  const items = found.slice(0, 20).map((offer, position) => ({
    ...itemOf(offer, 1, undefined),
    position,
  }))
  const list = event('view_item_list', { items, listName: name, currency: visitor.currency })
  return { title: name, pageType: 'category', main: categoryPage(name, found), events: [list] }
}

function product(visitor: Visitor, offers: Offers, offer: Offer): Page {
  const items = [itemOf(offer, 1, undefined)]
  const view = event('view_item', { items, currency: visitor.currency })
  return {
    title: offer.product.name,
    pageType: 'product',
    main: productPage(offer, offers),
    events: [view],
  }
}

function search(offers: Offers, text: string): Page {
  const words = text.trim().slice(0, 80)
  const found = offers.search(words)
  const searched = event('search', { query: words, resultCount: found.length })
  const events = words === '' ? [] : [searched]
  return {
    title: 'Search',
    pageType: 'search',
    main: searchPage(words, found),
    events,
    query: words,
  }
}

function cart(visitor: Visitor, offers: Offers): Page {
  const view = event('view_cart', cartData(visitor, offers), visitor.cart.cartId)
  const main = cartPage(itemsOf(visitor.cart, offers), offers, visitor.currency)
  return { title: 'Cart', pageType: 'cart', main, events: [view] }
}

/** Reported with ids of the order's own, so that a reload reports nothing new. */
function done(order: Order): Page {
  const { orderId, cartId, data } = order
  const paid = { step: 2, option: 'payment' }
  const events: ReportedEvent[] = [
    { eventId: `${orderId}-payment`, name: 'checkout_step', cartId, data: paid },
    { eventId: `${orderId}-purchase`, name: 'purchase', cartId, data },
  ]
  return { title: 'Thank you', pageType: 'confirmation', main: donePage(order), events }
}

function missing(): Page {
  return { title: 'Not found', pageType: 'other', main: missingPage(), status: 404 }
}

function isAccounts(order: Order, visitor: Visitor): boolean {
  return order.account !== undefined && order.account === visitor.account
}

function report(
  context: ShopContext,
  visitor: Visitor,
  deed: Omit<Deed, 'eventId' | 'variantId'> & { variantId?: string | undefined },
): void {
  const { variantId, ...rest } = deed
  const told: Deed = {
    ...rest,
    eventId: randomUUID(),
    ...(variantId !== undefined && { variantId }),
  }
  visitors.keepDeeds(context, [...visitor.deeds, told])
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : ''
}
