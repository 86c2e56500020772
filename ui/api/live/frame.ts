// What travels to the page: frames of the live view. A frame says what changed since another frame; rows of seconds
// and minutes are absolute and idempotent, so a gap is mended by sending every row that changed since the last frame
// the reader has. Times are milliseconds; money is integer minor units; rates are two integers that the page divides.

import type { DeviceClass, EventName } from '../../../stack/contract/events.ts'
import type { Trouble } from '../cloud/trouble.ts'

export const liveWindowsMin = [1, 5, 15, 60] as const
export type LiveWindowMin = (typeof liveWindowsMin)[number]

export type FrameSource = 'local' | 'cloud'

export interface LiveFrame {
  /** snapshot: everything. catchup: what changed since the reader's last frame. frame: what changed in one step. */
  kind: 'snapshot' | 'catchup' | 'frame'
  /** Of this run of the dashboard; sequences of different epochs cannot be compared. */
  epoch: string
  seq: number
  /** The frame that this one follows for its reader; null for a snapshot. A reader at an older one has a gap. */
  sinceSeq: number | null
  /** The shop's now when the frame was built. */
  nowMs: number
  /** Seconds at or after it are provisional. Null before the first record. */
  watermarkMs: number | null
  /** Where the view's knowledge starts; windows that reach further back are still warming up. */
  backToMs: number
  seconds: SecondRows
  minutes: MinuteRows
  kpi: LiveKpi
  /** Only when it changed, at most every five seconds. */
  top?: TopProducts
  feed: FeedPart
  /** Event times of at most 50 events that are new in this frame, for the latency from event to pixel. */
  sampleMs: number[]
  /** Consumed so far by this view, since it started. */
  counts: FeedCounts
  lag: { records: number; seconds: number }
  /** Parts that do not answer, by name. */
  away: string[]
  /** What fed it: Kafka, or Pub/Sub. */
  source: FrameSource
  /** Of Pub/Sub: why nothing comes, and what to do; null while it does. */
  trouble: Trouble | null
}

/** Columns of equal length: rows that changed; a row that was never sent is zero. `at` is in whole seconds (minutes) since 1970. */
export interface SecondRows {
  at: number[]
  /** By event time. */
  orders: number[]
  /** By arrival at the collector, bots included: an operations number. */
  events: number[]
}

export interface MinuteRows {
  at: number[]
  orders: number[]
  /** In the main currency. */
  grossMinor: number[]
  /** Distinct sessions with an event in the minute. */
  sessions: number[]
  abandoned: number[]
  converted: number[]
  /** Sessions whose end became certain in the minute, and those of them with a purchase. */
  sessionsClosed: number[]
  sessionsBought: number[]
}

export interface CurrencyMoney {
  currency: string
  orders: number
  grossMinor: number
  refundsMinor: number
  /** Orders and refunds whose amount nobody knows: counted, not added. */
  unknown: number
}

export interface LiveKpi {
  /** Of most orders; what columns and the ranking are in. */
  currency: string
  /** Last 60 minutes, most orders first. */
  money: CurrencyMoney[]
  /** Last 5 minutes. */
  orders5m: number
  sessionsActive: number
  /** Sessions that closed in the last 60 minutes, and those of them with a purchase. */
  sessionsClosed: number
  sessionsBought: number
  carts: CartCounts
  /** The last five whole seconds by arrival. */
  eventsLast5s: number
}

export interface CartCounts {
  /** Open now, without checkout. */
  open: number
  /** Open now, checkout begun. */
  checkout: number
  /** Of all open carts. */
  openValue: { currency: string; valueMinor: number }[]
  openUnpriced: number
  /** Last 60 minutes. */
  started: number
  converted: number
  abandoned: number
  recovered: number
  emptied: number
}

export interface TopProducts {
  currency: string
  byWindow: Record<LiveWindowMin, TopProduct[]>
}

export interface TopProduct {
  productId: string
  name: string
  netMinor: number
  units: number
  /** Rank in the window before this one; null where it had none, undefined where that window is not known. */
  rankBefore?: number | null
  /** Distinct sessions of the window that viewed it, and that bought it. */
  viewers: number
  buyers: number
}

export interface FeedPart {
  /** Newest last. */
  rows: FeedRow[]
  /** How many arrived since the reader's last frame: rows are a sample where this is more. */
  outOf: number
}

export interface FeedRow {
  /** Counts up with arrival at this view. */
  index: number
  timeMs: number
  receivedMs: number
  /** An event's name, or `rejected` with its reason below. */
  name: EventName | 'rejected'
  who: string | null
  what: string | null
  amountMinor: number | null
  currency: string | null
  country: string | null
  device: DeviceClass | null
  flags: string[]
}

export interface FeedCounts {
  events: number
  rejected: number
  duplicates: number
  bots: number
  late: number
  tooLate: number
}
