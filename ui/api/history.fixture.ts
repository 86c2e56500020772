// A history for tests: answers as the read API does, computed from a formula of the hour, so that the same question
// always has the same answer. Buckets are UTC's.

import { Hono } from 'hono'
import type {
  Bucket,
  Grain,
  MetricAnswer,
  MetricId,
} from '../../stack/contract/metrics/definition.ts'
import { dayMs, hourMs, isoTime, minuteMs } from '../../stack/base/units.ts'

const grainMs: Record<Grain, number> = {
  minute: minuteMs,
  hour: hourMs,
  day: dayMs,
  week: 7 * dayMs,
  month: 30 * dayMs,
}

/** Per hour at the busiest time. */
const sizes: Partial<Record<MetricId, [numerator: number, denominator?: number]>> = {
  orders: [30],
  gross_revenue: [180_000],
  refunds: [9000],
  net_revenue: [171_000],
  aov: [180_000, 30],
  units: [60],
  sessions: [900],
  session_conversion_rate: [27, 900],
  cart_abandonment_rate_live: [70, 100],
  checkout_abandonment_rate: [22, 60],
  bounce_rate: [350, 900],
  recovery_rate: [15, 70],
  new_users: [420],
  returning_users: [480],
  abandonments: [70],
  conversions: [30],
  recoveries: [15],
  carts_emptied: [8],
  session_duration_mean_ms: [900 * 240_000, 900],
  funnel_closed_s1: [620],
  funnel_closed_s2: [130],
  funnel_closed_s3: [60],
  funnel_closed_s4: [27],
  product_revenue: [180_000],
  product_units: [60],
}

const keys: Record<string, string[]> = {
  country: ['NL', 'DE', 'FR', 'GB', 'US', 'ES'],
  device: ['mobile', 'desktop', 'tablet', 'other'],
  campaign_source: ['google', 'newsletter', 'instagram', 'bing'],
  category: ['Galley/Pots and pans', 'Deck/Ropes', 'Cabin/Lamps', 'Deck/Tools'],
  product: ['TT-001', 'TT-002', 'TT-003', 'TT-004', 'TT-005'],
  price_band: ['20 - 30', '< 10', '10 - 20', '50 - 100', '30 - 50', '100 +'],
  duration_band: [
    '0',
    '< 10 s',
    '10 s - 1 min',
    '1 - 5 min',
    '5 - 15 min',
    '15 - 30 min',
    '30 - 60 min',
    '> 60 min',
  ],
  event_band: ['1', '2 - 3', '4 - 7', '8 - 15', '16 - 31', '32 - 63', '64 +'],
}

/** How busy an hour is, in [0, 1]: by hour of day and day of week, with a little of its own. */
function busy(ms: number): number {
  const hour = (ms / hourMs) % 24
  const day = Math.floor(ms / dayMs)
  const ofDay = 0.35 + 0.65 * Math.max(0, Math.sin(((hour - 5) / 19) * Math.PI))
  const ofWeek = 0.85 + 0.15 * Math.cos((day % 7) * 0.9)
  return ofDay * ofWeek * (0.92 + 0.16 * (((Math.floor(ms / hourMs) * 2654435761) % 1000) / 1000))
}

function figure(id: MetricId, fromMs: number, toMs: number, share = 1) {
  const [top, bottom] = sizes[id] ?? [10]
  let hours = 0
  for (let at = fromMs; at < toMs; at += hourMs) {
    hours += busy(at) * (Math.min(hourMs, toMs - at) / hourMs)
  }
  const numerator = Math.round(top * hours * share)
  const denominator = bottom === undefined ? null : Math.round(bottom * hours * share)
  const value =
    denominator === null ? numerator : denominator === 0 ? null : numerator / denominator
  return { numerator, denominator, value }
}

export function fixtureHistory(nowMs: () => number): Hono {
  const oldest = isoTime(nowMs() - 45 * dayMs)
  const app = new Hono().get('/v1/tables', (c) =>
    c.json({ epoch: 1, tables: [{ name: 'events', oldest }] }),
  )
  // Everything that was received has its outcome: no past traffic is on its way.
  app.get('/v1/positions', (c) =>
    c.json({ totals: { received: 9, enriched: 9, rejected: 0, duplicate: 0 } }),
  )
  app.get('/v1/annotations', (c) => {
    const from = nowMs() - 20 * minuteMs
    const annotations = [
      {
        kind: 'sale',
        from: isoTime(from),
        to: isoTime(from + 2 * hourMs),
        label: 'Sale: 15 % off',
      },
    ]
    return c.json({ annotations })
  })
  return app.get('/v1/metrics/:id', (c) => {
    const id = c.req.param('id') as MetricId
    const fromMs = Date.parse(c.req.query('from') ?? '')
    const toMs = Date.parse(c.req.query('to') ?? '')
    if (Number.isNaN(fromMs) || !(toMs > fromMs)) return c.json({ error: 'bad range' }, 400)
    const grain = (c.req.query('grain') ?? null) as Grain | null
    const by = c.req.query('by')
    const shares = (keys[by ?? ''] ?? []).map((_, i) => 0.5 ** (i + 1))
    const bucketsOf = (share = 1) => (grain ? buckets(id, fromMs, toMs, grain, nowMs(), share) : [])
    const answer: MetricAnswer = {
      id,
      title: id,
      formula: `the fixture's ${id}`,
      unit: id.includes('revenue') || id === 'aov' || id === 'refunds' ? 'minor' : 'count',
      from: isoTime(fromMs),
      to: isoTime(toMs),
      zone: 'UTC',
      grain,
      currency: c.req.query('currency') ?? null,
      currencies: ['EUR', 'USD'],
      ...figure(id, fromMs, Math.min(toMs, nowMs())),
      buckets: bucketsOf(),
      by: (keys[by ?? ''] ?? []).map((key, i) => ({
        key,
        ...figure(id, fromMs, Math.min(toMs, nowMs()), shares[i] as number),
        buckets: bucketsOf(shares[i] as number),
      })),
      provisionalFrom: isoTime(nowMs() - 30 * minuteMs),
      watermark: isoTime(nowMs() - 30_000),
      asOfSeq: 1,
      sql: {
        duckdb: `SELECT count(*) FROM counted_orders -- ${id}`,
        bigquery: `SELECT COUNT(*) FROM counted_orders -- ${id}`,
      },
    }
    return c.json(answer)
  })
}

function buckets(
  id: MetricId,
  fromMs: number,
  toMs: number,
  grain: Grain,
  nowMs: number,
  share: number,
): Bucket[] {
  const step = grainMs[grain]
  const list: Bucket[] = []
  for (let at = Math.floor(fromMs / step) * step; at < toMs; at += step) {
    const from = Math.max(at, fromMs)
    const to = Math.min(at + step, toMs)
    const seen = Math.max(from, Math.min(to, nowMs))
    list.push({
      from: isoTime(from),
      to: isoTime(to),
      provisional: to > nowMs - 30 * minuteMs,
      ...figure(id, from, seen, share),
    })
  }
  return list
}
