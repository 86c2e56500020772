// Buying: checkout, log-in on the way, the order with its money, its report by the order service, and what is paid
// back later. Money is whole minor units of the market's currency.

import { dayMs, secondMs } from '#stack/base/units.ts'
import type { EventData, Item, ShopEvent } from '#stack/contract/events.ts'
import { noConsentId } from '#stack/contract/events.ts'
import { cartSnapshot } from './basket.ts'
import type { PlacedOrder, Shopper, Task, World } from './shopper.ts'
import type { TimedEvent, Visit } from './visit.ts'

const loginShare = 0.7
/** Some buy with one click: no checkout events. */
const expressShare = 0.12
const couponShare = 0.08
const refundShare = 0.05
const paymentMethods = ['card', 'card', 'card', 'wallet', 'wallet', 'invoice'] as const
const freeShippingFrom: Record<string, number> = { EUR: 6000, USD: 7000, GBP: 5000, JPY: 9000 }
const shippingFee: Record<string, number> = { EUR: 490, USD: 690, GBP: 390, JPY: 650 }
const taxRate: Record<string, number> = { USD: 0.07 }

/** Buys all that lies in the basket; what remains to do is the refund, where there will be one. */
export function checkOut(world: World, visit: Visit): Task[] {
  const { random, shopper } = visit
  if (shopper.basket.length === 0) return []
  if (!random.chance(expressShare)) {
    visit.pause()
    visit.page('checkout', '/checkout')
    visit.emit('begin_checkout', cartSnapshot(visit, random.chance(0.6)), true)
    if (random.chance(loginShare)) {
      visit.pause(0.5)
      visit.logIn()
    }
    for (const [i, option] of (['contact', 'shipping', 'payment'] as const).entries()) {
      visit.pause(0.8)
      visit.emit('checkout_step', { step: i + 1, option }, true)
    }
  }
  visit.pause(0.6)
  const order = placeOrder(world, visit)
  visit.pause(0.1)
  visit.page('confirmation', '/checkout/done')
  return random.chance(refundShare)
    ? [
        {
          atMs: visit.atMs + Math.round(random.between(dayMs, 12 * dayMs)),
          purpose: 'refund',
          order,
        },
      ]
    : []
}

/** The order itself, of all that lies in the basket. */
export function placeOrder(world: World, visit: Visit): PlacedOrder {
  const { random, shopper } = visit
  const items = shopper.basket.map((line) => visit.item(line))
  shopper.orders++
  const orderId = `o-${shopper.id}-${shopper.orders}`
  const money = orderMoney(visit, items)
  const data: EventData = {
    orderId,
    currency: shopper.market.currency,
    items,
    ...money.fields,
    paymentMethod: random.pick(paymentMethods),
  }
  const report = isServiceReport(world, visit)
  if (report !== 'service only') visit.emit('purchase', data, true)
  if (report !== 'none') serviceReport(visit, data, report === 'service only')
  return {
    orderId,
    userId: visit.device.isLoggedIn ? shopper.userId : undefined,
    anonymousId: shopper.allowsAnalytics ? visit.device.anonymousId : noConsentId,
    currency: shopper.market.currency,
    merchandiseMinor: money.merchandiseMinor,
    lines: items.map((item) => ({
      productId: item.productId,
      ...(item.variantId !== undefined && { variantId: item.variantId }),
      quantity: item.quantity ?? 1,
      unitPriceMinor: item.unitPriceMinor ?? 0,
      discountMinor: item.discountMinor ?? 0,
    })),
  }
}

