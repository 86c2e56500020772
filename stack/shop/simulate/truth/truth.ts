// The truth about a simulated log: told each record as it is received, it says what sessions, carts, orders, refunds
// and figures must come out. Rows have the columns of interfaces.md 4 that matter, named as there.

import { dayMs } from '#stack/base/units.ts'
import type { RejectReason } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Delivery } from '../delivery.ts'
import { actOf, orderActs, stitch } from './acts.ts'
import type { Act } from './acts.ts'
import { cartRow } from './cart-rows.ts'
import { CartLedger } from './carts.ts'
import type { Episode } from './episode.ts'
import { FigureCounter } from './figures.ts'
import type { Figures } from './figures.ts'
import { ordersOf, refundsOf } from './money.ts'
import type { TrueOrder, TrueRefund } from './money.ts'
import { funnelSteps, sessionRow, sessionsOf } from './sessions.ts'
import type { TrueSession } from './sessions.ts'

export type Row = Record<string, unknown>

export interface Truth {
  counts: {
    received: number
    valid: number
    duplicate: number
    rejected: number
    rejectedBy: Partial<Record<RejectReason, number>>
    /** Valid events of crawlers. */
    bot: number
  }
  /** Rows by table; each must be found once, none may be left over. */
  expect: Record<'sessions' | 'carts' | 'orders' | 'order_lines' | 'refunds', Row[]>
  /** Over everything, as of `asOf`. */
  kpi: Figures
  /** When it was judged; null: after everything that can close has closed. */
  asOf: string | null
}

