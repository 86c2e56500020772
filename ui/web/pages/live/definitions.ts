// What the figures of Live mean, in the words of the metric registry, with what Live does differently from History.

import type { Definition } from '../../parts/definition.tsx'

const leftOut =
  'events of declared bots, of visitors with more than 120 events in a minute, and test events'
const provisional =
  'Seconds after the watermark (newest event time minus 30 s of slack, the least of all partitions) are provisional; a late event restates an earlier one.'

export const definitions = {
  revenue: {
    title: 'Net revenue',
    says: 'Merchandise amount of the orders of the window, after discounts, without tax and shipping, minus refunds booked in the window.',
    facts: [
      ['Window', 'the last 60 minutes of event time'],
      ['Currency', 'one; orders in others are counted and left out, never converted'],
      ['Left out', leftOut],
      ['Settling', provisional],
    ],
    metrics: ['net_revenue'],
  },
  orders: {
    title: 'Orders per minute',
    says: 'Distinct orders by their first purchase, mean of the last 5 minutes. The change compares the last 60 minutes with the same 60 minutes yesterday.',
    facts: [
      ['Window', 'the last 5 minutes of event time'],
      ['Left out', leftOut],
      ['Settling', provisional],
    ],
    metrics: ['orders'],
  },
  sessions: {
    title: 'Active sessions',
    says: 'Distinct sessions with at least one activity in the last 5 minutes. The small line shows distinct sessions by minute.',
    facts: [
      ['Window', 'the last 5 minutes of event time'],
      ['Session', 'ends after 30 minutes without activity, or at 24 hours'],
      ['Left out', leftOut],
    ],
    metrics: ['sessions'],
  },
  abandonment: {
    title: 'Cart abandonment',
    says: 'Carts abandoned ÷ (abandoned + converted), by the time of closing. A cart is abandoned when its person did nothing for 60 minutes, at latest 24 hours after the first add. A cart that is recovered later stays an abandonment; emptied carts are left out.',
    facts: [
      ['Window', 'carts that closed in the last 60 minutes'],
      ['Needs', '60 minutes after a cold start: before, nothing can have been abandoned'],
      ['Left out', leftOut],
    ],
    metrics: ['cart_abandonment_rate_live'],
  },
  conversion: {
    title: 'Session conversion',
    says: 'Sessions with a purchase ÷ sessions, over sessions whose end became certain in the window. History counts by the start of the session instead.',
    facts: [
      ['Window', 'sessions that closed in the last 60 minutes: 30 minutes after their last event'],
      ['Left out', leftOut],
    ],
    metrics: ['session_conversion_rate'],
  },
  aov: {
    title: 'Average order value',
    says: 'Gross revenue ÷ orders of the chosen currency; blank without orders.',
    facts: [
      ['Window', 'the last 60 minutes of event time'],
      ['Left out', `${leftOut}; refunds are not taken off`],
      ['Settling', provisional],
    ],
    metrics: ['aov'],
  },
  carts: {
    title: 'Open carts',
    says: 'Carts that hold something, whose deadline has not come, and that were not bought: now, with the value of their lines at the latest known prices.',
    facts: [
      ['Window', 'now'],
      ['In checkout', 'open carts in which checkout has begun'],
      ['Left out', leftOut],
    ],
    metrics: ['carts_started'],
  },
  events: {
    title: 'Events per second',
    says: 'Everything that arrived, good, rejected or repeated, by the collector’s clock, bots included: an operations figure. Event to screen: painted time minus event time over a sample of the newest events, last minute.',
    facts: [['Window', 'the last 5 whole seconds by arrival; latency over 60 s']],
    metrics: ['events'],
  },
  purchases: {
    title: 'Purchases per second',
    says: 'Distinct orders by the second of their first purchase. Bold: a mean of the seconds around, the nearer the more (5 s, 15 s, 1 or 3 min to each side, by the window). Dashed: the same minute yesterday, as a mean per second. Band: what is usual at this time of day, the median of up to 8 earlier days ± 2 × 1.4826 × MAD, drawn from 3 days on.',
    facts: [
      ['Window', 'as chosen, of event time'],
      ['Veil', provisional],
      ['Left out', leftOut],
    ],
    metrics: ['orders'],
  },
  products: {
    title: 'Top products',
    says: 'Products by what their lines brought in the window: order discounts spread by line value, refunds not taken off. View to buy: distinct sessions that bought ÷ sessions that viewed; shown from 30 views on.',
    facts: [
      ['Window', 'as chosen; the order changes at most every 5 seconds'],
      ['Rank before', 'in the window of the same length before; not known for 60 minutes'],
      ['Left out', leftOut],
    ],
    metrics: ['product_revenue', 'product_units'],
  },
  flow: {
    title: 'Cart flow',
    says: 'Where carts are now, and what became of those that closed in the last 60 minutes.',
    facts: [
      ['Converted', 'bought while open'],
      ['Abandoned', 'no activity for 60 minutes'],
      ['Recovered', 'bought within 7 days of being abandoned'],
      ['Emptied', 'every line removed'],
      ['Left out', leftOut],
    ],
    metrics: ['abandonments', 'conversions', 'recoveries', 'carts_emptied'],
  },
  abandonmentTrend: {
    title: 'Cart abandonment over time',
    says: 'For each minute, the rate over the 15 minutes up to it, with Wilson’s 95 % interval as a band; bars count the carts that closed in the minute.',
    facts: [
      ['Window', 'the last 60 minutes'],
      ['Settling', provisional],
      ['Left out', leftOut],
    ],
    metrics: ['cart_abandonment_rate_live'],
  },
} as const satisfies Record<string, Definition>
