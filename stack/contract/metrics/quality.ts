// How good the data is: every event by its own time, and what was left out of the figures, refused or dropped.

import { everyGrain } from './definition.ts'
import type { Measure, Metric } from './definition.ts'

const events: Measure = { relation: 'events_stored', at: 'event_time', aggregate: 'count' }
const eventsWhere = (where: string): Measure => ({ ...events, where })
const rejected = (where: string): Measure => ({
  relation: 'rejected_events',
  at: 'received_at',
  where,
  aggregate: 'count',
})

const ofEvents = {
  unit: 'count',
  grains: everyGrain,
  dimensions: ['name', 'source', 'dialect', 'country', 'device'],
  perCurrency: false,
  settles: 'at once',
} as const
const ofRejected = { ...ofEvents, dimensions: ['reason', 'source', 'dialect', 'stage'] } as const

export const qualityMetrics = {
  events: {
    ...ofEvents,
    title: 'Events',
    formula: 'valid events by event time, bots and tests too',
    numerator: [events],
  },
  late_events: {
    ...ofEvents,
    title: 'Late events',
    formula: 'later than the watermark delay, and still applied',
    numerator: [eventsWhere('r.is_late')],
  },
  too_late_events: {
    ...ofEvents,
    title: 'Events too late',
    formula: 'later than the allowed lateness: they count for money only',
    numerator: [eventsWhere('r.is_too_late')],
  },
  bot_events: {
    ...ofEvents,
    title: 'Events of bots',
    formula: 'events of recognised crawlers',
    numerator: [eventsWhere('r.is_bot')],
  },
  test_events: {
    ...ofEvents,
    title: 'Test events',
    formula: 'events their producer marked as a test',
    numerator: [eventsWhere('r.is_test')],
  },
  rejected_events: {
    ...ofRejected,
    title: 'Rejected events',
    formula: 'refused by collector or processor, by the time they were received',
    numerator: [rejected("r.reason <> 'duplicate'")],
  },
  duplicate_events: {
    ...ofRejected,
    title: 'Duplicates',
    formula: 'copies of events that had been there already',
    numerator: [rejected("r.reason = 'duplicate'")],
  },
} as const satisfies Record<string, Metric>
