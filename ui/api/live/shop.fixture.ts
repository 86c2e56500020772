// A small shop for tests: seeded shoppers whose events, sessions and carts arrive as the processor would write them,
// without broker and processor. It keeps its own count of what happened, so that tests have a truth to compare with.

import type { CartRecord, CartState } from '../../../stack/contract/cart.ts'
import type { Product } from '../../../stack/contract/catalogue.ts'
import { loadCatalogue } from '../../../stack/contract/catalogue.ts'
import type { EnrichedEvent, EventName } from '../../../stack/contract/events.ts'
import type { SessionRecord } from '../../../stack/contract/session.ts'
import { Random } from '../../../stack/base/random.ts'
import { hourMs, isoTime, minuteMs, secondMs } from '../../../stack/base/units.ts'
import type { LiveFold, LiveSurroundings } from './fold.ts'

export const partitions = 4
/** Around a fold: nothing waits, everybody answers. */
export const calm: LiveSurroundings = {
  source: 'local',
  lag: { records: 0, seconds: 0 },
  away: [],
  trouble: null,
}
const abandonAfterMs = hourMs
const sessionGapMs = 30 * minuteMs

export function enriched(
  part: Partial<EnrichedEvent> & { timeMs: number; offset: number },
): EnrichedEvent {
  const { timeMs, offset, ...given } = part
  const at = isoTime(timeMs)
  return {
    schemaVersion: '1.0',
    eventId: `e${offset}`,
    name: 'page_view',
    eventTime: at,
    receivedAt: at,
    source: 'web',
    dialect: 'native',
    anonymousId: 'a1',
    data: {},
    input: { topic: 'ecommerce-events', partition: 0, offset },
    country: null,
    region: null,
    device: null,
    browser: null,
    os: null,
    personId: 'a:a1',
    session: null,
    processedAt: at,
    ...given,
  }
}

export function cartRecord(part: Partial<CartRecord> & { startedMs: number }): CartRecord {
  const { startedMs, ...given } = part
  return {
    cartKey: 'a:a1',
    episode: 1,
    abandonmentId: null,
    state: 'open',
    stage: 'cart',
    personId: 'a:a1',
    cartId: null,
    anonymousId: 'a1',
    userId: null,
    startedAt: isoTime(startedMs),
    lastActivityAt: isoTime(startedMs),
    deadlineAt: isoTime(startedMs + abandonAfterMs),
    abandonedAt: null,
    closedAt: null,
    items: [],
    itemCount: 1,
    units: 1,
    valueMinor: 1000,
    currency: 'EUR',
    currencyMixed: false,
    valueByCurrency: [{ currency: 'EUR', valueMinor: 1000 }],
    declaredValueMinor: null,
    orderId: null,
    afterAbandonment: false,
    recoveredAt: null,
    recoveredValueMinor: null,
    recoveredCurrency: null,
    sessionKeys: [],
    country: null,
    device: null,
    campaignSource: null,
    campaignMedium: null,
    campaignName: null,
    contactable: false,
    suppressed: false,
    reason: null,
    flags: [],
    revision: 0,
    processedAt: isoTime(startedMs),
    ...given,
  }
}

export function sessionRecord(
  part: Partial<SessionRecord> & { startedMs: number; endedMs: number },
): SessionRecord {
  const { startedMs, endedMs, ...given } = part
  return {
    sessionKey: 's1',
    personId: 'a:a1',
    anonymousId: 'a1',
    userId: null,
    startedAt: isoTime(startedMs),
    endedAt: isoTime(endedMs),
    durationMs: endedMs - startedMs,
    eventCount: 1,
    pageViews: 1,
    productViews: 0,
    adds: 0,
    checkouts: 0,
    orders: 0,
    engaged: false,
    funnelStep: 0,
    landingUrl: null,
    exitUrl: null,
    referrer: null,
    campaignSource: null,
    campaignMedium: null,
    campaignName: null,
    country: null,
    device: null,
    isClosed: true,
    revision: 0,
    processedAt: isoTime(endedMs),
    ...given,
  }
}

interface Deed {
  timeMs: number
  run(): void
}

/** Writes into a fold what a shop of about `perSecond` events a second would cause. */
export class FixtureShop {
  readonly #fold: LiveFold
  readonly #random: Random
  readonly #perSecond: number
  readonly #products = loadCatalogue().products.slice(0, 40)
  #deeds: Deed[] = []
  #offset = 0
  #visitor = 0
  #nextVisitMs: number
  truth = { orders: 0, events: 0 }

  constructor(fold: LiveFold, options: { seed: number; perSecond: number; fromMs: number }) {
    this.#fold = fold
    this.#random = new Random(options.seed)
    this.#perSecond = options.perSecond
    this.#nextVisitMs = options.fromMs
  }

