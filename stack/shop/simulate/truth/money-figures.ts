// Orders, revenue, refunds and products in a window (2.7): sales at the time of the order, refunds at their own.

import type { CountedOrder, Facts, Window } from './facts.ts'
import { lies } from './facts.ts'
import { ratio, sum } from './sums.ts'
import type { Figures } from './sums.ts'

export function moneyFigures(facts: Facts, window: Window): Figures {
  const orders = facts.orders.filter(({ order }) => lies(order.act.timeMs, window))
  const refunds = facts.refunds.filter(({ act }) => lies(act.timeMs, window))
  const units = sum(orders.map(unitsOf))
  const figures: Figures = {
    orders: orders.length,
    refund_count: refunds.length,
    units,
    units_per_order: ratio(units, orders.length),
  }
  for (const currency of currenciesOf(facts)) {
    const sold = orders.filter(({ order }) => order.currency === currency)
    const gross = sum(sold.map(({ order }) => order.merchandiseMinor ?? 0))
    const refunded = sum(
      refunds.map((refund) => (refund.currency === currency ? refund.amountMinor : 0)),
    )
    figures[`gross_revenue:${currency}`] = gross
    figures[`refunds:${currency}`] = refunded
    figures[`net_revenue:${currency}`] = gross - refunded
    figures[`net_revenue_by_order_date:${currency}`] =
      gross - sum(sold.map(({ order }) => order.refundedMinor))
    figures[`charged_total:${currency}`] = sum(sold.map(chargedMinor))
    figures[`aov:${currency}`] = ratio(gross, sold.length)
  }
  return { ...figures, ...lineFigures(orders) }
}

/** Every currency that an order or a cart of the whole log has. */
export function currenciesOf({ orders, episodes }: Facts): string[] {
  const all = new Set(orders.map(({ order }) => order.currency))
  for (const { prices } of episodes) for (const { currency } of prices.values()) all.add(currency)
  return [...all].sort()
}

function lineFigures(orders: readonly CountedOrder[]): Figures {
  const figures: Figures = { product_units: 0 }
  const add = (name: string, by: number) => {
    figures[name] = (figures[name] ?? 0) + by
  }
  for (const { order } of orders) {
    for (const { item, netMinor } of order.lines) {
      const { productId, quantity = 1 } = item
      add('product_units', quantity)
      add(`product_units@${productId}`, quantity)
      add(`product_revenue:${order.currency}`, netMinor ?? 0)
      add(`product_revenue:${order.currency}@${productId}`, netMinor ?? 0)
    }
  }
  return figures
}

function unitsOf({ order }: CountedOrder): number {
  return sum(order.lines.map(({ item }) => item.quantity ?? 1))
}

/** totalMinor, else merchandise + tax + shipping. */
function chargedMinor({ order }: CountedOrder): number {
  const { taxMinor = 0, shippingMinor = 0, totalMinor } = order.act.event.data
  return totalMinor ?? (order.merchandiseMinor ?? 0) + taxMinor + shippingMinor
}
