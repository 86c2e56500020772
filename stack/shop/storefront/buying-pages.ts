// The pages of buying: cart, address, payment, done; and the account with its orders.

import { html, raw } from 'hono/html'
import type { Item } from '#stack/contract/events.ts'
import { quantityMost, totalMinor } from './cart.ts'
import type { Markup } from './layout.ts'
import { formatMoney } from './money.ts'
import type { Offers } from './offers.ts'
import type { Order } from './order-book.ts'
import { picture } from './picture.ts'
import type { Address, Visitor } from './visitor.ts'

export const paymentMethods = { card: 'Card', wallet: 'Wallet', invoice: 'Invoice' } as const

export function cartPage(items: readonly Item[], offers: Offers, currency: string): Markup {
  if (items.length === 0) {
    return html`<h1>Your cart</h1>
      <p data-testid="cart-empty">Nothing in it yet. <a href="/">Look around</a></p>`
  }
  return html`<h1>Your cart</h1>
    <ul class="lines" data-testid="cart-lines">
      ${items.map((item, i) => cartLine(item, i, offers, currency))}
    </ul>
    <p class="total">
      Total <strong data-testid="cart-total">${formatMoney(totalMinor(items), currency)}</strong>
    </p>
    <p class="next"><a class="main" href="/checkout" data-testid="checkout">Go to checkout</a></p>`
}

function cartLine(item: Item, index: number, offers: Offers, currency: string): Markup {
  const { productId, variantId, quantity = 1 } = item
  const product = offers.of(productId)?.product
  const each = formatMoney(totalMinor([{ ...item, quantity: 1 }]), currency)
  const label = `${item.name}${variantId === undefined ? '' : `, ${variantId}`}`
  const hidden = html`<input type="hidden" name="productId" value="${productId}" />
    <input type="hidden" name="variantId" value="${variantId ?? ''}" />`
  return html`<li data-testid="cart-line" data-product-id="${productId}">
    ${product ? html`<span class="thumb">${picture(product)}</span>` : ''}
    <a href="/products/${productId}">${label}</a>
    <form action="/cart/change" method="post">
      ${hidden}
      <label class="hidden" for="quantity-${index}">Quantity of ${label}</label>
      <input
        id="quantity-${index}"
        name="quantity"
        type="number"
        min="0"
        max="${quantityMost}"
        value="${quantity}"
        required
        data-testid="line-quantity"
      />
      <button type="submit" data-testid="line-update">
        Update<span class="hidden"> ${label}</span>
      </button>
    </form>
    <form action="/cart/change" method="post">
      ${hidden}
      <input type="hidden" name="quantity" value="0" />
      <button class="plain" type="submit" data-testid="line-remove">
        Remove<span class="hidden"> ${label}</span>
      </button>
    </form>
    <span class="price"
      >${formatMoney(totalMinor([item]), currency)}${quantity > 1 ? html`<small>${each} each</small>` : ''}</span
    >
  </li>`
}

export function addressPage(
  address: Address | undefined,
  items: readonly Item[],
  currency: string,
): Markup {
  const field = (name: keyof Address, label: string, autocomplete: string) =>
    html`<div class="field">
      <label for="${name}">${label}</label>
      <input
        id="${name}"
        name="${name}"
        value="${address?.[name] ?? ''}"
        autocomplete="${autocomplete}"
        maxlength="80"
        required
        data-testid="${name}"
      />
    </div>`
  return html`${steps(1)}
    <h1>Where to?</h1>
    <div class="checkout">
      ${receipt(items, currency)}
      <form class="sheet" action="/checkout/address" method="post">
        ${field('name', 'Name', 'name')} ${field('street', 'Street and number', 'street-address')}
        ${field('city', 'Postcode and town', 'address-level2')}
        ${field('country', 'Country', 'country-name')}
        <button class="main" type="submit" data-testid="to-payment">Go to payment</button>
      </form>
    </div>`
}

export function paymentPage(items: readonly Item[], currency: string): Markup {
  const methods = Object.entries(paymentMethods)
  return html`${steps(2)}
    <h1>How do you pay?</h1>
    <div class="checkout">
      ${receipt(items, currency)}
      <form class="sheet" action="/checkout/payment" method="post">
        <fieldset>
          <legend>Payment</legend>
          ${methods.map(
            ([value, label], i) =>
              html`<label class="radio"
                ><input
                  type="radio"
                  name="method"
                  value="${value}"
                  ${i === 0 ? raw(' checked') : ''}
                  data-testid="pay-${value}"
                />
                ${label}</label
              >`,
          )}
        </fieldset>
        <button class="main" type="submit" data-testid="place-order">Place the order</button>
      </form>
    </div>`
}

