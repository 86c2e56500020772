// Sessions, their funnel, and people (events.md 2.7). A session counts where its first event is; people are the
// retroactive persons of R2, active by R12.

import { dayGrains, everyGrain, placeDimensions } from './definition.ts'
import type { Measure, Metric } from './definition.ts'

const sessions: Measure = { relation: 'counted_sessions', at: 'started_at', aggregate: 'count' }
const sessionsWhere = (where: string): Measure => ({ ...sessions, where })
const reached = (n: number): Measure => sessionsWhere(`r.funnel_step >= ${n}`)
const active: Measure = {
  relation: 'counted_activity',
  at: 'moment',
  aggregate: { distinct: 'person' },
}
const buyers: Measure = {
  relation: 'counted_orders',
  at: 'ordered_at',
  aggregate: { distinct: 'person' },
}
const newcomers: Measure = { relation: 'first_activity', at: 'moment', aggregate: 'count' }

const ofSessions = {
  unit: 'count',
  grains: everyGrain,
  dimensions: [...placeDimensions, 'duration_band', 'event_band'],
  perCurrency: false,
  settles: 'with its sessions',
} as const
const ofPeople = {
  unit: 'count',
  grains: dayGrains,
  dimensions: ['country', 'device'],
  perCurrency: false,
  settles: 'at once',
} as const

const closedStep = (n: number, what: string): Metric => ({
  ...ofSessions,
  title: `Funnel step ${n}: ${what}`,
  formula: `sessions with ${what}, each step after (T3) the one before it`,
  numerator: [reached(n)],
})
const openStep = (n: number, what: string, column: string): Metric => ({
  ...ofSessions,
  title: `Open funnel step ${n}: ${what}`,
  formula: `sessions with ${what}, counted without the earlier steps`,
  numerator: [sessionsWhere(`r.${column} > 0`)],
})
const funnelRate = (n: number): Metric => ({
  ...ofSessions,
  title: `Funnel rate of step ${n}`,
  formula: `sessions at step ${n} / sessions at step ${n - 1}`,
  unit: 'ratio',
  numerator: [reached(n)],
  denominator: [reached(n - 1)],
})
const personStep = (n: number, what: string): Metric => ({
  ...ofPeople,
  title: `Funnel of persons, step ${n}: ${what}`,
  formula: 'persons, from the first view_item in the window, steps less than 7 days after it',
  grains: [],
  dimensions: [],
  numerator: [
    { relation: 'person_funnel', at: 'moment', where: `r.step >= ${n}`, aggregate: 'count' },
  ],
})

export const visitMetrics = {
  sessions: {
    ...ofSessions,
    title: 'Sessions',
    formula: 'sessions whose first event is in the window',
    numerator: [sessions],
  },
  sessions_with_purchase: {
    ...ofSessions,
    title: 'Sessions with a purchase',
    formula: 'sessions with at least one purchase that is the first of its order',
    numerator: [sessionsWhere('r.orders > 0')],
  },
  session_conversion_rate: {
    ...ofSessions,
    title: 'Session conversion',
    formula: 'sessions with at least one purchase / sessions',
    unit: 'ratio',
    numerator: [sessionsWhere('r.orders > 0')],
    denominator: [sessions],
  },
  session_duration_mean_ms: {
    ...ofSessions,
    title: 'Session duration, mean',
    formula: 'last - first event time over closed sessions',
    unit: 'ms',
    numerator: [{ ...sessions, where: 'r.is_closed', aggregate: { sum: 'duration_ms' } }],
    denominator: [sessionsWhere('r.is_closed')],
  },
  session_duration_median_ms: {
    ...ofSessions,
    title: 'Session duration, median',
    formula: 'last - first event time over closed sessions',
    unit: 'ms',
    numerator: [{ ...sessions, where: 'r.is_closed', aggregate: { median: 'duration_ms' } }],
  },
  engaged_sessions: {
    ...ofSessions,
    title: 'Engaged sessions',
    formula: 'longer than 10 s, or at least two page views, or a purchase',
    numerator: [sessionsWhere('r.engaged')],
  },
  bounce_rate: {
    ...ofSessions,
    title: 'Bounce rate',
    formula: '1 - engaged sessions / sessions',
    unit: 'ratio',
    numerator: [sessionsWhere('r.engaged')],
    denominator: [sessions],
    complement: true,
  },
  active_users: {
    ...ofPeople,
    title: 'Active users',
    formula: 'distinct persons with activity (R12) in the window',
    numerator: [active],
  },
  buyers: {
    ...ofPeople,
    title: 'Buyers',
    formula: 'distinct persons with an order in the window',
    numerator: [buyers],
  },
  user_conversion_rate: {
    ...ofPeople,
    title: 'User conversion',
    formula: 'distinct persons with an order in the window / active users',
    unit: 'ratio',
    numerator: [buyers],
    denominator: [active],
  },
  new_users: {
    ...ofPeople,
    title: 'New users',
    formula: 'active persons whose first ever activity is in the window',
    dimensions: [],
    numerator: [newcomers],
  },
  returning_users: {
    ...ofPeople,
    title: 'Returning users',
    formula: 'active persons whose first ever activity is before the window',
    dimensions: [],
    numerator: [active, { ...newcomers, sign: -1 }],
  },
  funnel_closed_s1: closedStep(1, 'view_item'),
  funnel_closed_s2: closedStep(2, 'add_to_cart'),
  funnel_closed_s3: closedStep(3, 'begin_checkout'),
  funnel_closed_s4: closedStep(4, 'purchase'),
  funnel_closed_rate_s2: funnelRate(2),
  funnel_closed_rate_s3: funnelRate(3),
  funnel_closed_rate_s4: funnelRate(4),
  funnel_open_s1: openStep(1, 'view_item', 'product_views'),
  funnel_open_s2: openStep(2, 'add_to_cart', 'adds'),
  funnel_open_s3: openStep(3, 'begin_checkout', 'checkouts'),
  funnel_open_s4: openStep(4, 'purchase', 'orders'),
  funnel_person_s1: personStep(1, 'view_item'),
  funnel_person_s2: personStep(2, 'add_to_cart'),
  funnel_person_s3: personStep(3, 'begin_checkout'),
  funnel_person_s4: personStep(4, 'purchase'),
} as const satisfies Record<string, Metric>
