// T3, the total order of events that every rule folds in, and the byte order in which ties are broken.

import type { EventName, ShopEvent } from './events.ts'

/** Strings compare by their UTF-8 bytes; for strings without surrogates that is code unit order. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** T3: what happens first where nothing else tells. */
export const rankByName: Readonly<Record<EventName, number>> = {
  identify: 0,
  cart_merge: 1,
  page_view: 2,
  view_item: 2,
  view_item_list: 2,
  select_item: 2,
  search: 2,
  custom: 2,
  add_to_cart: 3,
  cart_update: 4,
  remove_from_cart: 5,
  view_cart: 6,
  begin_checkout: 7,
  checkout_step: 8,
  purchase: 9,
  refund: 10,
}

/** What T3 looks at: any event that carries these, its time as a number. */
export interface Ordered {
  timeMs: number
  seq: number | undefined
  name: EventName
  eventId: string
  source: string
}

/** T3: (eventTime, events with `seq` before those without, `seq`, rank of name, eventId, source). */
export function compareT3(a: Ordered, b: Ordered): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs
  if (a.seq !== b.seq) {
    if (a.seq === undefined) return 1
    if (b.seq === undefined) return -1
    return a.seq - b.seq
  }
  const rank = rankByName[a.name] - rankByName[b.name]
  if (rank !== 0) return rank
  return compareBytes(a.eventId, b.eventId) || compareBytes(a.source, b.source)
}

export function orderedOf(event: ShopEvent): Ordered {
  return {
    timeMs: Date.parse(event.eventTime),
    seq: event.seq,
    name: event.name,
    eventId: event.eventId,
    source: event.source,
  }
}
