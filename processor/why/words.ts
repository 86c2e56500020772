// The words in which a cart is explained: what an event did, by effect, so that a shop manager understands it.

import { currencyDigits } from '#stack/contract/currency.ts'
import type { CartEvent, CartItem } from '../model.ts'
import type { Effect, Remark } from '../cart/trace.ts'
import type { Exclusion } from './gather.ts'

export type Reason =
  | Exclusion
  | 'no activity'
  | 'other cart'
  | 'after its deadline'
  | 'no open cart'

type Teller = (remark: Remark, event: CartEvent | null) => string

const told: Record<Effect, Teller> = {
  started: () => 'a cart begins',
  'taken over': (remark, event) =>
    `the cart of ${event?.linksVisitor ?? event?.data?.fromCartId} goes on here; in it: ${contentOf(remark)}`,
  reanimated: ({ episode }) =>
    `the abandoned cart comes back as episode ${episode}, with its lines and prices`,
  lines: (remark, event) => `${changeOf(event)}; in the cart: ${contentOf(remark)}`,
  underflow: () => 'more was taken out than was there',
  stage: (_, event) => `checkout${stepOf(event)}`,
  seen: () => 'the cart is looked at',
  extended: ({ deadlineMs }) => `activity: the deadline is now ${timeOf(deadlineMs)}`,
  emptied: () => 'nothing is left in it: emptied, no verdict',
  expired: (remark) =>
    `abandoned: no activity until the deadline; in the cart: ${contentOf(remark)}`,
  'too small': () => 'its deadline passes, but it is below the least value: no verdict',
  converted: (_, event) => `bought with order ${event?.data?.orderId}: converted`,
  recovered: (_, event) =>
    `bought after the deadline with order ${event?.data?.orderId}: recovered`,
  merged: () => 'goes on in another cart: merged',
  renamed: (_, event) => `now belongs to ${event?.mark}, who logged in`,
  'no cart to change': () => 'changes nothing: no cart is open, and it brings no lines',
  'nothing to merge': () => 'merges nothing: the first cart is not open, or they have two owners',
  'order known': () => 'this order has been reported before',
  'cart of somebody else': () => 'names the cart of somebody else and acts on that one',
  'no match': () => 'a purchase that shares no product with the cart: it stays as it is',
  'waits for a deadline': () => 'waits until the watermark has passed the deadline before it',
}

const ignored: Record<Reason, string> = {
  duplicate: 'a copy of an event that was there already',
  bot: 'sent by a bot: bots have no carts',
  test: 'a test event: tests have no carts',
  'without consent': 'without consent to analytics, so it belongs to nobody',
  'too late': 'came later than is allowed: it counts for money only',
  'no activity': 'no activity of a person',
  'other cart': 'not under this cart, and only what is extends it (activity scope cart)',
  'after its deadline': 'the cart was over by then, and this alone does not bring it back',
  'no open cart': 'there was no open cart yet',
}

const ruleByReason: Record<Reason, string> = {
  duplicate: 'T4',
  bot: 'R24',
  test: 'R24',
  'without consent': '1.6',
  'too late': 'T1',
  'no activity': 'R12',
  'other cart': 'R12',
  'after its deadline': 'R13',
  'no open cart': 'R13',
}

export function wordsOf(remark: Remark, event: CartEvent | null): string {
  return told[remark.effect](remark, event)
}

export function reasonOf(reason: Reason): { text: string; rule: string } {
  return { text: ignored[reason], rule: ruleByReason[reason] }
}

/** `19.99 EUR`; the exponent is the currency's. */
export function moneyOf(minor: number, currency: string): string {
  const digits = currencyDigits(currency) ?? 2
  return `${(minor / 10 ** digits).toFixed(digits)} ${currency}`
}

export function timeOf(ms: number | null): string {
  return ms === null ? 'none' : new Date(ms).toISOString().replace('T', ' ').slice(0, 19)
}

function contentOf({ units, valueMinor, currency }: Remark): string {
  return worthOf(units, valueMinor, currency)
}

export function worthOf(units: number, valueMinor: number | null, currency: string | null): string {
  const pieces = units === 1 ? '1 piece' : `${units} pieces`
  if (valueMinor === 0) return pieces
  if (valueMinor === null || currency === null) return `${pieces} of unknown or mixed value`
  return `${pieces} for ${moneyOf(valueMinor, currency)}`
}

const verbs: Partial<Record<CartEvent['name'], string>> = {
  add_to_cart: 'adds',
  remove_from_cart: 'takes out',
}

function changeOf(event: CartEvent | null): string {
  if (event === null) return 'the lines of both are joined'
  const { items = [], currency } = event.data ?? {}
  const lines = items.map((item) => lineOf(item, currency)).join(', ')
  const verb = verbs[event.name]
  if (verb !== undefined) return `${verb} ${lines}`
  if (items.length > 0) return `the whole cart is told: ${lines}`
  return event.name === 'cart_update' ? 'the cart is told to be empty' : 'lines of both are joined'
}

function lineOf({ productId, variantId, quantity, unitPriceMinor }: CartItem, currency?: string) {
  const name = variantId === undefined ? productId : `${productId} (${variantId})`
  const price =
    unitPriceMinor === undefined || currency === undefined
      ? ''
      : ` at ${moneyOf(unitPriceMinor, currency)}`
  return quantity === undefined ? `${name}, all of it` : `${quantity} × ${name}${price}`
}

function stepOf(event: CartEvent | null): string {
  const option = event?.data?.option
  return option === undefined ? '' : `, ${option}`
}