export function donePage(order: Order): Markup {
  const { data, orderId } = order
  return html`${steps(3)}
    <h1>Thank you</h1>
    <p>
      Your order <strong data-testid="order-id">${orderId}</strong> is on its way, as far as a shop
      that does not exist can send anything.
    </p>
    ${receipt(data.items ?? [], data.currency ?? 'EUR', data.totalMinor)}
    <p><a href="/">Back to the shop</a></p>`
}

export function accountPage(visitor: Visitor, orders: readonly Order[]): Markup {
  return html`<h1>${visitor.account === undefined ? 'Log in' : `Hello, ${visitor.account}`}</h1>
    ${visitor.account === undefined ? logInForm() : logOutForm()}
    <section aria-labelledby="orders">
      <h2 id="orders">Your orders</h2>
      ${orderList(orders)}
    </section>
    <section aria-labelledby="privacy">
      <h2 id="privacy">What may be kept</h2>
      ${privacyForm(visitor)}
    </section>`
}

function logInForm(): Markup {
  return html`<form class="sheet" action="/account/login" method="post">
    <div class="field">
      <label for="account">Your name</label>
      <input
        id="account"
        name="account"
        autocomplete="username"
        maxlength="60"
        required
        data-testid="account-name"
      />
    </div>
    <button class="main" type="submit" data-testid="log-in">Log in</button>
    <p class="quiet">Any name will do; there is no password.</p>
  </form>`
}

function logOutForm(): Markup {
  return html`<form action="/account/logout" method="post">
    <button type="submit" data-testid="log-out">Log out</button>
  </form>`
}

function privacyForm(visitor: Visitor): Markup {
  const box = (name: string, label: string, isChecked: boolean) =>
    html`<label class="radio"
      ><input
        type="checkbox"
        name="${name}"
        value="true"
        ${isChecked ? raw(' checked') : ''}
        data-testid="consent-${name}"
      />
      ${label}</label
    >`
  return html`<form class="sheet" action="/account/privacy" method="post">
    <fieldset>
      <legend class="hidden">What may be kept</legend>
      ${box('analytics', 'Which pages I looked at', visitor.analytics !== false)}
      ${box('marketing', 'Remind me of a cart I left', visitor.marketing === true)}
    </fieldset>
    <button type="submit" data-testid="save-privacy">Save</button>
  </form>`
}

function orderList(orders: readonly Order[]): Markup {
  if (orders.length === 0) return html`<p data-testid="no-orders">None yet.</p>`
  return html`<ul class="lines" data-testid="orders">
    ${orders.slice(0, 50).map(
      ({ orderId, placedAt, data }) =>
        html`<li data-testid="order">
          <a href="/checkout/done/${orderId}">${orderId}</a>
          <time datetime="${placedAt}">${placedAt.slice(0, 10)}</time>
          <span class="price">${formatMoney(data.totalMinor ?? 0, data.currency ?? 'EUR')}</span>
        </li>`,
    )}
  </ul>`
}

function receipt(items: readonly Item[], currency: string, total = totalMinor(items)): Markup {
  return html`<table class="receipt">
    <caption class="hidden">
      What you buy
    </caption>
    <thead>
      <tr>
        <th scope="col">Product</th>
        <th scope="col">Units</th>
        <th scope="col">Price</th>
      </tr>
    </thead>
    <tbody>
      ${items.map(
        (item) =>
          html`<tr>
            <td>${item.name}${item.variantId === undefined ? '' : `, ${item.variantId}`}</td>
            <td>${item.quantity}</td>
            <td>${formatMoney(totalMinor([item]), currency)}</td>
          </tr>`,
      )}
    </tbody>
    <tfoot>
      <tr>
        <th scope="row" colspan="2">Total</th>
        <td data-testid="order-total">${formatMoney(total, currency)}</td>
      </tr>
    </tfoot>
  </table>`
}

function steps(current: number): Markup {
  const names = ['Address', 'Payment', 'Done']
  return html`<ol class="steps" aria-label="Checkout">
    ${names.map((name, i) => html`<li${i + 1 === current ? raw(' aria-current="step"') : ''}>${name}</li>`)}
  </ol>`
}
