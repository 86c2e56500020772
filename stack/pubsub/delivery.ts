// What one subscription delivers to whom: leases, lanes, delays, attempts. Pure: messages are offered, time is passed in,
// nothing waits. What is settled can never be delivered again; the caller writes that down before it answers.
//
//   waiting ──take──▶ leased ──acknowledge──▶ settled
//      ▲                 │
//      └─ (after a delay) ── nacked, or its deadline has passed; after too many attempts: a dead letter
//
// Times are of the protocol's clock, in milliseconds.

import { invariant } from '../base/invariant.ts'
import { TimeHeap } from '../base/time-heap.ts'
import type { Consumer, Entry, StoredMessage } from './entry.ts'
import { Lane } from './lane.ts'

export interface DeliveryRules {
  isOrdered: boolean
  isExactlyOnce: boolean
  /** Undefined: delivered again at once. */
  backoff: { minimumMs: number; maximumMs: number } | undefined
  /** Undefined: no dead letters. */
  deliveryAttemptsMax: number | undefined
}

/** A delivery, as an ack id names it. */
export interface DeliveryRef {
  seq: number
  delivery: number
}

interface Lease {
  entry: Entry
  delivery: number
}

export class Delivery {
  rules: DeliveryRules
  /** Everything offered and not settled, by place in the topic. */
  readonly #entries = new Map<number, Entry>()
  readonly #lanes = new Map<string, Lane>()
  /** What may be delivered to anybody: messages without a key, and lanes. */
  #ready: (Entry | Lane)[] = []
  readonly #delayed = new TimeHeap<Entry | Lane>()
  readonly #leases = new TimeHeap<Lease>()
  readonly #deadLetters: Entry[] = []
  #outstanding = 0
  #deliveries: number
  #settled: number[] = []

  /** `firstDelivery`: no delivery of an earlier life may have a number from here on. */
  constructor(rules: DeliveryRules, firstDelivery = 1) {
    this.rules = rules
    this.#deliveries = firstDelivery
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many of them are with a consumer. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** From here on no delivery has been numbered. */
  get nextDelivery(): number {
    return this.#deliveries
  }

  /** The first that is not settled. */
  get firstSeq(): number | undefined {
    return this.#entries.keys().next().value
  }

  /** In order of publishing. */
  offer(message: StoredMessage): void {
    const isKeyed = this.rules.isOrdered && message.orderingKey !== ''
    const lane = isKeyed ? this.#lane(message.orderingKey) : undefined
    const entry: Entry = {
      message,
      lane,
      state: 'waiting',
      failures: 0,
      delivery: 0,
      deadlineMs: 0,
      consumer: undefined,
    }
    this.#entries.set(message.seq, entry)
    if (lane) {
      lane.waiting.push(entry)
      this.#queue(lane)
    } else {
      this.#ready.push(entry)
    }
  }

  /** As much as there is, the consumer may hold, and the limits of one answer allow. */
  take(
    consumer: Consumer,
    most: { messages: number; bytes: number },
    { nowMs, leaseMs }: { nowMs: number; leaseMs: number },
  ): Entry[] {
    this.advance(nowMs)
    const taken: Entry[] = []
    const room = { messages: most.messages, bytes: most.bytes }
    const kept: (Entry | Lane)[] = []
    const canTake = () => room.messages > 0 && room.bytes > 0 && consumer.hasCredit
    let at = 0
    for (; at < this.#ready.length && canTake(); at++) {
      const next = this.#ready[at] as Entry | Lane
      if (!(next instanceof Lane)) {
        if (this.#isWaiting(next)) taken.push(this.#lease(next, consumer, nowMs + leaseMs, room))
        continue
      }
      next.isQueued = false
      if (next.isBlocked) continue
      const holder = next.holder
      if (holder === undefined || holder === consumer) {
        while (next.waiting.length > 0 && canTake()) {
          const entry = next.waiting.shift() as Entry
          next.inFlight.push(entry)
          taken.push(this.#lease(entry, consumer, nowMs + leaseMs, room))
        }
      }
      if (next.waiting.length > 0) {
        next.isQueued = true
        kept.push(next)
      }
    }
    this.#ready = [...this.#ready.slice(at), ...kept]
    return taken
  }

  /** Is this the delivery that the message is out with now? */
  isCurrent(ref: DeliveryRef): boolean {
    return this.#leased(ref) !== undefined
  }

  /** A stale one changes nothing. */
  acknowledge(ref: DeliveryRef): void {
    const entry = this.#leased(ref)
    if (!entry) return
    this.#release(entry)
    entry.state = 'acked'
    if (!entry.lane) this.#settle(entry)
    else this.#settleLane(entry.lane, entry)
  }

  /** 0 is a nack. A stale one changes nothing. */
  modifyDeadline(ref: DeliveryRef, leaseMs: number, nowMs: number): void {
    const entry = this.#leased(ref)
    if (!entry) return
    if (leaseMs === 0) this.#fail(entry, nowMs)
    else this.#setDeadline(entry, nowMs + leaseMs)
  }

  /** Leases that have run out and delays that are over. */
  advance(nowMs: number): void {
    while ((this.#leases.nextTimeMs ?? Infinity) <= nowMs) {
      const { entry, delivery } = this.#leases.pop() as Lease
      const isOut = entry.state === 'leased' && entry.delivery === delivery
      if (isOut && entry.deadlineMs <= nowMs) this.#fail(entry, nowMs)
    }
    while ((this.#delayed.nextTimeMs ?? Infinity) <= nowMs) {
      const next = this.#delayed.pop() as Entry | Lane
      if (!(next instanceof Lane)) this.#ready.push(next)
      else if (next.blockedUntilMs <= nowMs) this.#unblock(next)
    }
  }

  /** When time alone changes something next. */
  get nextDueMs(): number {
    return Math.min(this.#leases.nextTimeMs ?? Infinity, this.#delayed.nextTimeMs ?? Infinity)
  }

  /** Messages that have failed too often. They hold their place until `settleDeadLetter`. */
  takeDeadLetters(): Entry[] {
    return this.#deadLetters.splice(0)
  }

  settleDeadLetter(entry: Entry): void {
    entry.state = 'acked'
    if (entry.lane) this.#settleLane(entry.lane, entry)
    else this.#settle(entry)
  }

  /** Those that were settled since it was last asked. */
  takeSettled(): number[] {
    const settled = this.#settled
    this.#settled = []
    return settled
  }

  /** What is too old to be kept: gone, wherever it is. */
  dropUpTo(seq: number): void {
    for (const [each, entry] of this.#entries) {
      if (each > seq) break
      if (entry.state === 'leased') this.#release(entry)
      entry.state = 'acked'
      if (!entry.lane) this.#settle(entry)
      else {
        entry.lane.waiting = entry.lane.waiting.filter((other) => other !== entry)
        this.#settleLane(entry.lane, entry)
        if (entry.lane.inFlight.includes(entry)) continue
        this.#settle(entry)
      }
    }
  }

  /** Every delivery is stale from here on; nothing of this is used again. */
  end(): void {
    for (const entry of this.#entries.values()) if (entry.state === 'leased') this.#release(entry)
    this.#entries.clear()
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key)
    if (!lane) this.#lanes.set(key, (lane = new Lane(key)))
    return lane
  }

  #queue(lane: Lane): void {
    if (lane.isQueued || lane.isBlocked || lane.waiting.length === 0) return
    lane.isQueued = true
    this.#ready.push(lane)
  }

  #unblock(lane: Lane): void {
    lane.blockedUntilMs = 0
    this.#queue(lane)
  }

  #lease(
    entry: Entry,
    consumer: Consumer,
    deadlineMs: number,
    room: { messages: number; bytes: number },
  ): Entry {
    const bytes = entry.message.body.length
    entry.state = 'leased'
    entry.delivery = this.#deliveries++
    entry.consumer = consumer
    this.#outstanding++
    consumer.outstandingMessages++
    consumer.outstandingBytes += bytes
    room.messages--
    room.bytes -= bytes
    this.#setDeadline(entry, deadlineMs)
    return entry
  }

  #setDeadline(entry: Entry, deadlineMs: number): void {
    entry.deadlineMs = deadlineMs
    this.#leases.push(deadlineMs, { entry, delivery: entry.delivery })
  }

  #leased({ seq, delivery }: DeliveryRef): Entry | undefined {
    const entry = this.#entries.get(seq)
    return entry?.state === 'leased' && entry.delivery === delivery ? entry : undefined
  }

  /** Else it was settled while it stood in the queue. */
  #isWaiting(entry: Entry): boolean {
    return entry.state === 'waiting' && this.#entries.get(entry.message.seq) === entry
  }

