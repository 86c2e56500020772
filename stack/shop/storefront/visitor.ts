// Who is looking at a page, as their cookies say: browser id, account, currency, consent, cart, address, and what they
// did on the last page that this one still has to report. Nothing of it is kept by the shop itself.

import { randomUUID } from 'node:crypto'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { ShopContext } from '../collector/routes.ts'
import { decodeCart, encodeCart } from './cart.ts'
import type { Cart } from './cart.ts'
import { currencies } from './offers.ts'

export interface Address {
  name: string
  street: string
  city: string
  country: string
}

/** Done with a form; the next page reports it. Its id makes a second report a duplicate. */
export interface Deed {
  kind: 'add' | 'remove' | 'identify' | 'contact'
  eventId: string
  productId?: string
  variantId?: string
  quantity?: number
}

export interface Visitor {
  anonymousId: string
  /** Account name, as typed. */
  account: string | undefined
  currency: string
  analytics: boolean | null
  marketing: boolean | null
  cart: Cart
  address: Address | undefined
  deeds: readonly Deed[]
}

const yearS = 365 * 24 * 3600
const dayS = 24 * 3600
const lasting = { path: '/', httpOnly: true, sameSite: 'Lax', maxAge: yearS } as const

const names = {
  id: 'slipway_id',
  account: 'slipway_account',
  currency: 'slipway_currency',
  consent: 'slipway_consent',
  cart: 'slipway_cart',
  address: 'slipway_address',
  deeds: 'slipway_deeds',
} as const

export function visitorOf(context: ShopContext): Visitor {
  const cookies = getCookie(context)
  const [analytics, marketing] = (cookies[names.consent] ?? '').split('.')
  const known = cookies[names.id] ?? ''
  const anonymousId = /^[A-Za-z0-9-]{8,64}$/.test(known) ? known : randomUUID()
  if (anonymousId !== known) setCookie(context, names.id, anonymousId, lasting)
  const currency = cookies[names.currency] ?? ''
  return {
    anonymousId,
    account: accountOf(cookies[names.account]),
    currency: currencies.find((each) => each === currency) ?? currencies[0],
    analytics: choice(analytics),
    marketing: choice(marketing),
    cart: decodeCart(cookies[names.cart] ?? '') ?? newCart(),
    address: parseJson(cookies[names.address], isAddress),
    deeds: parseJson(cookies[names.deeds], areDeeds) ?? [],
  }
}

export function newCart(): Cart {
  return { cartId: `cart-${randomUUID()}`, lines: [] }
}

/** The account's name as an id: what people type, without what an id cannot hold. */
export function userIdOf(account: string): string {
  return `user-${account.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-')}`
}

export function keepAccount(context: ShopContext, account: string): void {
  if (account === '') deleteCookie(context, names.account, { path: '/' })
  else setCookie(context, names.account, account.slice(0, 60), lasting)
}

export function keepCurrency(context: ShopContext, currency: string): void {
  setCookie(context, names.currency, currency, lasting)
}

export function keepConsent(context: ShopContext, analytics: boolean, marketing: boolean): void {
  setCookie(context, names.consent, `${analytics}.${marketing}`, lasting)
}

export function keepCart(context: ShopContext, cart: Cart): void {
  setCookie(context, names.cart, encodeCart(cart), lasting)
}

export function keepAddress(context: ShopContext, address: Address): void {
  setCookie(context, names.address, JSON.stringify(address), { ...lasting, maxAge: 30 * dayS })
}

/** The newest eight: a cookie holds no more, and a page reports them at once. */
export function keepDeeds(context: ShopContext, deeds: readonly Deed[]): void {
  setCookie(context, names.deeds, JSON.stringify(deeds.slice(-8)), { ...lasting, maxAge: 3600 })
}

export function forgetDeeds(context: ShopContext): void {
  deleteCookie(context, names.deeds, { path: '/' })
}

function accountOf(text: string | undefined): string | undefined {
  return text !== undefined && /[\p{L}\p{N}]/u.test(text) ? text.slice(0, 60) : undefined
}

function choice(text: string | undefined): boolean | null {
  if (text === 'true') return true
  return text === 'false' ? false : null
}

function parseJson<T>(
  text: string | undefined,
  isOne: (value: unknown) => value is T,
): T | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isOne(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isAddress(value: unknown): value is Address {
  const address = value as Partial<Record<keyof Address, unknown>> | null
  const fields = [address?.name, address?.street, address?.city, address?.country]
  return fields.every((field) => typeof field === 'string')
}

function areDeeds(value: unknown): value is Deed[] {
  return Array.isArray(value) && value.every((deed: Partial<Deed> | null) => isDeed(deed))
}

function isDeed(deed: Partial<Deed> | null): boolean {
  const { kind, eventId, quantity = 1 } = deed ?? {}
  const isId = typeof eventId === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(eventId)
  return isId && typeof kind === 'string' && Number.isInteger(quantity) && quantity > 0
}
