// How what shoppers did reaches the log: a little later, sometimes twice, now and then hours late or with a wrong
// clock, and among it things that are no event. Chance here is apart from the shopper's own, so that another profile
// does not change what people do.

import { Random } from '#stack/base/random.ts'
import { hourMs, minuteMs, secondMs } from '#stack/base/units.ts'
import { eventKey } from '#stack/contract/event-record.ts'
import type { RejectReason, ShopEvent } from '#stack/contract/events.ts'
import { breakEvent } from './malformed.ts'
import type { DelayBand, Profile } from './profile.ts'
import type { TimedEvent } from './visit.ts'

/** One record of the log as the simulator means it. */
export interface Delivery {
  receivedMs: number
  key: string
  /** What must become of it; an event that is neither broken nor a copy is valid. */
  outcome: 'valid' | 'duplicate' | RejectReason
  event: ShopEvent
  /** The bytes, where they are no JSON of the event. */
  body?: string
  /** All records of one person share this, whatever identities they carry. */
  shopperId: string
  isCrawler: boolean
}

export interface Sender {
  shopperId: string
  isCrawler: boolean
  /** Of its visits: makes the delivery's own chance. */
  label: string
}

/** Whoever is this late was without a network for the whole visit; shorter delays hit single events. */
const offlineFromMs = 5 * minuteMs

export function deliver(
  events: readonly TimedEvent[],
  profile: Profile,
  sender: Sender,
): Delivery[] {
  const random = new Random(`${sender.label}/delivery`)
  const { shopperId, isCrawler } = sender
  const clock = drawClock(profile, random)
  const onlineMs = offlineUntil(events, profile, random)
  const deliveries: Delivery[] = []
  for (const { timeMs, event } of events) {
    const receivedMs = Math.max(onlineMs, timeMs + drawDelay(shortDelays(profile), random))
    setTimes(event, { timeMs, receivedMs, clock })
    const delivery = { key: eventKey(event), shopperId, isCrawler }
    deliveries.push({ ...delivery, receivedMs, outcome: 'valid', event })
    if (random.chance(profile.duplicateShare)) {
      const againMs = receivedMs + 50 + drawCopyDelay(profile, random)
      const copy = { ...event, receivedAt: new Date(againMs).toISOString() }
      deliveries.push({ ...delivery, receivedMs: againMs, outcome: 'duplicate', event: copy })
    }
    if (random.chance(profile.malformedShare)) {
      const { reason, body } = breakEvent(event, random)
      deliveries.push({ ...delivery, receivedMs, outcome: reason, event, body })
    }
  }
  return deliveries.sort((a, b) => a.receivedMs - b.receivedMs)
}

/** What the device believes the time to be, and whether the collector could put it right. */
interface DeviceClock {
  offsetMs: number
  isSent: boolean
}

function drawClock(profile: Profile, random: Random): DeviceClock | undefined {
  if (!random.chance(profile.wrongClockShare)) return undefined
  const isAhead = random.chance(0.4)
  const offsetMs = Math.round(
    isAhead ? random.between(1, 300) * minuteMs : -random.between(1, 30) * hourMs,
  )
  return { offsetMs, isSent: random.chance(0.4) }
}

/** events.md 1.4: two clocks correct the time; a time too far ahead becomes receivedAt; else it stays as it was. */
function setTimes(
  event: ShopEvent,
  {
    timeMs,
    receivedMs,
    clock,
  }: { timeMs: number; receivedMs: number; clock: DeviceClock | undefined },
): void {
  event.receivedAt = new Date(receivedMs).toISOString()
  if (!clock || event.seq === undefined) return
  const claimedMs = timeMs + clock.offsetMs
  if (clock.isSent) {
    event.sentAt = new Date(receivedMs + clock.offsetMs).toISOString()
  } else if (claimedMs - receivedMs > 5 * minuteMs) {
    event.eventTime = event.receivedAt
    event.flags = [...(event.flags ?? []), 'timeCorrected']
  } else {
    event.eventTime = new Date(claimedMs).toISOString()
  }
}

function offlineUntil(events: readonly TimedEvent[], profile: Profile, random: Random): number {
  const last = events.at(-1)
  const band = drawBand(profile.delays, random)
  if (!last || band.fromMs < offlineFromMs) return 0
  return last.timeMs + Math.round(random.between(band.fromMs, band.toMs))
}

function shortDelays(profile: Profile): readonly DelayBand[] {
  return profile.delays.filter((band) => band.fromMs < offlineFromMs)
}

function drawDelay(bands: readonly DelayBand[], random: Random): number {
  const { fromMs, toMs } = drawBand(bands, random)
  return Math.round(random.between(fromMs, toMs))
}

/** Sent again at once, or out of a forgotten queue. */
function drawCopyDelay({ lateCopyShare }: Profile, random: Random): number {
  if (!random.chance(lateCopyShare)) return random.int(20 * secondMs)
  return Math.round(random.between(25 * hourMs, 60 * hourMs))
}

function drawBand(bands: readonly DelayBand[], random: Random): DelayBand {
  let rest = random.float() * bands.reduce((sum, band) => sum + band.share, 0)
  for (const band of bands) {
    rest -= band.share
    if (rest < 0) return band
  }
  return bands[bands.length - 1] as DelayBand
}
