// The live view as one fold: enriched events, rejected ones, sessions, carts and the watermark in, frames out. It is
// pure: no clock, no network; the shop's now is passed in. Records are kept as facts by their keys, and every figure
// is computed from them when a frame is asked for, so a figure depends on the set of records, not on their order;
// with no reader nothing is computed. Records that a restarted processor wrote twice are recognised by their input
// position. What leaves the window is forgotten; memory is bounded by an hour of traffic.

import type { CartRecord } from '../../../stack/contract/cart.ts'
import type { EnrichedEvent, RejectedEvent } from '../../../stack/contract/events.ts'
import { visitorOf } from '../../../stack/contract/ids.ts'
import type { SessionRecord } from '../../../stack/contract/session.ts'
import type { Settings } from '../../../stack/contract/settings.ts'
import { OffsetWindow } from '../../../stack/base/offset-window.ts'
import { hourMs, minuteMs, secondMs } from '../../../stack/base/units.ts'
import { LiveBots } from './bots.ts'
import { LiveCarts } from './carts.ts'
import { Columns } from './columns.ts'
import { EventLog } from './event-log.ts'
import type { CurrencyMoney, FeedCounts, LiveFrame, LiveKpi, TopProducts } from './frame.ts'
import { LiveMoney } from './money.ts'
import { LiveProducts } from './products.ts'
import { LiveSessions } from './sessions.ts'
import { LiveWatermark } from './watermark.ts'

/** Enriched events are kept this long: an hour, and room for disorder. */
export const eventsKeptMs = 65 * minuteMs
/** Verdicts and sessions longer: the rate of the first minute shown looks 15 minutes further back. */
export const verdictsKeptMs = 80 * minuteMs
const secondsKept = eventsKeptMs / secondMs
const minutesKept = verdictsKeptMs / minuteMs
const topEveryMs = 5 * secondMs
const pruneEveryMs = 10 * secondMs
const samplesMax = 50

const minuteNames = [
  'orders',
  'grossMinor',
  'sessions',
  'abandoned',
  'converted',
  'sessionsClosed',
  'sessionsBought',
] as const

export interface RecordPlace {
  topic: string
  partition: number
  offset: number
  key: string | null
}

export type LiveSurroundings = Pick<LiveFrame, 'source' | 'lag' | 'away' | 'trouble'>

export interface LiveFoldOptions {
  settings: Settings
  epoch: string
  /** What is older was never read. */
  backToMs: number
  /** Names by productId, for events that carry none. */
  productNames?: ReadonlyMap<string, string>
}