  /** Everything that is due until then, in order of time. */
  advanceTo(nowMs: number): void {
    while (this.#nextVisitMs <= nowMs) {
      this.#visit(this.#nextVisitMs)
      this.#nextVisitMs += this.#random.exponential((8 / this.#perSecond) * secondMs)
    }
    this.#deeds.sort((a, b) => a.timeMs - b.timeMs)
    const later = this.#deeds.findIndex((deed) => deed.timeMs > nowMs)
    const due = this.#deeds.splice(0, later < 0 ? this.#deeds.length : later)
    for (const deed of due) deed.run()
    for (let partition = 0; partition < partitions; partition++) {
      this.#fold.observe(partition, nowMs, true, nowMs)
    }
  }

  #at(timeMs: number, run: () => void): void {
    this.#deeds.push({ timeMs, run })
  }

  #visit(startMs: number): void {
    const random = this.#random.fork(this.#visitor)
    const visitor = `visitor-${this.#visitor++}`
    const sessionKey = `session-${visitor}`
    const country = random.pick(['NL', 'DE', 'FR', 'GB', 'US', 'ES'])
    const device = random.pick(['mobile', 'mobile', 'desktop', 'tablet'] as const)
    let timeMs = startMs
    const emit = (name: EventName, data: EnrichedEvent['data']) => {
      const at = timeMs
      this.#at(at, () =>
        this.#event(at, { name, data, anonymousId: visitor, country, device, sessionKey }),
      )
      timeMs += random.logNormal(25, 1) * secondMs
    }
    const product = () => {
      const { productId, name, category } = this.#products[
        Math.floor(this.#products.length * random.float() ** 2)
      ] as Product
      const priced = { unitPriceMinor: 900 + random.int(60) * 100, quantity: 1 + random.int(2) }
      return { productId, name, ...(category === null ? {} : { category }), ...priced }
    }
    emit('page_view', {})
    const views = 1 + random.int(7)
    const items = Array.from({ length: views }, product)
    for (const item of items) emit('view_item', { items: [item] })
    let orders = 0
    if (random.chance(0.35))
      orders = this.#cart(random, visitor, items.slice(0, 2), emit, () => timeMs)
    const endedMs = timeMs
    this.#at(endedMs + sessionGapMs + 30 * secondMs, () =>
      this.#fold.applySession(
        sessionKey,
        sessionRecord({ sessionKey, anonymousId: visitor, startedMs: startMs, endedMs, orders }),
      ),
    )
  }

  #cart(
    random: Random,
    visitor: string,
    items: NonNullable<EnrichedEvent['data']['items']>,
    emit: (name: EventName, data: EnrichedEvent['data']) => void,
    now: () => number,
  ): number {
    const currency = random.chance(0.85) ? 'EUR' : 'USD'
    const startedMs = now()
    const valueMinor = items.reduce(
      (sum, item) => sum + (item.unitPriceMinor as number) * (item.quantity as number),
      0,
    )
    let revision = 0
    const put = (timeMs: number, state: CartState, part: Partial<CartRecord>) => {
      const own = revision++
      this.#at(timeMs, () =>
        this.#fold.applyCart(
          `a:${visitor}#1`,
          cartRecord({
            cartKey: `a:${visitor}`,
            anonymousId: visitor,
            startedMs,
            state,
            revision: own,
            valueMinor,
            currency,
            valueByCurrency: [{ currency, valueMinor }],
            ...part,
          }),
        ),
      )
    }
    for (const item of items) emit('add_to_cart', { items: [item], currency })
    put(startedMs, 'open', {})
    if (random.chance(0.5)) {
      emit('begin_checkout', { currency, items })
      put(now(), 'open', { stage: 'checkout', lastActivityAt: isoTime(now()) })
      if (random.chance(0.6)) {
        const orderId = `order-${visitor}`
        const boughtMs = now()
        emit('purchase', { orderId, currency, items, taxMinor: 210, shippingMinor: 495 })
        put(boughtMs, 'converted', { stage: 'payment', closedAt: isoTime(boughtMs), orderId })
        if (random.chance(0.05)) emit('refund', { orderId, currency, amountMinor: 500 })
        return 1
      }
    }
    if (random.chance(0.1)) {
      put(now(), 'emptied', { closedAt: isoTime(now()), valueMinor: 0, valueByCurrency: [] })
      return 0
    }
    const abandonedMs = now() + abandonAfterMs
    put(abandonedMs, 'abandoned', { abandonedAt: isoTime(abandonedMs) })
    return 0
  }

  #event(
    timeMs: number,
    part: Partial<EnrichedEvent> & { sessionKey: string; anonymousId: string },
  ): void {
    const { sessionKey, ...given } = part
    const offset = this.#offset++
    const partition = offset % partitions
    const event = enriched({
      timeMs,
      offset,
      ...given,
      input: { topic: 'ecommerce-events', partition, offset },
      personId: `a:${part.anonymousId}`,
      session: { key: sessionKey, number: 1, elapsedMs: 0 },
    })
    this.truth.events++
    if (event.name === 'purchase') this.truth.orders++
    const place = { topic: 'enriched-user-events', partition, offset, key: part.anonymousId }
    this.#fold.applyEvent(event, place, timeMs)
  }
}
