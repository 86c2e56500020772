// The frame around every page: head, header with search, cart and account, footer with currency, and the report.

import { html, raw } from 'hono/html'
import { unitsOf } from './cart.ts'
import { currencies } from './offers.ts'
import type { Offers } from './offers.ts'
import type { Report } from './report.ts'
import type { Visitor } from './visitor.ts'

export type Markup = ReturnType<typeof html>

export interface Frame {
  title: string
  visitor: Visitor
  offers: Offers
  categories: readonly { name: string; slug: string }[]
  report: Report
  /** Where a form of the frame comes back to. */
  path: string
  query?: string
}

export const shopName = 'Tern & Tiller'

export function layout(frame: Frame, main: Markup): Markup {
  const { title, report } = frame
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title === '' ? shopName : `${title} · ${shopName}`}</title>
        <link rel="icon" href="/storefront/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/storefront/style.css" />
        <script type="module" src="/storefront/script.js"></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        ${header(frame)} ${saleStrip(frame.offers)}
        <main id="main" tabindex="-1">${main}</main>
        ${footer(frame)}
        <script type="application/json" id="report">
          ${raw(inScript(report))}
        </script>
      </body>
    </html>`
}

function header({ visitor, categories, query = '' }: Frame): Markup {
  const units = unitsOf(visitor.cart)
  return html`<header class="top">
    <div class="bar">
      <a class="brand" href="/" data-testid="home-link">${brandMark()}<span>${shopName}</span></a>
      <form class="search" role="search" action="/search" method="get">
        <label class="hidden" for="q">Search products</label>
        <input
          id="q"
          name="q"
          type="search"
          value="${query}"
          placeholder="Search: kettle, rope, tea"
          maxlength="80"
          autocomplete="off"
          data-testid="search-input"
        />
        <button type="submit" data-testid="search-button">Search</button>
      </form>
      <nav class="own" aria-label="Your shop">
        <a href="/account" data-testid="account-link">${visitor.account ?? 'Log in'}</a>
        <a href="/cart" data-testid="cart-link"
          >Cart <span class="count" data-testid="cart-count">${units}</span
          ><span class="hidden"> ${units === 1 ? 'item' : 'items'}</span></a
        >
      </nav>
    </div>
    <nav class="categories" aria-label="Categories">
      <ul>
        ${categories.map(({ name, slug }) => html`<li><a href="/categories/${slug}">${name}</a></li>`)}
      </ul>
    </nav>
  </header>`
}

function saleStrip({ sale }: Offers): Markup | '' {
  if (!sale) return ''
  const until = new Date(sale.toMs).toISOString()
  return html`<p class="sale" role="status" data-testid="sale">
    <strong>${sale.percentOff} % off everything</strong> until
    <time datetime="${until}">${until.slice(11, 16)} UTC</time>
  </p>`
}

function footer({ visitor, path }: Frame): Markup {
  return html`<footer class="bottom">
    <form action="/currency" method="post">
      <input type="hidden" name="back" value="${path}" />
      <label for="currency">Prices in</label>
      <select id="currency" name="currency" data-testid="currency">
        ${currencies.map((each) => html`<option value="${each}" ${each === visitor.currency ? raw(' selected') : ''}>${each}</option>`)}
      </select>
      <button type="submit">Change</button>
    </form>
    <p>
      A shop that does not exist, for Slipway. Nothing is sold or sent. <a href="/about">About</a>
    </p>
  </footer>`
}

function brandMark(): Markup {
  return html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path
      d="M2 17c3-2 5-2 8 0s5 2 8 0 3-1 4-1M12 3v10M12 4l6 8h-6M12 6L7 12h5"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>`
}

/** JSON that cannot end the element it stands in. */
function inScript(report: Report): string {
  return JSON.stringify(report).replaceAll('<', '\\u003c')
}
