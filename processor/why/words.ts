// The words in which a cart is explained, so that a shop manager understands it: what an event did, by effect; why one
// did nothing; the rules by number; what is published and taken back.

import type { RetractionReason } from '#stack/contract/cart.ts'
import { currencyDigits } from '#stack/contract/currency.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { hourMs, minuteMs } from '#stack/base/units.ts'
import type { CartEvent, CartItem } from '../model.ts'
import type { Effect, Remark } from '../cart/trace.ts'
import type { Exclusion } from './gather.ts'

export type Reason =
  | Exclusion
  | 'no activity'
  | 'other cart'
  | 'after its deadline'
  | 'merged before'
  | 'no open cart'

/** What lies in a cart. */
export interface Worth {
  units: number
  valueMinor: number | null
  currency: string | null
}

type Teller = (remark: Remark, event: CartEvent | null, settings: Settings) => string | null

const told: Record<Effect, Teller> = {
  started: () => 'a cart begins',
  'taken over': (_, event) => `the cart ${fromOf(event)} goes on here, with all that is in it`,
  reanimated: ({ episode }) =>
    `the abandoned cart comes back as episode ${episode}, with its lines and prices`,
  lines: (_, event) => changeOf(event),
  underflow: () => 'more was taken out than was in it',
  stage: (_, event) => checkoutOf(event),
  seen: () => 'looks at the cart',
  // What an event did beside that says more; the deadline is told with what is in the cart.
  extended: () => null,
  emptied: () => 'nothing is left in it: the cart is emptied, and nobody is to be reminded',
  expired: (remark, _, settings) => expiryOf(remark, settings),
  'too small': () =>
    'the deadline passes, but the cart is worth too little: nobody is to be reminded',
  converted: (_, event) => `bought with order ${event?.data?.orderId}: the cart is converted`,
  recovered: ({ episode }, event) =>
    `order ${event?.data?.orderId} buys what was abandoned: episode ${episode} is recovered`,
  merged: (_, event) => `the cart goes on as ${intoOf(event)} and ends here: merged`,
  renamed: ({ episode }, event) =>
    `episode ${episode} is now that of ${nameOfPerson(event?.mark ?? '')}, who logged in`,
  'no cart to change': () => 'no cart is open, and it brings nothing to begin one with',
  'nothing to merge': () => 'the first cart is not open, or the two have different owners',
  'order known': () => 'this order was reported before',
  'cart of somebody else': () => 'it names the cart of somebody else and acts on that one',
  'no match': () => 'a purchase of nothing that is in the cart: the cart stays as it is',
  'waits for a deadline': () =>
    'not judged yet: it waits until time has certainly passed the deadline before it',
}

const ignored: Record<Reason, string> = {
  duplicate: 'a copy of an event that was there already',
  bot: 'sent by a bot: bots have no carts',
  test: 'a test event: tests have no carts',
  'without consent': 'without consent to analytics, so it belongs to nobody',
  'too late': 'it came later than is allowed, and counts for money only',
  'no activity': 'not done by a person in the shop',
  'other cart': 'not under this cart, and only what is can move its deadline',
  'after its deadline': 'the deadline had passed, and this alone does not bring the cart back',
  'merged before': 'the cart went on as another by then, and this is told there',
  'no open cart': 'no cart was open yet',
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
  'merged before': 'R4',
  'no open cart': 'R13',
}

/** What the numbers stand for that a story may name (events.md 2.4, 2.5). */
export const ruleWords: Readonly<Record<string, string>> = {
  R4: 'a first login makes the cart of the browser that of the customer; an open one is folded into theirs',
  R6: 'what is put in or taken out changes its line',
  R7: 'a list of the whole cart replaces all lines',
  R11: 'an empty cart is over, without a reminder',
  R12: 'what people do in the shop counts as activity; what servers do does not',
  R13: 'activity before the deadline moves it, at or after the deadline it does not',
  R14: 'a cart without activity until its deadline is abandoned, as of that time',
  R15: 'a cart is as far as it ever came: cart, checkout, payment',
  R16: 'a purchase that names a cart closes that one',
  R17: 'a purchase closes the cart touched last that shares a product with it',
  R18: 'a purchase that fits no cart closes none',
  R19: 'bought before the deadline is converted, after it recovered, with all that it came back from',
  R20: 'an order counts once, however often it is reported',
  R22: 'whoever takes an abandoned cart up again gets the next episode of it',
  R23: 'nobody is reminded of a cart of too little value; one that is never bought is lost in the end',
  R24: 'bots and tests have no carts',
  T1: 'what comes later than is allowed counts for money only',
  T4: 'of copies the first counts',
  '1.6': 'without consent nothing is kept of a person',
}

const reasonWords: Readonly<Record<RetractionReason, string>> = {
  late_purchase: 'a purchase that came late closed the cart before its deadline',
  late_activity: 'activity that came late moved the deadline',
  late_emptied: 'the cart had been emptied before its deadline, which was told late',
  late_merge: 'a login or a merge that came late made another cart of it',
  late_start: 'the cart had begun earlier, which was told late',
}