function orderMoney(
  visit: Visit,
  items: readonly Item[],
): { merchandiseMinor: number; fields: EventData } {
  const { random, shopper } = visit
  const { currency } = shopper.market
  let sum = 0
  for (const item of items) {
    sum += (item.quantity ?? 1) * ((item.unitPriceMinor ?? 0) - (item.discountMinor ?? 0))
  }
  const hasCoupon = random.chance(couponShare)
  const discountMinor = hasCoupon ? Math.round(sum / 10) : 0
  const merchandiseMinor = sum - discountMinor
  const isFree = merchandiseMinor >= (freeShippingFrom[currency] ?? 0)
  const shippingMinor = isFree ? 0 : (shippingFee[currency] ?? 0)
  const taxMinor = Math.round(merchandiseMinor * (taxRate[currency] ?? 0))
  return {
    merchandiseMinor,
    fields: {
      ...(hasCoupon && { discountMinor, coupon: 'TIDE10' }),
      ...(shopper.declaresTotals && { itemsTotalMinor: merchandiseMinor }),
      ...(taxMinor > 0 && { taxMinor }),
      shippingMinor,
      totalMinor: merchandiseMinor + taxMinor + shippingMinor,
    },
  }
}

function isServiceReport(world: World, visit: Visit): 'none' | 'both' | 'service only' {
  const { profile } = world
  if (!visit.shopper.allowsAnalytics || !visit.random.chance(profile.orderServiceShare))
    return 'none'
  const canBeAlone = visit.shopper.namesCart || visit.device.isLoggedIn
  return canBeAlone && visit.random.chance(profile.orderServiceOnlyShare) ? 'service only' : 'both'
}

/**
 * The order service knows the account. Of a guest it knows the browser only when the browser has reported too; alone
 * it names an account of its own making, and the cart (events.md scenario 33c).
 */
function serviceReport(visit: Visit, data: EventData, isAlone: boolean): void {
  const { random, shopper, device } = visit
  const timeMs = visit.atMs + 200 + random.int(20 * secondMs)
  const guest = isAlone ? { userId: `g-${data.orderId}` } : { anonymousId: device.anonymousId }
  const identity = device.isLoggedIn ? { userId: shopper.userId as string } : guest
  const event: ShopEvent = {
    schemaVersion: '1.0',
    eventId: `${data.orderId}-s`,
    name: 'purchase',
    eventTime: new Date(timeMs).toISOString(),
    receivedAt: new Date(timeMs).toISOString(),
    source: orderService,
    dialect: 'native',
    ...identity,
    ...(shopper.namesCart && { cartId: shopper.cartId }),
    data,
  }
  visit.events.push({ timeMs, event })
}

/** One of `serverSources` (R12): never activity. */
const orderService = 'orders-service'

/** Money back, all of it or a part, as an amount or as items. */
export function refund(shopper: Shopper, task: Task): TimedEvent[] {
  const { order, atMs } = task
  if (!order) return []
  const time = new Date(atMs).toISOString()
  const event: ShopEvent = {
    schemaVersion: '1.0',
    eventId: `${order.orderId}-r`,
    name: 'refund',
    eventTime: time,
    receivedAt: time,
    source: orderService,
    dialect: 'native',
    ...(order.userId === undefined ? { anonymousId: order.anonymousId } : { userId: order.userId }),
    ...(order.anonymousId === noConsentId && {
      context: { consent: { analytics: false } },
      flags: ['noConsent' as const],
    }),
    data: {
      orderId: order.orderId,
      refundId: `${order.orderId}-r`,
      ...refundAmount(shopper, order),
    },
  }
  return [{ timeMs: atMs, event }]
}

function refundAmount(shopper: Shopper, order: PlacedOrder): EventData {
  const { random } = shopper
  const { currency } = order
  if (random.chance(0.5)) return { reason: 'returned' }
  const line = random.pick(order.lines)
  if (random.chance(0.5)) {
    const { productId, variantId } = line
    const items = [{ productId, ...(variantId !== undefined && { variantId }), quantity: 1 }]
    return { items, currency, reason: 'damaged' }
  }
  const amountMinor = Math.ceil(order.merchandiseMinor * random.between(0.1, 0.9))
  return { amountMinor, currency, reason: 'goodwill' }
}
