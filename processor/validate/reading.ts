// A record of the input topic, read: an event, the reason why it is none, or the record that ends a load (T2).
//
// Of an event only what the rules look at is taken out; what is passed on stays as the bytes in which it came. An event
// that is not plain (contract/scan.ts) is decoded, put right and written anew, and from there on is like any other.

import { decodeEvent } from '#stack/contract/decode.ts'
import type { Refusal } from '#stack/contract/decode.ts'
import type { Dialect, EventData, EventFlag, EventName } from '#stack/contract/events.ts'
import { EventScan, slotOf } from '#stack/contract/scan.ts'
import { Texts } from '#stack/contract/texts.ts'
import { loadEndHeader, loadHeader } from '#stack/contract/topics.ts'
import type { IncomingRecord } from '#stack/kafka-client/records.ts'
import { cartNames } from './standing.ts'

/** Of a value, without quotes; `end` is behind its last byte. */
export interface Span {
  start: number
  end: number
}

/** What stage one looks at of an event. */
export interface ReadEvent {
  /** The event as JSON, in the canonical form. */
  bytes: Buffer
  /** Where in it the address lies, and the list of flags. */
  ipAt: Span | undefined
  flagsAt: Span | undefined
  eventId: string
  source: string
  name: EventName
  timeMs: number
  receivedMs: number
  anonymousId: string | undefined
  userId: string | undefined
  cartId: string | undefined
  seq: number | undefined
  flags: EventFlag[] | undefined
  ip: string | undefined
  userAgent: string | undefined
  isTest: boolean
  marketing: boolean | null
  campaign: { source: string | null; medium: string | null; name: string | null } | null
  /** Absent: it names no page. */
  page: { url: string | null; referrer: string | null } | undefined
  /** Of events with items, and of those that carts look at; absent for others. */
  data: EventData | undefined
}

export type Reading =
  | { kind: 'event'; event: ReadEvent; load: string | undefined }
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'loadEnd'; load: string }

const at = {
  eventId: slotOf('eventId'),
  source: slotOf('source'),
  anonymousId: slotOf('anonymousId'),
  userId: slotOf('userId'),
  cartId: slotOf('cartId'),
  seq: slotOf('seq'),
  flags: slotOf('flags'),
  ip: slotOf('context.ip'),
  userAgent: slotOf('context.userAgent'),
  test: slotOf('context.test'),
  marketing: slotOf('context.consent.marketing'),
  page: slotOf('context.page'),
  url: slotOf('context.page.url'),
  referrer: slotOf('context.page.referrer'),
  campaign: slotOf('context.campaign'),
  campaignSource: slotOf('context.campaign.source'),
  campaignMedium: slotOf('context.campaign.medium'),
  campaignName: slotOf('context.campaign.name'),
  data: slotOf('data'),
  items: slotOf('data.items'),
} as const

const noBytes = Buffer.alloc(0)
const scan = new EventScan()
const loadIds = new Texts(16)

export function readRecord({ value, headers }: IncomingRecord): Reading {
  const loadEnd = headers[loadEndHeader]
  if (loadEnd !== undefined) return { kind: 'loadEnd', load: loadEnd.toString() }
  const read = readEvent(value ?? noBytes)
  if ('reason' in read) return { kind: 'refused', refusal: read }
  const load = headers[loadHeader]
  return { kind: 'event', event: read, load: load && loadIds.get(load, 0, load.length) }
}

export function readEvent(bytes: Buffer): ReadEvent | Refusal {
  if (!scan.scan(bytes)) {
    const decoded = decodeEvent(bytes)
    if (!decoded.ok) return decoded
    scan.scanDecoded(Buffer.from(JSON.stringify(decoded.event)))
  }
  return eventOf(scan)
}

function eventOf(scan: EventScan): ReadEvent {
  const { name, eventMs, receivedMs } = scan
  return {
    bytes: scan.bytes,
    ipAt: spanOf(scan, at.ip),
    flagsAt: spanOf(scan, at.flags),
    // Every event has these two.
    eventId: scan.text(at.eventId) as string,
    source: scan.known(at.source) as string,
    name,
    timeMs: eventMs,
    receivedMs,
    anonymousId: scan.known(at.anonymousId),
    userId: scan.known(at.userId),
    cartId: scan.known(at.cartId),
    seq: scan.number(at.seq),
    // Checked by its kind when it was decoded.
    flags: scan.json(at.flags) as EventFlag[] | undefined,
    ip: scan.known(at.ip),
    userAgent: scan.known(at.userAgent),
    isTest: scan.truth(at.test) === true,
    marketing: scan.truth(at.marketing) ?? null,
    campaign: campaignOf(scan),
    page: scan.has(at.page)
      ? { url: scan.known(at.url) ?? null, referrer: scan.known(at.referrer) ?? null }
      : undefined,
    data: scan.has(at.items) || cartNames.has(name) ? (scan.json(at.data) as EventData) : undefined,
  }
}

function spanOf(scan: EventScan, slot: number): Span | undefined {
  if (!scan.has(slot)) return undefined
  return { start: scan.starts[slot] as number, end: scan.ends[slot] as number }
}

function campaignOf(scan: EventScan): ReadEvent['campaign'] {
  if (!scan.has(at.campaign)) return null
  const source = scan.known(at.campaignSource)
  const medium = scan.known(at.campaignMedium)
  const name = scan.known(at.campaignName)
  if (source === undefined && medium === undefined && name === undefined) return null
  return { source: source ?? null, medium: medium ?? null, name: name ?? null }
}

/** For a duplicate's record, which tells who sent it. */
export function senderOf({ bytes }: ReadEvent): { dialect: Dialect; receivedAt: string } {
  // It was an event when it was read.
  return JSON.parse(bytes.toString()) as { dialect: Dialect; receivedAt: string }
}