/** What one event, or time alone, did to one episode. */
export function wordsOf(
  remarks: readonly Remark[],
  event: CartEvent | null,
  settings: Settings,
): string {
  const words = remarks.flatMap((remark) => told[remark.effect](remark, event, settings) ?? [])
  return words.length === 0 ? 'activity' : words.join('; ')
}

export function reasonOf(reason: Reason): { text: string; rule: string } {
  return { text: ignored[reason], rule: ruleByReason[reason] }
}

export function retractionOf(reason: RetractionReason): string {
  return reasonWords[reason]
}

/** `19.99 EUR`; the exponent is the currency's. */
function moneyOf(minor: number, currency: string): string {
  const digits = currencyDigits(currency) ?? 2
  return `${(minor / 10 ** digits).toFixed(digits)} ${currency}`
}

export function worthOf({ units, valueMinor, currency }: Worth): string {
  if (units === 0) return 'nothing'
  const pieces = units === 1 ? '1 piece' : `${units} pieces`
  if (valueMinor === null || currency === null) return `${pieces} of unknown or mixed value`
  return `${pieces} for ${moneyOf(valueMinor, currency)}`
}

/** `24 h`, `40 min`, `5 s`: whole, and never coarser than half of it. */
export function spanOf(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(ms / minuteMs)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(ms / hourMs)
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`
}

/** `customer 17`, `browser 4f`: the letters of a key in words. */
export function nameOfPerson(person: string): string {
  const id = person.slice(2)
  return person.startsWith('u:') ? `customer ${id}` : `browser ${id}`
}

const nouns: Partial<Record<string, [one: string, many: string]>> = {
  page_view: ['page', 'pages'],
  view_item: ['product', 'products'],
  view_item_list: ['list of products', 'lists of products'],
  select_item: ['click on a product', 'clicks on products'],
  search: ['search', 'searches'],
  identify: ['login', 'logins'],
  view_cart: ['look at the cart', 'looks at the cart'],
  add_to_cart: ['thing put in', 'things put in'],
  remove_from_cart: ['thing taken out', 'things taken out'],
  cart_update: ['list of the whole cart', 'lists of the whole cart'],
  begin_checkout: ['start of the checkout', 'starts of the checkout'],
  checkout_step: ['step of the checkout', 'steps of the checkout'],
  cart_merge: ['merge of two carts', 'merges of two carts'],
  purchase: ['purchase', 'purchases'],
  refund: ['refund', 'refunds'],
  custom: ['event of another kind', 'events of another kind'],
}

/** `3 pages, 1 product`: events of mere activity. */
export function activityOf(events: Readonly<Record<string, number>>): string {
  return Object.entries(events)
    .map(([name, count]) => {
      const [one, many] = nouns[name] ?? [name, name]
      return `${count} ${count === 1 ? one : many}`
    })
    .join(', ')
}

function expiryOf({ deadlineMs, lastActivityMs }: Remark, settings: Settings): string {
  const { abandonAfterMs, maxCartAgeMs } = settings
  const isOfAge = (lastActivityMs ?? 0) + abandonAfterMs > (deadlineMs ?? Infinity)
  return isOfAge
    ? `the cart is ${spanOf(maxCartAgeMs)} old and not bought: abandoned, although people were active`
    : `nothing happened for ${spanOf(abandonAfterMs)}: the cart is abandoned`
}

function changeOf(event: CartEvent | null): string {
  const { items = [], currency } = event?.data ?? {}
  const lines = items.map((item) => lineOf(item, currency)).join(', ')
  if (event?.name === 'add_to_cart') return `puts in ${lines}`
  if (event?.name === 'remove_from_cart') return `takes out ${lines}`
  if (event?.name === 'cart_merge' || event?.linksVisitor !== undefined) {
    return `the cart ${fromOf(event)} is folded into this one`
  }
  if (items.length === 0) return 'the cart is listed as empty'
  return `the whole cart is listed: ${items.length > listedMax ? summaryOf(items) : lines}`
}

/** A longer list says nothing that the lines before did not. */
const listedMax = 3

function summaryOf(items: readonly CartItem[]): string {
  const pieces = items.reduce((sum, { quantity = 1 }) => sum + quantity, 0)
  return `${items.length} lines, ${pieces} pieces`
}

function lineOf({ productId, variantId, quantity, unitPriceMinor }: CartItem, currency?: string) {
  const name = variantId === undefined ? productId : `${productId} (${variantId})`
  const price =
    unitPriceMinor === undefined || currency === undefined
      ? ''
      : ` at ${moneyOf(unitPriceMinor, currency)}`
  return quantity === undefined ? `all of ${name}` : `${quantity} × ${name}${price}`
}

function checkoutOf(event: CartEvent | null): string {
  if (event?.name === 'begin_checkout') return 'the checkout begins'
  const option = event?.data?.option
  return option === undefined ? 'the checkout goes on' : `checkout: ${option}`
}

function fromOf(event: CartEvent | null): string {
  const { linksVisitor, data } = event ?? {}
  return linksVisitor === undefined ? `c:${data?.fromCartId}` : linksVisitor
}

function intoOf(event: CartEvent | null): string {
  const { linksVisitor, mark, data } = event ?? {}
  return linksVisitor === undefined ? `c:${data?.intoCartId}` : `${mark}`
}
