// OTTO's recommender sessions: one visitor a line, `{session, events: [{aid, ts, type}]}`. A click is a view_item, a
// cart an add_to_cart of one; the order rows of one visitor and millisecond are one purchase. There are no prices;
// the shop is German, so the currency is EUR.

import type { ShopEvent } from '#stack/contract/events.ts'
import { isoTime } from '#stack/base/units.ts'
import { isPlainObject } from '../collector/json.ts'
import { judgedEntry, rejectedEntry } from './entry.ts'
import type { Entry, Source } from './entry.ts'
import { mapLines } from './lines.ts'

interface Row {
  aid: number
  ts: number
  type: string
}

const sourceName = 'otto'
const currency = 'EUR'
const nameByType: Readonly<Record<string, 'view_item' | 'add_to_cart'>> = {
  clicks: 'view_item',
  carts: 'add_to_cart',
}

export function readOtto(source: Source): AsyncIterable<Entry[]> {
  return mapLines(source, 'native', (value, { text, number }) => {
    if (isPlainObject(value) && Array.isArray(value['events']) && value['events'].every(isRow)) {
      return visitorEvents(String(value['session']), value['events']).map((event) =>
        judgedEntry(event, source, number),
      )
    }
    const message = 'the line is no visitor with events of {aid, ts, type}'
    const rejection = { position: number, reason: 'bad_field', field: 'events', message } as const
    return [rejectedEntry(source, 'native', rejection, text)]
  })
}

function isRow(value: unknown): value is Row {
  if (!isPlainObject(value)) return false
  const isKnown = value['type'] === 'orders' || Object.hasOwn(nameByType, String(value['type']))
  return isKnown && Number.isSafeInteger(value['ts']) && Number.isSafeInteger(value['aid'])
}

function visitorEvents(session: string, rows: readonly Row[]): ShopEvent[] {
  const orders = Map.groupBy(
    rows.filter(({ type }) => type === 'orders'),
    ({ ts }) => ts,
  )
  const seen = rows.flatMap(({ aid, ts, type }, index) => {
    const name = nameByType[type]
    if (name === undefined) return []
    const data = { items: [{ productId: String(aid), quantity: 1 }], currency }
    return [{ ...envelope(session, `${session}-${index}`, ts), name, data }]
  })
  const bought = [...orders].map(([ts, lines]) => {
    const orderId = `${sourceName}-${session}-${ts}`
    const items = lines.map(({ aid }) => ({ productId: String(aid), quantity: 1 }))
    const data = { orderId, currency, items }
    return { ...envelope(session, `${session}-order-${ts}`, ts), name: 'purchase' as const, data }
  })
  return [...seen, ...bought]
}

function envelope(session: string, eventId: string, timeMs: number) {
  const time = isoTime(timeMs)
  return {
    schemaVersion: '1.0',
    eventId,
    eventTime: time,
    receivedAt: time,
    source: sourceName,
    dialect: 'native' as const,
    anonymousId: session,
  }
}
