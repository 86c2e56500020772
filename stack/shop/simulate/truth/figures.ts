// The figures of events.md 2.7 over everything that was told, by the names the scenarios give them. A ratio without
// a denominator is null, else one division of two integers.

import type { Settings } from '#stack/contract/settings.ts'
import { valueOf } from './episode.ts'
import type { Episode } from './episode.ts'
import type { TrueOrder, TrueRefund } from './money.ts'
import { isEngaged } from './sessions.ts'
import type { TrueSession } from './sessions.ts'

/** What one person's log came to, bots and tests taken out. */
export interface PersonResult {
  sessions: TrueSession[]
  episodes: Episode[]
  orders: TrueOrder[]
  refunds: TrueRefund[]
  /** Stitched persons with activity, and with an order. */
  activePersons: Set<string>
  buyers: Set<string>
  /** How far each person came after their first product, step by step within a week (2.7). */
  personSteps: number[]
}

export type Figures = Record<string, number | null>

export class FigureCounter {
  readonly #settings: Settings
  readonly #counts = new Map<string, number>()
  readonly #active = new Set<string>()
  readonly #buyers = new Set<string>()
  readonly #durations: number[] = []

  constructor(settings: Settings) {
    this.#settings = settings
  }

  add(result: PersonResult, asOfMs: number): void {
    for (const person of result.activePersons) this.#active.add(person)
    for (const person of result.buyers) this.#buyers.add(person)
    for (const session of result.sessions) this.#addSession(session, asOfMs)
    for (const episode of result.episodes) this.#addEpisode(episode)
    for (const order of result.orders) this.#addOrder(order)
    for (const { amountMinor, currency } of result.refunds) {
      this.#count('refund_count', 1)
      if (currency !== null) this.#count(`refunds:${currency}`, amountMinor)
    }
    for (const steps of result.personSteps) {
      for (let step = 1; step <= steps; step++) this.#count(`funnel_person_s${step}`, 1)
    }
  }

  figures(): Figures {
    const n = (name: string) => this.#counts.get(name) ?? 0
    const abandonments = n('abandonments')
    const conversions = n('conversions')
    const sessions = n('sessions')
    const started = n('carts_started')
    const emptied = n('carts_emptied')
    const bought = n('bought')
    return {
      sessions,
      engaged_sessions: n('engaged'),
      bounce_rate: ratio(sessions - n('engaged'), sessions),
      sessions_with_purchase: n('with_purchase'),
      session_conversion_rate: ratio(n('with_purchase'), sessions),
      session_duration_mean_ms: ratio(sum(this.#durations), this.#durations.length),
      session_duration_median_ms: median(this.#durations),
      active_users: this.#active.size,
      new_users: this.#active.size,
      returning_users: 0,
      buyers: this.#buyers.size,
      user_conversion_rate: ratio(this.#buyers.size, this.#active.size),
      abandonments,
      conversions,
      recoveries: n('recoveries'),
      carts_started: started,
      carts_emptied: emptied,
      carts_bought: bought,
      cart_abandonment_rate_live: ratio(abandonments, abandonments + conversions),
      cart_abandonment_rate_cohort: ratio(started - emptied - bought, started - emptied),
      cart_abandonment_rate_strict: ratio(started - bought, started),
      recovery_rate: ratio(n('recoveries'), abandonments),
      recovery_rate_cohort: ratio(n('recoveries'), abandonments),
      checkout_abandonment_rate: ratio(n('checkouts') - n('checkouts_bought'), n('checkouts')),
      orders: n('orders'),
      refund_count: n('refund_count'),
      units: n('units'),
      units_per_order: ratio(n('units'), n('orders')),
      ...this.#steps(),
      ...this.#money(),
    }
  }

  #addSession(session: TrueSession, asOfMs: number): void {
    this.#count('sessions', 1)
    if (isEngaged(session)) this.#count('engaged', 1)
    if (session.orders > 0) this.#count('with_purchase', 1)
    if (asOfMs >= session.endedMs + this.#settings.sessionGapMs) {
      this.#durations.push(session.endedMs - session.startedMs)
    }
    for (let step = 1; step <= session.closedSteps; step++) this.#count(`funnel_closed_s${step}`, 1)
    for (const step of session.openSteps) this.#count(`funnel_open_s${step}`, 1)
  }

  #addEpisode(episode: Episode): void {
    const { state, stage, abandonedMs } = episode
    const isBought = state === 'converted' || state === 'recovered'
    if (abandonedMs !== undefined) {
      this.#count('abandonments', 1)
      const value = episodeValue(episode)
      if (value) this.#count(`abandoned_value:${value.currency}`, value.valueMinor)
    }
    if (state === 'recovered') this.#addRecovery(episode)
    if (state === 'converted' && episode.from === undefined) this.#count('conversions', 1)
    if (state === 'merged') return
    this.#count('carts_started', 1)
    if (state === 'emptied') this.#count('carts_emptied', 1)
    if (isBought) this.#count('bought', 1)
    if (stage === 0) return
    this.#count('checkouts', 1)
    if (isBought) this.#count('checkouts_bought', 1)
  }

  #addRecovery({ order }: Episode): void {
    this.#count('recoveries', 1)
    if (order) this.#count(`recovered_value:${order.currency}`, order.merchandiseMinor ?? 0)
  }

  #addOrder(order: TrueOrder): void {
    const { currency, merchandiseMinor } = order
    const { taxMinor = 0, shippingMinor = 0, totalMinor } = order.act.event.data
    const charged = totalMinor ?? (merchandiseMinor ?? 0) + taxMinor + shippingMinor
    this.#count('orders', 1)
    this.#count(`orders:${currency}`, 1)
    this.#count(`gross_revenue:${currency}`, merchandiseMinor ?? 0)
    this.#count(`refunded:${currency}`, order.refundedMinor)
    this.#count(`charged_total:${currency}`, charged)
    for (const { item } of order.lines) this.#count('units', item.quantity ?? 1)
  }

