// What the events of one transaction mean for everything that is derived from events: gathered as they are written, so
// that the events themselves need not be kept. Pure; what of it was known before, rollups.ts and orders.ts find out.

import type { EnrichedEvent } from '#stack/contract/events.ts'
import { minuteMs, secondMs } from '#stack/base/units.ts'
import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import { visitorOf } from '#stack/contract/ids.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Cell } from './columns.ts'
import { moneyFactOf } from './money/facts.ts'
import type { EventReading } from './rows/event-reading.ts'
import type { PaceSketch } from './sketches.ts'

/** R2: an event that names both identities, and is a person's. */
export interface Link {
  anonymousId: string
  userId: string
  ordered: Ordered
}

export interface Links {
  /** Orders from then on may have another person. */
  firstMs: number
  newest: Link
}

export class News {
  /** By anonymousId. */
  readonly links = new Map<string, Links>()
  /** Rows of `money_facts`: as text, which takes less memory than what it says. */
  readonly money: [orderId: string, fact: string][] = []
  /** Rows of `list_prices`: the catalogue's, where an item names none itself. */
  readonly listPrices: Cell[][] = []
  /** R24: visitors that a bot event names. */
  readonly bots = new Set<string>()
  /** R24: visitors that seem faster than a person, with the minute. */
  readonly suspects = new Map<string, number>()
  /** Rows of the rollups of the same name, by their text. */
  readonly activity = new Map<string, Cell[]>()
  readonly productInterest = new Map<string, Cell[]>()
  readonly #settings: Settings
  readonly #pace: PaceSketch

  constructor(settings: Settings, pace: PaceSketch) {
    this.#settings = settings
    this.#pace = pace
  }

  /** The event that was read; `seq` is the number of its row. */
  add(event: EventReading, seq: number): void {
    const { flags, timeMs, name, isTest } = event
    const { isBot, isTooLate, isNobody } = flags
    const isPersons = !isBot && !isTest && !isTooLate && !isNobody
    const isServer = this.#settings.serverSources.includes(event.source)
    if (isBot && !isNobody) this.bots.add(visitorOf(event))
    if (!isTooLate && !isTest && !isNobody && !isServer) this.#count(visitorOf(event), timeMs)
    if (isPersons) this.#addLink(event, timeMs)
    if (isPersons && !isServer) this.#addActivity(event, timeMs)
    if (name === 'purchase' || name === 'refund') this.#addMoney(event.event())
    const { listPrices } = event
    if (listPrices !== undefined && event.leavesPriceOut) this.listPrices.push([seq, listPrices])
  }

  #count(visitor: string, timeMs: number): void {
    const minute = Math.floor(timeMs / minuteMs)
    if (this.#pace.count(visitor, minute) > this.#settings.botEventsPerMinute) {
      this.suspects.set(visitor, minute)
    }
  }

  #addMoney(event: EnrichedEvent): void {
    const money = moneyFactOf(event)
    if (money) this.money.push([money.orderId, JSON.stringify(money)])
  }

  #addLink(event: EventReading, timeMs: number): void {
    const { anonymousId, userId } = event
    if (anonymousId === undefined || userId === undefined) return
    const { seq, name, eventId, source } = event
    const link = { anonymousId, userId, ordered: { timeMs, seq, name, eventId, source } }
    const known = this.links.get(anonymousId)
    const isNewest = !known || compareT3(link.ordered, known.newest.ordered) > 0
    this.links.set(anonymousId, {
      firstMs: Math.min(timeMs, known?.firstMs ?? Infinity),
      newest: isNewest ? link : known.newest,
    })
  }

  /** R12: what `activity` and `product_interest` are made of; relations.ts defines both. */
  #addActivity(event: EventReading, timeMs: number): void {
    const { name, anonymousId = null, userId = null, country, device } = event
    if (name === 'custom' || name === 'refund') return
    const quarterMs = Math.floor(timeMs / quarterWidthMs) * quarterWidthMs
    addRow(this.activity, [quarterMs, anonymousId, userId, country, device])
    if (name !== 'view_item' && name !== 'add_to_cart') return
    for (const productId of event.productIds) {
      addRow(this.productInterest, [quarterMs, productId, name, anonymousId, userId])
    }
  }
}

const quarterWidthMs = 900 * secondMs

function addRow(rows: Map<string, Cell[]>, row: Cell[]): void {
  const text = rowText(row)
  if (!rows.has(text)) rows.set(text, row)
}

/** Equal for equal rows only. */
export function rowText(row: readonly Cell[]): string {
  return JSON.stringify(row)
}