  #release(entry: Entry): void {
    const { consumer } = entry
    invariant(consumer !== undefined, 'a leased message without a consumer')
    this.#outstanding--
    consumer.outstandingMessages--
    consumer.outstandingBytes -= entry.message.body.length
    entry.consumer = undefined
  }

  #fail(entry: Entry, nowMs: number): void {
    this.#release(entry)
    entry.state = 'waiting'
    entry.failures++
    const most = this.rules.deliveryAttemptsMax
    const isDead = most !== undefined && entry.failures >= most
    const delayMs = isDead ? 0 : this.#backoffMs(entry.failures)
    if (entry.lane) this.#failInLane(entry.lane, entry, nowMs + delayMs)
    else if (isDead) this.#deadLetters.push(entry)
    else if (delayMs > 0) this.#delayed.push(nowMs + delayMs, entry)
    else this.#ready.push(entry)
    if (isDead && entry.lane) this.#deadLetterOf(entry.lane, entry)
  }

  /** Later ones of the lane were delivered too early: their deliveries end, and they follow again. */
  #failInLane(lane: Lane, entry: Entry, againMs: number): void {
    for (const later of lane.withdrawFrom(entry)) {
      if (later.state === 'leased') this.#release(later)
      later.state = 'waiting'
    }
    lane.blockedUntilMs = againMs
    this.#delayed.push(againMs, lane)
  }

  #deadLetterOf(lane: Lane, entry: Entry): void {
    invariant(lane.waiting[0] === entry, 'a dead letter that is not the first of its lane')
    lane.waiting.shift()
    lane.inFlight.unshift(entry)
    this.#deadLetters.push(entry)
  }

  #backoffMs(failures: number): number {
    const { backoff } = this.rules
    if (!backoff) return 0
    return Math.min(backoff.maximumMs, backoff.minimumMs * 2 ** (failures - 1))
  }

  /** With exactly-once an acknowledged one is gone for good; without, it may follow an earlier one that fails. */
  #settleLane(lane: Lane, entry: Entry): void {
    if (this.rules.isExactlyOnce) {
      lane.inFlight = lane.inFlight.filter((other) => other !== entry)
      this.#settle(entry)
    } else {
      for (const settled of lane.takeSettled()) this.#settle(settled)
    }
    if (lane.isEmpty) this.#lanes.delete(lane.key)
  }

  #settle(entry: Entry): void {
    if (this.#entries.delete(entry.message.seq)) this.#settled.push(entry.message.seq)
  }
}
