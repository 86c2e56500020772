// Ways for a record to be no event, each with the code that events.md 1.4 gives it.

import type { Random } from '#stack/base/random.ts'
import type { RejectReason, ShopEvent } from '#stack/contract/events.ts'

interface Broken {
  reason: RejectReason
  body: string
}

export function breakEvent(event: ShopEvent, random: Random): Broken {
  const [reason, breaks] = random.pick(ways)
  return { reason, body: breaks(event) }
}

const change = (event: ShopEvent, fields: Record<string, unknown>): string =>
  JSON.stringify({ ...event, ...fields })

const purchase = (event: ShopEvent, data: Record<string, unknown>): string => {
  const items = [{ productId: 'TT-001', quantity: 1, unitPriceMinor: 100 }]
  return change(event, {
    name: 'purchase',
    data: { orderId: 'o', currency: 'EUR', items, ...data },
  })
}

const ways: readonly (readonly [reason: RejectReason, breaks: (event: ShopEvent) => string])[] = [
  ['not_json', (event) => JSON.stringify(event).slice(0, 60)],
  ['not_object', (event) => JSON.stringify([event.eventId])],
  ['unsupported_version', (event) => change(event, { schemaVersion: '9.0' })],
  ['missing_name', (event) => change(event, { name: undefined })],
  [
    'missing_identity',
    (event) => change(event, { anonymousId: undefined, userId: undefined, context: {} }),
  ],
  ['bad_time', (event) => change(event, { eventTime: 'yesterday' })],
  ['missing_field', (event) => change(event, { eventId: undefined })],
  ['string_too_long', (event) => change(event, { source: 's'.repeat(1025) })],
  [
    'negative_quantity',
    (event) => purchase(event, { items: [{ productId: 'TT-001', quantity: 0 }] }),
  ],
  ['missing_order_id', (event) => purchase(event, { orderId: undefined })],
  ['bad_currency', (event) => purchase(event, { currency: 'euro' })],
  ['bad_money', (event) => purchase(event, { totalMinor: -1 })],
]
