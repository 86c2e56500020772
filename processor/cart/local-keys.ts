// For tests: the keys of stage two in one process, each read at its own pace. What is known so far is routed as one batch
// (scenario-router.ts); the difference to what a key was told goes to it as commands, cart by cart moves included. Two
// compacted tables hold what was published, in the order in which it was.

import type { AbandonmentRecord, CartRecord } from '#stack/contract/cart.ts'
import { episodeKey } from '#stack/contract/cart.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, DeedCommand, MoveCommand, Person } from '../model.ts'
import { emptyHoldings, takeDeed, takeMove } from './deed.ts'
import type { Holdings } from './deed.ts'
import { judgePerson, takeIn, takeOut } from './judge.ts'
import type { Change } from './retraction.ts'
import { keptFor } from './roles.ts'
import { routeAll } from './scenario-router.ts'
import type { Prices } from './scenario-router.ts'

type Message =
  | MoveCommand
  | DeedCommand
  | { kind: 'in'; event: CartEvent }
  | { kind: 'out'; event: CartEvent }
  | { kind: 'watermark'; watermarkMs: number }

interface Key {
  inbox: Message[]
  holdings: Holdings
  told: Map<string, CartEvent>
  arrived: CartEvent[]
  isMoved: boolean
  watermarkMs: number
  wakeMs: number | null
}

export interface LocalKeysOptions {
  settings: Settings
  hasRetention?: boolean
  prices?: Prices
}

const input = { partition: 0, offset: 0 }
const processedAt = '2024-01-01T00:00:00.000Z'

export class LocalKeys {
  readonly carts = new Map<string, CartRecord>()
  readonly verdicts = new Map<string, AbandonmentRecord>()
  /** All that `cart-abandonment` carried. */
  readonly stream: AbandonmentRecord[] = []
  readonly #keys = new Map<Person, Key>()
  readonly #homes = new Map<string, { key: Person; move: number }>()
  readonly #options: LocalKeysOptions
  #seen: ShopEvent[] = []
  #watermarkMs = -Infinity

  constructor(options: LocalKeysOptions) {
    this.#options = options
  }

  get names(): Person[] {
    return [...this.#keys.keys()]
  }

  /** Kept by all keys together. */
  get heldEvents(): number {
    return [...this.#keys.values()].reduce((sum, { holdings }) => sum + holdings.events.length, 0)
  }

  /** What they would keep, were nothing let go (T5). */
  get toldEvents(): number {
    return [...this.#keys.values()].reduce((sum, { told }) => sum + told.size, 0)
  }

  /** Routes what is known now and puts the difference into the inboxes, then the watermark. */
  tell(arrived: readonly ShopEvent[], watermarkMs: number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs)
    if (arrived.length > 0) this.#route(arrived)
    for (const key of this.#keys.values()) {
      key.inbox.push({ kind: 'watermark', watermarkMs: this.#watermarkMs })
    }
  }

  #route(arrived: readonly ShopEvent[]): void {
    this.#seen = [...this.#seen, ...arrived]
    const routed = routeAll(this.#seen, this.#options.settings, this.#options.prices)
    this.#moveHomes(routed)
    for (const [name, events] of routed) this.#tellKey(name, events)
    for (const name of this.names) if (!routed.has(name)) this.#tellKey(name, [])
  }

  /** Reads some of a key's inbox, then judges it. */
  read(name: Person, count: number): void {
    const key = this.#keyOf(name)
    for (const message of key.inbox.splice(0, count)) this.#take(key, message)
    this.#judge(key)
  }

  /** Until nothing is under way any more. */
  drain(): void {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true
      for (const [name, { inbox }] of this.#keys) {
        if (inbox.length === 0) continue
        isQuiet = false
        this.read(name, inbox.length)
      }
    }
  }

  /** R1, R5: where each cart's events are kept; a user's own cart stays where it is. */
  #moveHomes(routed: ReadonlyMap<Person, CartEvent[]>): void {
    for (const [key, events] of routed) {
      for (const event of events) {
        const cartKey = keptFor(event)
        if (!cartKey.startsWith('u:')) this.#moveHome(cartKey, key)
      }
    }
  }

  #moveHome(cartKey: string, key: Person): void {
    const home = this.#homes.get(cartKey)
    if (home?.key === key) return
    const move = home === undefined ? 0 : home.move + 1
    this.#homes.set(cartKey, { key, move })
    if (home === undefined) return
    const from = this.#keyOf(home.key)
    from.inbox.push({ kind: 'away', key: home.key, cartKey, move, to: key, input })
    this.#keyOf(key).inbox.push({ kind: 'here', key, cartKey, move, input })
  }

  #tellKey(name: Person, events: readonly CartEvent[]): void {
    const key = this.#keyOf(name)
    const told = new Map(events.map((event) => [idOf(event), event]))
    for (const [id, event] of key.told) {
      if (!told.has(id)) key.inbox.push({ kind: 'out', event })
    }
    for (const [id, event] of told) {
      const isNews = JSON.stringify(key.told.get(id)) !== JSON.stringify(event)
      if (isNews) key.inbox.push({ kind: 'in', event })
    }
    key.told = told
  }

  #take(key: Key, message: Message): void {
    if (message.kind === 'watermark') key.watermarkMs = message.watermarkMs
    else if (message.kind === 'in') {
      if (takeIn(key.holdings, message.event)) key.arrived.push(message.event)
    } else if (message.kind === 'out') {
      if (takeOut(key.holdings, message.event)) key.isMoved = true
    } else if (message.kind === 'deed') {
      key.isMoved = true
      this.#post(takeDeed(key.holdings, message))
    } else this.#post(takeMove(key.holdings, message))
  }

  #post(deeds: readonly DeedCommand[]): void {
    // Through JSON, as the topic carries it.
    for (const deed of deeds) this.#keyOf(deed.key).inbox.push(structuredClone(deed))
  }

  #judge(key: Key): void {
    const { settings, hasRetention = false } = this.#options
    const { watermarkMs } = key
    const change: Change = { arrived: key.arrived, isMoved: key.isMoved }
    const context = { watermarkMs, settledMs: watermarkMs, settings, processedAt, hasRetention }
    const { difference, wakeMs } = judgePerson(key.holdings, change, context)
    key.arrived = []
    key.isMoved = false
    key.wakeMs = wakeMs
    for (const row of difference.carts) this.carts.set(episodeKey(row.cartKey, row.episode), row)
    for (const name of difference.tombstones) this.carts.delete(name)
    for (const record of difference.abandonments) {
      this.stream.push(record)
      this.verdicts.set(record.abandonmentId, record)
    }
  }

  #keyOf(name: Person): Key {
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = {
        inbox: [],
        holdings: emptyHoldings(name),
        told: new Map(),
        arrived: [],
        isMoved: false,
        watermarkMs: -Infinity,
        wakeMs: null,
      }
      this.#keys.set(name, key)
    }
    return key
  }
}

function idOf({ source, eventId, via = '' }: CartEvent): string {
  return `${source}\n${eventId}\n${via}`
}
