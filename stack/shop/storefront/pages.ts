// The pages that show products: home, category, product, search, and the word about the shop. Each is the markup of
// its main part.

import { html } from 'hono/html'
import type { Product } from '#stack/contract/catalogue.ts'
import type { Markup } from './layout.ts'
import { formatMoney } from './money.ts'
import { categoryName, categorySlug } from './offers.ts'
import type { Offer, Offers } from './offers.ts'
import { picture } from './picture.ts'

const shownAtHome = 12
const shownBeside = 6

export function homePage(offers: Offers): Markup {
  return html`<section class="hero">
      <h1>Things for boats, huts and long weekends</h1>
      <p>Kettles that pour, rope that holds, jumpers that outlast the season.</p>
    </section>
    <h2>Often packed</h2>
    ${offerGrid(
      offers
        .all()
        .filter((_, i) => i % 9 === 2)
        .slice(0, shownAtHome),
    )}`
}

export function categoryPage(name: string, found: readonly Offer[]): Markup {
  const groups = Map.groupBy(found, ({ product }) => product.category?.split('/')[1] ?? name)
  return html`<h1>${name}</h1>
    ${[...groups].map(
      ([group, offers]) =>
        html`<section aria-label="${group}">
          <h2>${group}</h2>
          ${offerGrid(offers)}
        </section>`,
    )}`
}

export function searchPage(words: string, found: readonly Offer[]): Markup {
  const result = found.length === 1 ? '1 product' : `${found.length} products`
  return html`<h1>${words === '' ? 'Search' : `Search: ${words}`}</h1>
    <p role="status" data-testid="result-count">${result}</p>
    ${found.length > 0 ? offerGrid(found) : html`<p>Try one word, such as rope, tea or jumper.</p>`}`
}

export function productPage(offer: Offer, offers: Offers): Markup {
  const { product } = offer
  const { variants } = product
  return html`<nav class="crumbs" aria-label="Breadcrumb">
      <a href="/">Home</a> <span aria-hidden="true">/</span>
      <a href="/categories/${categorySlug(product)}">${categoryName(product)}</a>
    </nav>
    <article class="product" data-testid="product" data-product-id="${product.productId}">
      <div class="frame">${picture(product)}</div>
      <div>
        <h1>${product.name}</h1>
        <p class="quiet">${product.brand ?? ''}</p>
        <p class="price large" data-testid="price">${priceOf(offer)}</p>
        <form class="buy" action="/cart/add" method="post">
          <input type="hidden" name="productId" value="${product.productId}" />
          ${variants.length === 0 ? '' : variantChoice(variants)}
          <div class="field">
            <label for="quantity">Quantity</label>
            <input
              id="quantity"
              name="quantity"
              type="number"
              value="1"
              min="1"
              max="20"
              required
              data-testid="quantity"
            />
          </div>
          <button class="main" type="submit" data-testid="add-to-cart">Put into cart</button>
        </form>
        <p class="quiet">
          ${product.category?.replaceAll('/', ' › ') ?? ''} · ${product.productId}
        </p>
      </div>
    </article>
    ${besides(offer, offers)}`
}

/** Of the same kind first, then of the same category. */
function besides({ product }: Offer, offers: Offers): Markup {
  const others = offers
    .inCategory(categorySlug(product))
    .filter((each) => each.product.productId !== product.productId)
    .sort((a, b) => Number(isAkin(b.product)) - Number(isAkin(a.product)))
    .slice(0, shownBeside)
  function isAkin(other: Product): boolean {
    return other.category === product.category
  }
  if (others.length === 0) return html``
  return html`<section aria-labelledby="besides">
    <h2 id="besides">More from ${categoryName(product)}</h2>
    ${offerGrid(others)}
  </section>`
}

export function aboutPage(): Markup {
  return html`<h1>About this shop</h1>
    <p>
      Tern &amp; Tiller is the storefront of Slipway: what you look at, put into the cart and buy
      here becomes events in the broker, sessions and carts in the processor, and figures on the
      dashboard.
    </p>
    <p>
      Every product, brand and price is invented. What you type stays in cookies of your own
      browser.
    </p>`
}

export function missingPage(): Markup {
  return html`<h1>There is no such page</h1>
    <p>The product may have gone, or the address has a slip. <a href="/">Back to the shop</a></p>`
}

export function offerGrid(offers: readonly Offer[]): Markup {
  return html`<ul class="grid" data-testid="products">
    ${offers.map(
      (offer) =>
        html`<li>
          <a class="card" href="/products/${offer.product.productId}" data-testid="product-card">
            ${picture(offer.product)}
            <span class="name">${offer.product.name}</span>
            <span class="price">${priceOf(offer)}</span>
          </a>
        </li>`,
    )}
  </ul>`
}

function variantChoice(variants: readonly string[]): Markup {
  return html`<div class="field">
    <label for="variant">Choice</label>
    <select id="variant" name="variantId" data-testid="variant">
      ${variants.map((variant) => html`<option value="${variant}">${variant}</option>`)}
    </select>
  </div>`
}

function priceOf({ unitPriceMinor, discountMinor, currency }: Offer): Markup {
  const price = formatMoney(unitPriceMinor - discountMinor, currency)
  if (discountMinor === 0) return html`${price}`
  const before = formatMoney(unitPriceMinor, currency)
  return html`<ins><span class="hidden">Sale price </span>${price}</ins>
    <del><span class="hidden">before </span>${before}</del>`
}
