// The last few hundred records as they arrived, good and bad: the event feed of Live, its drawer, and what test
// control lists. Rows for a reader are built only when one asks; at most `rowsMax` a frame, spread evenly.

import type { EnrichedEvent, RejectedEvent } from '../../../stack/contract/events.ts'
import type { FeedPart, FeedRow } from './frame.ts'

export interface Arrival {
  index: number
  /** The frame that is the first to tell of it. */
  seq: number
  topic: string
  partition: number
  offset: number
  key: string | null
  event?: EnrichedEvent
  rejected?: RejectedEvent
}

/** What a product is called, as far as is known. */
export type NameOf = (productId: string) => string

const kept = 500
const rowsMax = 25
/** What a page that opens is shown. */
const snapshotRows = 100

export class EventLog {
  readonly #ring: Arrival[] = []
  #next = 0

  push(arrival: Omit<Arrival, 'index'>): void {
    this.#ring[this.#next % kept] = { ...arrival, index: this.#next }
    this.#next++
  }

  find(index: number): Arrival | undefined {
    const arrival = this.#ring[index % kept]
    return arrival?.index === index ? arrival : undefined
  }

  newestFirst(limit = kept): Arrival[] {
    const oldest = Math.max(0, this.#next - Math.min(limit, kept))
    const list: Arrival[] = []
    for (let index = this.#next - 1; index >= oldest; index--) {
      list.push(this.#ring[index % kept] as Arrival)
    }
    return list
  }

  latest(nameOf: NameOf): FeedPart {
    const rows = this.newestFirst(snapshotRows)
      .reverse()
      .map((arrival) => feedRow(arrival, nameOf))
    return { rows, outOf: rows.length }
  }

  /** What arrived for the frames after `seq` up to `upToSeq`. */
  since(seq: number, upToSeq: number, nameOf: NameOf): FeedPart {
    const { first, end } = this.#span(seq, upToSeq)
    const outOf = end - first
    const count = Math.min(outOf, rowsMax)
    const rows: FeedRow[] = []
    for (let i = 0; i < count; i++) {
      // The newest of each of `count` equal stretches, so that the newest of all is always there.
      const index = first + Math.ceil(((i + 1) * outOf) / count) - 1
      rows.push(feedRow(this.#ring[index % kept] as Arrival, nameOf))
    }
    return { rows, outOf }
  }

  /** Event times of the newest of them. */
  samples(seq: number, upToSeq: number, max: number): number[] {
    const { first, end } = this.#span(seq, upToSeq)
    const times: number[] = []
    for (let index = end - 1; index >= first && times.length < max; index--) {
      const event = this.find(index)?.event
      if (event) times.push(Date.parse(event.eventTime))
    }
    return times
  }

  #span(seq: number, upToSeq: number): { first: number; end: number } {
    let end = this.#next
    while (end > 0 && (this.find(end - 1)?.seq ?? 0) > upToSeq) end--
    let first = end
    while (first > 0 && (this.find(first - 1)?.seq ?? -1) > seq) first--
    return { first, end }
  }
}

function feedRow(arrival: Arrival, nameOf: NameOf): FeedRow {
  const { index, event, rejected } = arrival
  if (event) {
    return {
      index,
      timeMs: Date.parse(event.eventTime),
      receivedMs: Date.parse(event.receivedAt),
      name: event.name,
      who: event.userId ?? event.anonymousId ?? null,
      what: whatOf(event, nameOf),
      amountMinor: amountOf(event),
      currency: event.data.currency ?? null,
      country: event.country,
      device: event.device,
      flags: event.flags ?? [],
    }
  }
  const receivedMs = Date.parse(rejected?.receivedAt ?? '')
  return {
    index,
    timeMs: receivedMs,
    receivedMs,
    name: 'rejected',
    who: rejected?.source ?? null,
    what: rejected
      ? rejected.reason + (rejected.field === null ? '' : `: ${rejected.field}`)
      : null,
    amountMinor: null,
    currency: null,
    country: null,
    device: null,
    flags: [],
  }
}

function whatOf(event: EnrichedEvent, nameOf: NameOf): string | null {
  const { data, context } = event
  if (event.name === 'custom') return event.customName ?? null
  if (data.orderId !== undefined) return data.orderId
  if (data.query !== undefined) return data.query
  const [item] = data.items ?? []
  if (item) {
    const more = (data.items as unknown[]).length - 1
    return `${nameOf(item.productId)}${more > 0 ? ` + ${more}` : ''}`
  }
  return context?.page?.path ?? pathOf(context?.page?.url)
}

/** Of a page's address what tells one page of the shop from another. */
function pathOf(url: string | undefined): string | null {
  if (url === undefined) return null
  const at = URL.parse(url)
  return at ? at.pathname + at.search : url
}

function amountOf(event: EnrichedEvent): number | null {
  const { data } = event
  return data.totalMinor ?? data.itemsTotalMinor ?? data.amountMinor ?? data.cartTotalMinor ?? null
}
