// One subscription: what of its topic is read into the window of its delivery, who receives of it, and what of it is
// settled. The only writer of its own rows in the store.

import { windowMessages } from './limits.ts'
import { Delivery } from './delivery.ts'
import type { DeliveryRef } from './delivery.ts'
import type { Consumer, Entry, StoredMessage } from './entry.ts'
import { parseFilter } from './filter.ts'
import type { Filter } from './filter.ts'
import type { Store } from './store.ts'
import { deliveryRules } from './subscription-config.ts'
import type { SubscriptionConfig } from './subscription-config.ts'
import { readMessage } from './wire.ts'

/** Whoever is given messages: a stream, a pull that waits, a push endpoint. */
export interface Receiver {
  consumer: Consumer
  leaseMs: number
  most: { messages: number; bytes: number }
  /** False while what was given is not yet on its way. */
  isWritable(): boolean
  deliver(entries: readonly Entry[]): void
  /** The subscription is gone or detached. */
  end(error: Error): void
}

/** The floor, and what beyond it is settled. */
export interface Settled {
  floorSeq: number
  settledSeqs: readonly number[]
}

const readAtOnce = 1000
/** With one consumer that takes everything and settles nothing. */
const heldMessagesMax = 50_000

export class Subscription {
  readonly id: number
  readonly name: string
  readonly receivers = new Set<Receiver>()
  /** Domain time of its last use; it expires by it. */
  lastUseMs: number
  #config: SubscriptionConfig
  #delivery: Delivery
  #filter: Filter | undefined
  /** Everything up to here has been offered, filtered out or was settled before. */
  #readSeq: number
  /** Beyond the floor and not yet read again. */
  #skip: Set<number>
  readonly #store: Store

  constructor(
    { id, name, config }: { id: number; name: string; config: SubscriptionConfig },
    store: Store,
    nowMs: number,
  ) {
    this.id = id
    this.name = name
    this.lastUseMs = nowMs
    this.#config = config
    this.#store = store
    this.#filter = config.filter === '' ? undefined : parseFilter(config.filter)
    this.#readSeq = store.floorOf(id)
    this.#skip = new Set(store.settledOf(id))
    // Of an earlier life nothing is out any more; its deliveries had lower numbers.
    this.#delivery = new Delivery(deliveryRules(config), Math.round(nowMs * 1000))
  }

  get config(): SubscriptionConfig {
    return this.#config
  }

  set config(config: SubscriptionConfig) {
    this.#config = config
    this.#delivery.rules = deliveryRules(config)
  }

  get nextDueMs(): number {
    return this.#delivery.nextDueMs
  }

  get outstanding(): number {
    return this.#delivery.outstanding
  }

  /** All up to here is settled. */
  get floorSeq(): number {
    return (this.#delivery.firstSeq ?? this.#readSeq + 1) - 1
  }

  /** What was just written to the topic; `previousSeq` is the newest that it held before. */
  appended(messages: readonly StoredMessage[], previousSeq: number): void {
    const isCaughtUp = this.#readSeq >= previousSeq
    if (!isCaughtUp || this.receivers.size === 0 || this.#room < messages.length) return
    for (const message of messages) this.#offer(message)
  }

  /** Gives to every receiver what it may have. */
  pump(nowMs: number): void {
    this.#delivery.advance(nowMs)
    for (let isMoving = this.receivers.size > 0; isMoving;) {
      isMoving = false
      this.#fill()
      for (const receiver of this.receivers) {
        if (!receiver.isWritable() || !receiver.consumer.hasCredit) continue
        const { consumer, leaseMs, most } = receiver
        const entries = this.#delivery.take(consumer, most, { nowMs, leaseMs })
        if (entries.length === 0) continue
        receiver.deliver(entries)
        isMoving = true
        // The next one's turn comes first next time.
        if (this.receivers.delete(receiver)) this.receivers.add(receiver)
        break
      }
    }
  }

  isCurrent(ref: DeliveryRef): boolean {
    return this.#delivery.isCurrent(ref)
  }

  acknowledge(refs: readonly DeliveryRef[]): void {
    for (const ref of refs) this.#delivery.acknowledge(ref)
    this.#write()
  }

  modifyDeadline(refs: readonly DeliveryRef[], leaseMs: number, nowMs: number): void {
    for (const ref of refs) this.#delivery.modifyDeadline(ref, leaseMs, nowMs)
  }

  /** Those that failed too often are copied elsewhere by `copy`, and settled here with that. */
  forwardDeadLetters(copy: (entry: Entry) => void): void {
    for (const entry of this.#delivery.takeDeadLetters()) {
      this.#store.transaction(() => {
        copy(entry)
        this.#delivery.settleDeadLetter(entry)
        this.#write()
      })
    }
  }

  settled(): Settled {
    return { floorSeq: this.floorSeq, settledSeqs: this.#store.settledOf(this.id) }
  }

  /** From here on it stands there; deliveries that are out are stale. */
  seek({ floorSeq, settledSeqs }: Settled): void {
    const nextDelivery = this.#delivery.nextDelivery
    this.#delivery.end()
    this.#delivery = new Delivery(deliveryRules(this.#config), nextDelivery)
    this.#readSeq = floorSeq
    this.#skip = new Set(settledSeqs)
    this.#store.resettle({ subscriptionId: this.id, floorSeq, settledSeqs })
  }

  /** Messages that were kept long enough. */
  expireUpTo(seq: number): void {
    if (seq <= this.floorSeq) return
    this.#delivery.dropUpTo(seq)
    this.#readSeq = Math.max(this.#readSeq, seq)
    this.#delivery.takeSettled()
    this.#store.settle({ subscriptionId: this.id, floorSeq: this.floorSeq, settledSeqs: [] })
  }

  end(error: Error): void {
    for (const receiver of this.receivers) receiver.end(error)
    this.receivers.clear()
    this.#delivery.end()
  }

  get #room(): number {
    const waiting = this.#delivery.size - this.#delivery.outstanding
    return Math.min(windowMessages - waiting, heldMessagesMax - this.#delivery.size)
  }

  #fill(): void {
    while (this.#readSeq < this.#store.lastSeq && this.#room >= readAtOnce) {
      const messages = this.#store.messagesAfter(this.#config.topicId, this.#readSeq, readAtOnce)
      for (const message of messages) this.#offer(message)
      if (messages.length < readAtOnce) this.#readSeq = this.#store.lastSeq
    }
  }

  #offer(message: StoredMessage): void {
    this.#readSeq = message.seq
    if (this.#skip.delete(message.seq)) return
    if (this.#filter && !this.#filter(readMessage(message.body).attributes)) return
    this.#delivery.offer(message)
  }

  #write(): void {
    const settled = this.#delivery.takeSettled()
    if (settled.length === 0) return
    const { floorSeq } = this
    const settledSeqs = settled.filter((seq) => seq > floorSeq)
    this.#store.settle({ subscriptionId: this.id, floorSeq, settledSeqs })
  }
}
