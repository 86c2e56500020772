// The truth about a simulated log: told each record as it is received, it says what sessions, carts, orders, refunds
// and figures must come out. Rows have the columns of interfaces.md 4 that matter, named as there.

import type { RejectReason } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Delivery } from '../delivery.ts'
import { actOf, orderActs } from './acts.ts'
import type { Act } from './acts.ts'
import { cartRow } from './cart-rows.ts'
import { CartLedger } from './carts.ts'
import { addFacts, always, lies, noFacts } from './facts.ts'
import type { Facts, Judged, Window } from './facts.ts'
import { figuresOf } from './figures.ts'
import { ordersOf, refundsOf } from './money.ts'
import { lineRows, orderRow, refundRow } from './order-rows.ts'
import { sessionRow, sessionsOf } from './sessions.ts'
import type { Figures } from './sums.ts'

export type Row = Record<string, unknown>

export const truthTables = ['sessions', 'carts', 'orders', 'order_lines', 'refunds'] as const
export type TruthTable = (typeof truthTables)[number]

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
  expect: Record<TruthTable, Row[]>
  /** Over everything, as of `asOf`. */
  kpi: Figures
  /** When it was judged; null: after everything that can close has closed. */
  asOf: string | null
}

interface Judgement {
  asOfMs: number
  expect: Truth['expect']
  facts: Facts
}

export class TruthKeeper {
  readonly #settings: Settings
  readonly #acts = new Map<string, Act[]>()
  readonly #refused: Delivery[] = []
  #judgement: Judgement | undefined

  constructor(settings: Settings = defaultSettings) {
    this.#settings = settings
  }

  observe(delivery: Delivery): void {
    this.#judgement = undefined
    if (delivery.outcome !== 'valid') {
      this.#refused.push(delivery)
      return
    }
    const act = actOf(delivery, this.#settings)
    const acts = this.#acts.get(delivery.shopperId)
    if (acts) acts.push(act)
    else this.#acts.set(delivery.shopperId, [act])
  }

  /** Judged as of a time; without one, after everything that can close has closed. */
  truth(asOfMs: number = Infinity): Truth {
    return {
      counts: this.#counts(),
      expect: this.#judged(asOfMs).expect,
      kpi: this.figures(always, asOfMs),
      asOf: asOfMs === Infinity ? null : new Date(asOfMs).toISOString(),
    }
  }

  /** What happened in a window, judged as of a time. */
  figures(window: Window, asOfMs: number = Infinity): Figures {
    const { facts } = this.#judged(asOfMs)
    return {
      ...figuresOf(facts, window, { settings: this.#settings, asOfMs }),
      ...this.#qualityFigures(window),
    }
  }

  #judged(asOfMs: number): Judgement {
    if (this.#judgement?.asOfMs === asOfMs) return this.#judgement
    const facts = noFacts()
    const expect: Truth['expect'] = {
      sessions: [],
      carts: [],
      orders: [],
      order_lines: [],
      refunds: [],
    }
    for (const acts of this.#acts.values()) {
      const ledger = new CartLedger(this.#settings)
      const judged = judge(orderActs([...acts]), ledger, { asOfMs, settings: this.#settings })
      for (const session of judged.sessions) {
        expect.sessions.push(sessionRow(session, asOfMs, this.#settings))
      }
      for (const episode of judged.episodes) {
        expect.carts.push(
          cartRow({ ledger, sessions: judged.sessions }, episode, asOfMs, this.#settings),
        )
      }
      for (const order of judged.orders) {
        expect.orders.push(orderRow(order, judged))
        expect.order_lines.push(...lineRows(order))
      }
      for (const refund of judged.refunds) expect.refunds.push(refundRow(refund))
      addFacts(facts, judged, this.#settings)
    }
    return (this.#judgement = { asOfMs, expect, facts })
  }

  #counts(): Truth['counts'] {
    const valid = [...this.#acts.values()].flat()
    const rejectedBy: Truth['counts']['rejectedBy'] = {}
    let duplicate = 0
    for (const { outcome } of this.#refused) {
      if (outcome === 'duplicate') duplicate++
      else if (outcome !== 'valid') rejectedBy[outcome] = (rejectedBy[outcome] ?? 0) + 1
    }
    return {
      received: valid.length + this.#refused.length,
      valid: valid.length,
      duplicate,
      rejected: this.#refused.length - duplicate,
      rejectedBy,
      bot: valid.filter(({ isCrawler }) => isCrawler).length,
    }
  }

  /** Valid events at their own time, the others when they were received. */
  #qualityFigures(window: Window): Figures {
    const valid = [...this.#acts.values()].flatMap((acts) =>
      acts.filter(({ timeMs }) => lies(timeMs, window)),
    )
    const refused = this.#refused.filter(({ receivedMs }) => lies(receivedMs, window))
    const duplicates = refused.filter(({ outcome }) => outcome === 'duplicate').length
    const count = (holds: (act: Act) => boolean) => valid.filter(holds).length
    return {
      events: valid.length,
      late_events: count(({ isLate }) => isLate),
      too_late_events: count(({ isTooLate }) => isTooLate),
      bot_events: count(({ isCrawler }) => isCrawler),
      test_events: count(({ isTest }) => isTest),
      rejected_events: refused.length - duplicates,
      duplicate_events: duplicates,
    }
  }
}

function judge(
  acts: Act[],
  ledger: CartLedger,
  { asOfMs, settings }: { asOfMs: number; settings: Settings },
): Judged {
  for (const act of acts) ledger.record(act)
  ledger.expire(asOfMs)
  const orders = ordersOf(acts)
  return {
    acts,
    sessions: sessionsOf(acts, settings),
    episodes: [...ledger.carts.values()].flatMap((cart) => cart.episodes),
    refunds: refundsOf(acts, orders),
    orders: [...orders.values()],
  }
}
