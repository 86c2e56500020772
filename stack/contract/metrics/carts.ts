// Carts and their abandonment (events.md 2.7). Three different things share one name elsewhere, so they have three
// here: the live rate by the time of the verdict, the cohort rate by the start of the cart, and the recoveries.

import { everyGrain, placeDimensions } from './definition.ts'
import type { Measure, Metric } from './definition.ts'

const cartsAt = (at: string, where: string): Measure => ({
  relation: 'counted_carts',
  at,
  where,
  aggregate: 'count',
})

/** A: live abandonments, suppressed ones too. */
const abandonments = cartsAt('abandoned_at', 'r.is_abandonment')
/** C: conversions of episodes that were never abandoned. */
const conversions = cartsAt('bought_at', 'r.is_conversion')
/** Rv */
const recoveries = cartsAt('bought_at', "r.state = 'recovered'")
/** K: merged ones live on in another. */
const started = cartsAt('started_at', "r.state <> 'merged'")
/** KC */
const bought = cartsAt('started_at', "r.state IN ('converted', 'recovered')")
/** KE */
const emptied = cartsAt('started_at', "r.state = 'emptied'")
const recoveredOfStarted = cartsAt('abandoned_at', "r.state = 'recovered'")
const checkouts = "r.stage IN ('checkout', 'payment')"
const amounts = (column: string): Measure => ({
  relation: 'cart_amounts',
  at: 'abandoned_at',
  aggregate: { sum: column },
})

const ofCarts = {
  unit: 'count',
  grains: everyGrain,
  dimensions: [...placeDimensions, 'state', 'stage'],
  perCurrency: false,
  settles: 'with its carts',
} as const
const ofVerdicts = { ...ofCarts, settles: 'at once' } as const

export const cartMetrics = {
  abandonments: {
    ...ofVerdicts,
    title: 'Abandoned carts',
    formula: 'carts now abandoned, recovered or lost, by the time of the verdict',
    numerator: [abandonments],
  },
  conversions: {
    ...ofVerdicts,
    title: 'Converted carts',
    formula: 'carts bought without having been abandoned, by the time of the purchase',
    numerator: [conversions],
  },
  recoveries: {
    ...ofVerdicts,
    title: 'Recovered carts',
    formula: 'carts bought after they were abandoned, by the time of the purchase',
    numerator: [recoveries],
  },
  carts_started: {
    ...ofCarts,
    title: 'Carts started',
    formula: 'episodes started, merged ones left out',
    numerator: [started],
  },
  carts_emptied: {
    ...ofCarts,
    title: 'Carts emptied',
    formula: 'of the carts started those emptied again',
    numerator: [emptied],
  },
  carts_bought: {
    ...ofCarts,
    title: 'Carts bought',
    formula: 'of the carts started those converted or recovered so far',
    numerator: [bought],
  },
  cart_abandonment_rate_live: {
    ...ofVerdicts,
    title: 'Cart abandonment, live',
    formula: 'abandoned / (abandoned + converted), each by its own time',
    unit: 'ratio',
    numerator: [abandonments],
    denominator: [abandonments, conversions],
  },
  cart_abandonment_rate_cohort: {
    ...ofCarts,
    title: 'Cart abandonment, cohort',
    formula: '1 - bought / (started - emptied), of the carts started in the window',
    unit: 'ratio',
    numerator: [bought],
    denominator: [started, { ...emptied, sign: -1 }],
    complement: true,
  },
  cart_abandonment_rate_strict: {
    ...ofCarts,
    title: 'Cart abandonment, strict cohort',
    formula: '1 - bought / started: carts emptied count as not bought',
    unit: 'ratio',
    numerator: [bought],
    denominator: [started],
    complement: true,
  },
  recovery_rate: {
    ...ofVerdicts,
    title: 'Recovery rate',
    formula: 'recovered / abandoned in the same window',
    unit: 'ratio',
    numerator: [recoveries],
    denominator: [abandonments],
  },
  recovery_rate_cohort: {
    ...ofCarts,
    title: 'Recovery rate, cohort',
    formula: 'recovered of the carts abandoned in the window / abandoned in the window',
    unit: 'ratio',
    numerator: [recoveredOfStarted],
    denominator: [abandonments],
  },
  checkout_abandonment_rate: {
    ...ofCarts,
    title: 'Checkout abandonment',
    formula:
      '1 - bought / all, of the carts started in the window that reached checkout or payment',
    unit: 'ratio',
    numerator: [{ ...bought, where: `${bought.where} AND ${checkouts}` }],
    denominator: [{ ...started, where: `${started.where} AND ${checkouts}` }],
    complement: true,
  },
  abandoned_value: {
    ...ofVerdicts,
    title: 'Abandoned value',
    formula: 'value of abandoned carts per currency; unknown values left out',
    unit: 'minor',
    numerator: [amounts('value_minor')],
    perCurrency: true,
  },
  recovered_value: {
    ...ofVerdicts,
    title: 'Recovered value',
    formula: 'merchandise amounts of the orders that recovered a cart',
    unit: 'minor',
    numerator: [
      {
        relation: 'recovered_carts',
        at: 'recovered_at',
        aggregate: { sum: 'recovered_value_minor' },
      },
    ],
    perCurrency: true,
  },
} as const satisfies Record<string, Metric>