export class LiveFold {
  readonly epoch: string
  readonly log = new EventLog()
  readonly #backToMs: number
  readonly #settings: Settings
  /** In which money is shown to whoever chooses none. */
  #currency: string
  readonly #watermark: LiveWatermark
  readonly #bots: LiveBots
  readonly #sessions: LiveSessions
  readonly #carts = new LiveCarts()
  readonly #money = new LiveMoney()
  readonly #products: LiveProducts
  readonly #seconds = new Columns(['orders', 'events'], secondsKept)
  readonly #minutes = new Columns(minuteNames, minutesKept)
  readonly #counts: FeedCounts = {
    events: 0,
    rejected: 0,
    duplicates: 0,
    bots: 0,
    late: 0,
    tooLate: 0,
  }
  /** Inputs whose outcome is known, by the topic that it was read from. */
  readonly #inputs = new OffsetWindow()
  #seq = 0
  #nowMs: number
  #kpi: LiveKpi | undefined
  #top: { products: TopProducts; text: string; seq: number; builtMs: number } | undefined
  #prunedMs = 0
  #lastHeardMs: number | null = null

  constructor({ settings, epoch, backToMs, productNames }: LiveFoldOptions) {
    this.epoch = epoch
    this.#settings = settings
    this.#currency = settings.defaultCurrency
    this.#backToMs = backToMs
    this.#nowMs = backToMs
    this.#watermark = new LiveWatermark(settings)
    this.#bots = new LiveBots(settings.botEventsPerMinute)
    this.#sessions = new LiveSessions(settings)
    this.#products = new LiveProducts(productNames)
  }

  get seq(): number {
    return this.#seq
  }

  get counts(): Readonly<FeedCounts> {
    return this.#counts
  }

  /** The shop's time at which a record was last read; null before the first. */
  get lastHeardMs(): number | null {
    return this.#lastHeardMs
  }

  /** A batch of enriched events was read: where event time stands in its partition. */
  observe(partition: number, newestMs: number, atEnd: boolean, nowMs: number): void {
    this.#watermark.observe(partition, newestMs, atEnd, nowMs)
  }

  applyEvent(event: EnrichedEvent, place: RecordPlace, nowMs: number): void {
    if (this.#isRepeated(place, event.input)) return
    const timeMs = Date.parse(event.eventTime)
    const flags = event.flags ?? []
    this.#counts.events++
    if (flags.includes('late')) this.#counts.late++
    if (flags.includes('tooLate')) this.#counts.tooLate++
    this.#countArrival(Date.parse(event.receivedAt), nowMs)
    this.log.push({ ...place, event, seq: this.#seq + 1 })
    if (timeMs < nowMs - eventsKeptMs) return
    const visitor = visitorOf(event)
    if (!this.#judge(event, visitor, timeMs)) return
    this.#money.apply(event, visitor)
    const { session } = event
    if (session) this.#sessions.see(session.key, visitor, timeMs)
    for (const item of event.data.items ?? []) {
      this.#products.name(item.productId, item.name)
      if (event.name === 'view_item' && session) {
        this.#products.view(item.productId, session.key, timeMs)
      }
    }
  }

  applyRejected(rejected: RejectedEvent, place: RecordPlace, nowMs: number): void {
    if (rejected.input && this.#isRepeated(place, rejected.input)) return
    if (rejected.reason === 'duplicate') this.#counts.duplicates++
    else this.#counts.rejected++
    this.#countArrival(Date.parse(rejected.receivedAt), nowMs)
    this.log.push({ ...place, rejected, seq: this.#seq + 1 })
  }

  applySession(sessionKey: string, session: SessionRecord | null): void {
    this.#sessions.apply(sessionKey, session)
  }

  applyCart(key: string, cart: CartRecord | null): void {
    this.#carts.apply(key, cart)
  }

  /** Forgets what no window reaches; does its work at most every ten seconds of the shop's time. */
  prune(nowMs: number): void {
    if (Math.abs(nowMs - this.#prunedMs) < pruneEveryMs) return
    this.#prunedMs = nowMs
    this.#bots.prune(nowMs - verdictsKeptMs)
    this.#sessions.prune(nowMs - verdictsKeptMs)
    this.#carts.prune(nowMs - verdictsKeptMs)
    this.#money.prune(nowMs - eventsKeptMs)
    this.#products.prune(nowMs - hourMs)
  }

  /** Computes the next frame; what `frame` answers from then on. */
  build(nowMs: number): void {
    this.prune(nowMs)
    this.#seq++
    this.#nowMs = nowMs
    const { isBot } = this.#bots
    const orders = this.#money.orders(isBot)
    const money = this.#money.byCurrency(nowMs - hourMs, nowMs, isBot)
    this.#currency = mainCurrency(money, this.#currency)
    this.#fillSeconds(orders, nowMs)
    this.#fillMinutes(orders, this.#currency, nowMs)
    this.#kpi = this.#figures(money, this.#currency, nowMs)
    this.#rank(orders, this.#currency, nowMs)
  }

  /** What changed after `since`; everything for null. */
  frame(since: number | null, surroundings: LiveSurroundings): LiveFrame {
    if (!this.#kpi) this.build(this.#nowMs)
    const known = since ?? 0
    const { nameOf } = this.#products
    const second = Math.floor(this.#nowMs / secondMs) + 1
    const minute = Math.floor(this.#nowMs / minuteMs) + 1
    const top = this.#top && this.#top.seq > known ? { top: this.#top.products } : {}
    const kind = since === null ? 'snapshot' : since >= this.#seq - 1 ? 'frame' : 'catchup'
    return {
      kind,
      epoch: this.epoch,
      seq: this.#seq,
      sinceSeq: since,
      nowMs: this.#nowMs,
      watermarkMs: this.#watermark.at(this.#nowMs),
      backToMs: this.#backToMs,
      seconds: this.#seconds.changedSince(known, second - secondsKept, second),
      minutes: this.#minutes.changedSince(known, minute - minutesKept, minute),
      kpi: this.#kpi as LiveKpi,
      ...top,
      feed: since === null ? this.log.latest(nameOf) : this.log.since(since, this.#seq, nameOf),
      sampleMs: since === null ? [] : this.log.samples(known, this.#seq, samplesMax),
      counts: { ...this.#counts },
      ...surroundings,
    }
  }

  #isRepeated(place: RecordPlace, input: { partition: number; offset: number }): boolean {
    return this.#inputs.seen(`${place.topic}/${input.partition}`, input.offset)
  }

  #countArrival(receivedMs: number, nowMs: number): void {
    this.#lastHeardMs = nowMs
    const second = Math.floor(receivedMs / secondMs)
    // A clock that test control moved back leaves seconds ahead of it; they are not counted twice.
    if (receivedMs < nowMs - eventsKeptMs || receivedMs > nowMs + secondMs) return
    if (this.#seconds.holds(second)) this.#seconds.add('events', second, 1, this.#seq + 1)
  }

  /** False for what no figure counts; who is a bot is remembered. */
  #judge(event: EnrichedEvent, visitor: string, timeMs: number): boolean {
    const flags = event.flags ?? []
    const anonymous = flags.includes('noConsent')
    if (flags.includes('bot')) {
      this.#counts.bots++
      if (!anonymous) this.#bots.declare(visitor, timeMs)
      return false
    }
    if (flags.includes('test')) return false
    const paced =
      !anonymous &&
      !flags.includes('tooLate') &&
      !this.#settings.serverSources.includes(event.source)
    if (paced) this.#bots.count(visitor, timeMs)
    return true
  }

  #fillSeconds(orders: readonly { timeMs: number }[], nowMs: number): void {
    const counts = countBy(orders, (order) => Math.floor(order.timeMs / secondMs))
    const last = Math.floor(nowMs / secondMs)
    const first = Math.floor(Math.max(this.#backToMs, nowMs - eventsKeptMs) / secondMs) + 1
    for (let at = first; at <= last; at++) {
      if (this.#seconds.holds(at)) {
        this.#seconds.set('orders', at, counts.get(at) ?? 0, this.#seq)
      }
    }
  }

  #fillMinutes(
    orders: readonly { timeMs: number; currency: string; merchandiseMinor: number | null }[],
    currency: string,
    nowMs: number,
  ): void {
    const { isBot } = this.#bots
    const minuteOf = (order: { timeMs: number }) => Math.floor(order.timeMs / minuteMs)
    const counts = countBy(orders, minuteOf)
    const gross = new Map<number, number>()
    for (const order of orders) {
      if (order.currency !== currency) continue
      const at = minuteOf(order)
      gross.set(at, (gross.get(at) ?? 0) + (order.merchandiseMinor ?? 0))
    }
    const carts = this.#carts.minutes(isBot)
    const closed = this.#sessions.closedByMinute(isBot)
    const last = Math.floor(nowMs / minuteMs)
    for (let at = last - minutesKept + 1; at <= last; at++) {
      if (!this.#minutes.holds(at)) continue
      const set = (name: (typeof minuteNames)[number], value: number | undefined) =>
        this.#minutes.set(name, at, value ?? 0, this.#seq)
      set('orders', counts.get(at))
      set('grossMinor', gross.get(at))
      set('sessions', this.#sessions.inMinute(at))
      set('abandoned', carts.abandoned.get(at))
      set('converted', carts.converted.get(at))
      set('sessionsClosed', closed.get(at)?.closed)
      set('sessionsBought', closed.get(at)?.bought)
    }
  }

  #figures(money: CurrencyMoney[], currency: string, nowMs: number): LiveKpi {
    const { isBot } = this.#bots
    const minute = Math.floor(nowMs / minuteMs)
    const second = Math.floor(nowMs / secondMs)
    let sessionsClosed = 0
    let sessionsBought = 0
    for (let at = minute - 59; at <= minute; at++) {
      sessionsClosed += this.#minutes.get('sessionsClosed', at)
      sessionsBought += this.#minutes.get('sessionsBought', at)
    }
    let eventsLast5s = 0
    // The second before now may still be on its way through the processor.
    for (let at = second - 6; at < second - 1; at++) eventsLast5s += this.#seconds.get('events', at)
    return {
      currency,
      money,
      orders5m: this.#money.count(nowMs - 5 * minuteMs, nowMs, isBot),
      sessionsActive: this.#sessions.activeSince(nowMs - 5 * minuteMs, nowMs + 1, isBot),
      sessionsClosed,
      sessionsBought,
      carts: this.#carts.counts(nowMs - hourMs, nowMs + 1, isBot),
      eventsLast5s,
    }
  }

  #rank(orders: Parameters<LiveProducts['ranking']>[0], currency: string, nowMs: number): void {
    if (this.#top && Math.abs(nowMs - this.#top.builtMs) < topEveryMs) return
    const products = this.#products.ranking(orders, currency, nowMs, this.#backToMs)
    const text = JSON.stringify(products)
    const changed = text !== this.#top?.text
    this.#top = {
      products,
      text,
      seq: changed ? this.#seq : (this.#top?.seq ?? this.#seq),
      builtMs: nowMs,
    }
  }
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => number): Map<number, number> {
  const counts = new Map<number, number>()
  for (const item of items) {
    const key = keyOf(item)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** The one before, unless another has more than twice its orders: pages must not change their currency with each order. */
function mainCurrency(money: readonly CurrencyMoney[], before: string): string {
  const own = money.find(({ currency }) => currency === before)?.orders ?? 0
  const [most] = money
  return most !== undefined && most.orders > 2 * own ? most.currency : before
}
