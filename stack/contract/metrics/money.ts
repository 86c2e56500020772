// Orders, revenue, refunds, products (events.md 2.7). Money is counted per currency and never converted; sales at the
// time of the order, refunds at the time of the refund.

import { dayGrains, everyGrain, placeDimensions } from './definition.ts'
import type { Measure, Metric } from './definition.ts'

const orders: Measure = { relation: 'counted_orders', at: 'ordered_at', aggregate: 'count' }
const ordersOf = (column: string): Measure => ({ ...orders, aggregate: { sum: column } })
const gross = ordersOf('merchandise_minor')
const refunded: Measure = {
  relation: 'counted_refunds',
  at: 'refunded_at',
  aggregate: { sum: 'amount_minor' },
}
const lines = (column: string): Measure => ({
  relation: 'counted_lines',
  at: 'ordered_at',
  aggregate: { sum: column },
})

const byOrder = { grains: everyGrain, settles: 'at once', perCurrency: false } as const
const orderDimensions = [...placeDimensions, 'payment_method', 'coupon', 'currency'] as const
const lineDimensions = [...placeDimensions, 'product', 'brand', 'category', 'price_band'] as const

export const moneyMetrics = {
  orders: {
    ...byOrder,
    title: 'Orders',
    formula: 'distinct orderId, by the first purchase of each',
    unit: 'count',
    numerator: [orders],
    dimensions: orderDimensions,
  },
  gross_revenue: {
    ...byOrder,
    title: 'Gross revenue',
    formula: 'sum of merchandise amounts, without tax and shipping, by order time',
    unit: 'minor',
    numerator: [gross],
    dimensions: orderDimensions,
    perCurrency: true,
  },
  refunds: {
    ...byOrder,
    title: 'Refunds',
    formula: 'sum of refund amounts by refund time, never more than is left of the order',
    unit: 'minor',
    numerator: [refunded],
    dimensions: placeDimensions,
    perCurrency: true,
  },
  refund_count: {
    ...byOrder,
    title: 'Refunds, number',
    formula: 'refunds by refund time',
    unit: 'count',
    numerator: [{ ...refunded, aggregate: 'count' }],
    dimensions: [...placeDimensions, 'reason'],
  },
  net_revenue: {
    ...byOrder,
    title: 'Net revenue',
    formula: 'gross revenue - refunds, each at its own date',
    unit: 'minor',
    numerator: [gross, { ...refunded, sign: -1 }],
    dimensions: placeDimensions,
    perCurrency: true,
  },
  net_revenue_by_order_date: {
    ...byOrder,
    title: 'Net revenue by order date',
    formula: 'gross revenue - refunds of these orders, whenever given',
    unit: 'minor',
    numerator: [gross, { ...ordersOf('refunded_minor'), sign: -1 }],
    dimensions: orderDimensions,
    perCurrency: true,
  },
  charged_total: {
    ...byOrder,
    title: 'Charged total',
    formula: 'total as sent, else merchandise + tax + shipping',
    unit: 'minor',
    numerator: [ordersOf('total_minor')],
    dimensions: orderDimensions,
    perCurrency: true,
  },
  aov: {
    ...byOrder,
    title: 'Average order value',
    formula: 'gross revenue / orders of that currency',
    unit: 'minor',
    numerator: [gross],
    denominator: [orders],
    dimensions: orderDimensions,
    perCurrency: true,
  },
  units: {
    ...byOrder,
    title: 'Units sold',
    formula: 'units of orders, refunds not taken off',
    unit: 'count',
    numerator: [ordersOf('units')],
    dimensions: orderDimensions,
  },
  units_per_order: {
    ...byOrder,
    title: 'Units per order',
    formula: 'units / orders',
    unit: 'ratio',
    numerator: [ordersOf('units')],
    denominator: [orders],
    dimensions: orderDimensions,
  },
  product_revenue: {
    ...byOrder,
    title: 'Revenue of products',
    formula:
      'net amounts of order lines; order discounts spread by line value; refunds not taken off',
    unit: 'minor',
    numerator: [lines('net_minor')],
    dimensions: lineDimensions,
    perCurrency: true,
  },
  product_units: {
    ...byOrder,
    title: 'Units of products',
    formula: 'quantities of order lines; refunds not taken off',
    unit: 'count',
    numerator: [lines('quantity')],
    dimensions: lineDimensions,
  },
  retention_cohort: {
    title: 'Retention by first purchase',
    formula:
      'distinct buyers k months after the month of their first purchase / cohort size (k = 0)',
    unit: 'count',
    numerator: [{ relation: 'cohort_orders', at: 'moment', aggregate: { distinct: 'person' } }],
    grains: ['month'],
    dimensions: ['months_since'],
    perCurrency: false,
    settles: 'at once',
  },
  product_viewers: {
    title: 'Persons who viewed a product',
    formula: 'distinct persons with a view_item of it',
    unit: 'count',
    numerator: [interest('view_item')],
    grains: dayGrains,
    dimensions: ['product'],
    perCurrency: false,
    settles: 'at once',
  },
  product_adders: {
    title: 'Persons who added a product',
    formula: 'distinct persons with an add_to_cart of it',
    unit: 'count',
    numerator: [interest('add_to_cart')],
    grains: dayGrains,
    dimensions: ['product'],
    perCurrency: false,
    settles: 'at once',
  },
  add_to_cart_rate: {
    title: 'Add-to-cart rate',
    formula:
      'persons who added it / persons who viewed it; may exceed 1 when adds happen from lists',
    unit: 'ratio',
    numerator: [interest('add_to_cart')],
    denominator: [interest('view_item')],
    grains: dayGrains,
    dimensions: ['product'],
    perCurrency: false,
    settles: 'at once',
  },
} as const satisfies Record<string, Metric>

function interest(name: string): Measure {
  return {
    relation: 'counted_interest',
    at: 'moment',
    where: `r.name = '${name}'`,
    aggregate: { distinct: 'person' },
  }
}
