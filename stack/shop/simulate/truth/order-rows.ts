// The rows of the tables orders, order_lines and refunds that a person's log should have.

import type { Episode } from './episode.ts'
import type { TrueOrder, TrueRefund } from './money.ts'
import type { TrueSession } from './sessions.ts'

type Row = Record<string, unknown>

export function orderRow(
  order: TrueOrder,
  { sessions, episodes }: { sessions: readonly TrueSession[]; episodes: readonly Episode[] },
): Row {
  const { event } = order.act
  const { data } = event
  const items = data.items ?? []
  const episode = episodeOf(order.orderId, episodes)
  const session = sessions.find(({ acts }) => acts.includes(order.act))
  return {
    order_id: order.orderId,
    person_id: order.act.hasConsent ? order.act.person : null,
    anonymous_id: event.anonymousId ?? null,
    user_id: event.userId ?? null,
    session_key: session?.key ?? null,
    cart_key: episode?.cart.key ?? null,
    episode: episode?.number ?? null,
    ordered_at: event.eventTime,
    received_at: event.receivedAt,
    currency: order.currency,
    merchandise_minor: order.merchandiseMinor,
    ...(data.discountMinor !== undefined && { discount_minor: data.discountMinor }),
    ...(data.taxMinor !== undefined && { tax_minor: data.taxMinor }),
    ...(data.shippingMinor !== undefined && { shipping_minor: data.shippingMinor }),
    ...(data.totalMinor !== undefined && { total_minor: data.totalMinor }),
    refunded_minor: order.refundedMinor,
    units: items.reduce((sum, item) => sum + (item.quantity ?? 1), 0),
    line_count: items.length,
    coupon: data.coupon ?? null,
    payment_method: data.paymentMethod ?? null,
    is_bot: order.act.isCrawler,
    is_test: order.act.isTest,
  }
}

/** interfaces.md 4: the converted one, then the least cart_key, then the highest episode. */
function episodeOf(orderId: string, episodes: readonly Episode[]): Episode | undefined {
  return episodes
    .filter((episode) => episode.order?.orderId === orderId)
    .sort(
      (a, b) =>
        Number(b.state === 'converted') - Number(a.state === 'converted') ||
        Number(a.cart.key > b.cart.key) - Number(a.cart.key < b.cart.key) ||
        b.number - a.number,
    )[0]
}

export function lineRows(order: TrueOrder): Row[] {
  return order.lines.map(({ item, orderDiscountMinor, netMinor }, i) => ({
    order_id: order.orderId,
    line: i + 1,
    ordered_at: order.act.event.eventTime,
    product_id: item.productId,
    variant_id: item.variantId ?? null,
    quantity: item.quantity ?? 1,
    unit_price_minor: item.unitPriceMinor ?? null,
    discount_minor: item.discountMinor ?? 0,
    order_discount_minor: orderDiscountMinor,
    net_minor: netMinor,
    currency: order.currency,
  }))
}

export function refundRow(refund: TrueRefund): Row {
  return {
    order_id: refund.act.event.data.orderId,
    refund_id: refund.refundId,
    refunded_at: refund.act.event.eventTime,
    amount_minor: refund.amountMinor,
    excess_minor: refund.excessMinor,
    currency: refund.currency,
    is_full: refund.isFull,
    is_orphan: refund.isOrphan,
    reason: refund.act.event.data.reason ?? null,
    flags: refund.flags,
  }
}