  #steps(): Figures {
    const steps: Figures = {}
    const at = (kind: string, step: number) => this.#counts.get(`funnel_${kind}_s${step}`) ?? 0
    for (const step of [1, 2, 3, 4]) {
      for (const kind of ['closed', 'open', 'person'])
        steps[`funnel_${kind}_s${step}`] = at(kind, step)
      if (step === 1) continue
      steps[`funnel_closed_rate_s${step}`] = ratio(at('closed', step), at('closed', step - 1))
    }
    return steps
  }

  #money(): Figures {
    const money: Figures = {}
    const currencies = [...this.#counts.keys()].flatMap((name) => name.split(':')[1] ?? [])
    for (const currency of new Set(currencies.sort())) {
      const of = (name: string) => this.#counts.get(`${name}:${currency}`) ?? 0
      money[`gross_revenue:${currency}`] = of('gross_revenue')
      money[`refunds:${currency}`] = of('refunds')
      money[`net_revenue:${currency}`] = of('gross_revenue') - of('refunds')
      money[`net_revenue_by_order_date:${currency}`] = of('gross_revenue') - of('refunded')
      money[`charged_total:${currency}`] = of('charged_total')
      money[`aov:${currency}`] = ratio(of('gross_revenue'), of('orders'))
      money[`abandoned_value:${currency}`] = of('abandoned_value')
      money[`recovered_value:${currency}`] = of('recovered_value')
    }
    return money
  }

  #count(name: string, by: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }
}

/** Unknown values are left out. */
function episodeValue(episode: Episode): { valueMinor: number; currency: string } | undefined {
  const valueMinor = valueOf(episode)
  const currency = episode.prices.values().next().value?.currency
  return valueMinor === null || currency === undefined ? undefined : { valueMinor, currency }
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

function median(numbers: readonly number[]): number | null {
  const sorted = numbers.toSorted((a, b) => a - b)
  const low = sorted[(sorted.length - 1) >> 1]
  const high = sorted[sorted.length >> 1]
  return low === undefined || high === undefined ? null : (low + high) / 2
}