export class TruthKeeper {
  readonly #settings: Settings
  readonly #acts = new Map<string, Act[]>()
  #late = 0
  #tooLate = 0
  #tests = 0
  readonly #counts: Truth['counts'] = {
    received: 0,
    valid: 0,
    duplicate: 0,
    rejected: 0,
    rejectedBy: {},
    bot: 0,
  }

  constructor(settings: Settings = defaultSettings) {
    this.#settings = settings
  }

  observe(delivery: Delivery): void {
    const counts = this.#counts
    counts.received++
    if (delivery.outcome === 'duplicate') counts.duplicate++
    else if (delivery.outcome === 'valid') this.#keep(delivery)
    else {
      counts.rejected++
      counts.rejectedBy[delivery.outcome] = (counts.rejectedBy[delivery.outcome] ?? 0) + 1
    }
  }

  /** Judged as of a time; without one, after everything that can close has closed. */
  truth(asOfMs: number = Infinity): Truth {
    const expect: Truth['expect'] = {
      sessions: [],
      carts: [],
      orders: [],
      order_lines: [],
      refunds: [],
    }
    const figures = new FigureCounter(this.#settings)
    for (const acts of this.#acts.values()) {
      const person = judge(orderActs([...acts]), asOfMs, this.#settings)
      addRows(expect, person, asOfMs, this.#settings)
      figures.add(withoutBots(person, this.#settings), asOfMs)
    }
    return {
      counts: { ...this.#counts, rejectedBy: { ...this.#counts.rejectedBy } },
      expect,
      kpi: { ...figures.figures(), ...this.#quality },
      asOf: asOfMs === Infinity ? null : new Date(asOfMs).toISOString(),
    }
  }

  #keep(delivery: Delivery): void {
    this.#counts.valid++
    const act = actOf(delivery, this.#settings)
    const acts = this.#acts.get(delivery.shopperId)
    if (acts) acts.push(act)
    else this.#acts.set(delivery.shopperId, [act])
    if (act.isCrawler) this.#counts.bot++
    if (act.isTest) this.#tests++
    if (act.isTooLate) this.#tooLate++
    else if (act.receivedMs - act.timeMs > this.#settings.watermarkDelayMs) this.#late++
  }

  get #quality(): Figures {
    return {
      events: this.#counts.valid,
      late_events: this.#late,
      too_late_events: this.#tooLate,
      bot_events: this.#counts.bot,
      test_events: this.#tests,
      rejected_events: this.#counts.rejected,
      duplicate_events: this.#counts.duplicate,
    }
  }
}

interface Judged {
  acts: Act[]
  sessions: TrueSession[]
  ledger: CartLedger
  episodes: Episode[]
  orders: TrueOrder[]
  refunds: TrueRefund[]
}

function judge(acts: Act[], asOfMs: number, settings: Settings): Judged {
  const ledger = new CartLedger(settings)
  for (const act of acts) ledger.record(act)
  ledger.expire(asOfMs)
  const orders = ordersOf(acts)
  return {
    acts,
    sessions: sessionsOf(acts, settings),
    ledger,
    episodes: [...ledger.carts.values()].flatMap((cart) => cart.episodes),
    refunds: refundsOf(acts, orders),
    orders: [...orders.values()],
  }
}

function addRows(
  expect: Truth['expect'],
  judged: Judged,
  asOfMs: number,
  settings: Settings,
): void {
  for (const session of judged.sessions) expect.sessions.push(sessionRow(session, asOfMs, settings))
  for (const episode of judged.episodes) {
    expect.carts.push(cartRow(judged.ledger, episode, asOfMs, settings))
  }
  for (const order of judged.orders) {
    expect.orders.push(orderRow(order, judged))
    expect.order_lines.push(...lineRows(order))
  }
  for (const refund of judged.refunds) expect.refunds.push(refundRow(refund))
}

function orderRow(order: TrueOrder, { sessions, episodes }: Judged): Row {
  const { event } = order.act
  const { data } = event
  const items = data.items ?? []
  const episode = episodeOf(order.orderId, episodes)
  const session = sessions.find(({ acts }) => acts.includes(order.act))
  return {
    order_id: order.orderId,
    anonymous_id: event.anonymousId ?? null,
    user_id: event.userId ?? null,
    session_key: session?.key ?? null,
    cart_key: episode?.cart.key ?? null,
    episode: episode?.number ?? null,
    ordered_at: event.eventTime,
    received_at: event.receivedAt,
    currency: order.currency,
    merchandise_minor: order.merchandiseMinor,
    ...(data.discountMinor !== undefined && { discount_minor: data.discountMinor }),
    ...(data.taxMinor !== undefined && { tax_minor: data.taxMinor }),
    ...(data.shippingMinor !== undefined && { shipping_minor: data.shippingMinor }),
    ...(data.totalMinor !== undefined && { total_minor: data.totalMinor }),
    refunded_minor: order.refundedMinor,
    units: items.reduce((sum, item) => sum + (item.quantity ?? 1), 0),
    line_count: items.length,
    coupon: data.coupon ?? null,
    payment_method: data.paymentMethod ?? null,
    is_test: order.act.isTest,
  }
}

/** interfaces.md 4: the converted one, then the least cart_key, then the highest episode. */
function episodeOf(orderId: string, episodes: readonly Episode[]): Episode | undefined {
  return episodes
    .filter((episode) => episode.order?.orderId === orderId)
    .sort(
      (a, b) =>
        Number(b.state === 'converted') - Number(a.state === 'converted') ||
        Number(a.cart.key > b.cart.key) - Number(a.cart.key < b.cart.key) ||
        b.number - a.number,
    )[0]
}

function lineRows(order: TrueOrder): Row[] {
  return order.lines.map(({ item, orderDiscountMinor, netMinor }) => ({
    order_id: order.orderId,
    ordered_at: order.act.event.eventTime,
    product_id: item.productId,
    variant_id: item.variantId ?? null,
    quantity: item.quantity ?? 1,
    unit_price_minor: item.unitPriceMinor ?? null,
    order_discount_minor: orderDiscountMinor,
    net_minor: netMinor,
    currency: order.currency,
  }))
}

function refundRow(refund: TrueRefund): Row {
  return {
    order_id: refund.act.event.data.orderId,
    refund_id: refund.refundId,
    refunded_at: refund.act.event.eventTime,
    amount_minor: refund.amountMinor,
    currency: refund.currency,
    is_full: refund.isFull,
    is_orphan: refund.isOrphan,
    flags: refund.flags,
  }
}

/** R24: no figure counts a test, a crawler, or anything of a visitor that was too fast for a person. */
function withoutBots(judged: Judged, settings: Settings): Parameters<FigureCounter['add']>[0] {
  const fast = fastVisitors(judged.acts, settings)
  const isFast = (anonymousId: string | null | undefined) =>
    anonymousId !== undefined && anonymousId !== null && fast.has(anonymousId)
  const counted = judged.acts.filter(
    (act) => !act.isCrawler && !act.isTest && !isFast(act.event.anonymousId),
  )
  const orders = judged.orders.filter(({ act }) => counted.includes(act))
  const stitched = stitch(judged.acts)
  return {
    sessions: judged.sessions.filter(({ acts }) => !isFast(acts[0]?.event.anonymousId)),
    episodes: judged.episodes.filter((episode) => !isFast(episode.anonymousId)),
    orders,
    refunds: judged.refunds.filter(
      ({ act, order }) => !(order ?? { act }).act.isTest && !act.isTest,
    ),
    activePersons: new Set(counted.filter((act) => act.isActivity).map(stitched)),
    buyers: new Set(orders.filter(({ act }) => act.counts).map(({ act }) => stitched(act))),
    personSteps: personSteps(counted, stitched),
  }
}

const funnelWithinMs = 7 * dayMs

/** From each person's first product: how many steps follow one another in T3 order, each within a week of it. */
function personSteps(acts: readonly Act[], stitched: (act: Act) => string): number[] {
  const people = new Map<string, { fromMs: number; steps: number }>()
  const ordered = new Set<string>()
  for (const act of acts) {
    const step = act.isActivity ? funnelSteps[act.event.name] : undefined
    if (step === undefined) continue
    const person = stitched(act)
    if (step === 4) {
      const order = `${person}\n${act.event.data.orderId}`
      if (ordered.has(order)) continue
      ordered.add(order)
    }
    const known = people.get(person)
    if (!known && step === 1) people.set(person, { fromMs: act.timeMs, steps: 1 })
    if (!known || act.timeMs >= known.fromMs + funnelWithinMs) continue
    if (known.steps === step - 1) known.steps = step
  }
  return [...people.values()].map(({ steps }) => steps)
}

function fastVisitors(acts: readonly Act[], settings: Settings): Set<string> {
  const perMinute = new Map<string, number>()
  const fast = new Set<string>()
  for (const act of acts) {
    const { anonymousId } = act.event
    if (anonymousId === undefined || act.isTooLate || act.isTest || act.isServer || !act.hasConsent)
      continue
    const key = `${anonymousId}\n${Math.floor(act.timeMs / 60_000)}`
    const count = (perMinute.get(key) ?? 0) + 1
    perMinute.set(key, count)
    if (count > settings.botEventsPerMinute) fast.add(anonymousId)
  }
  return fast
}
