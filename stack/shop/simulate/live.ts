// Live traffic: each record is sent when its time comes on the shop's clock. What is long past by then, because the
// shop was away or the clock was moved, is not sent at all: nobody visits a closed shop.

import type { Clock, DomainClock, Timer } from '#stack/base/clock.ts'
import { secondMs } from '#stack/base/units.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Delivery } from './delivery.ts'
import { outgoingRecord } from './outgoing.ts'

export interface LiveOptions {
  clock: Clock
  domainClock: DomainClock
  /** The log from a time on; asked again after the clock was moved. */
  recordsFrom(nowMs: number): Iterator<Delivery, void, void>
  send(records: readonly OutgoingRecord[]): Promise<void>
  onError(error: unknown): void
}

export interface Live {
  /** How many records have been acknowledged. */
  sentRecords(): number
  close(): Promise<void>
}

/** Often enough for the eye, seldom enough to cost nothing. */
const tickMs = 250
const longPastMs = 30 * secondMs
const batchRecordsMost = 2000
/** How much of the past is walked through at once; the next tick goes on. */
const skipMost = 20_000

export function startLive(options: LiveOptions, from?: LiveStart): Live {
  const live = new LiveTraffic(options, from)
  return { sentRecords: () => live.sentRecords, close: () => live.close() }
}

/** Where the load stopped: its log, and the first record that was not due. */
export interface LiveStart {
  records: Iterator<Delivery, void, void>
  next: Delivery | undefined
}

class LiveTraffic {
  sentRecords = 0
  readonly #options: LiveOptions
  readonly #timer: Timer
  readonly #stopListening: () => void
  #records: Iterator<Delivery, void, void>
  #next: Delivery | undefined
  #sending: Promise<void> | undefined

  constructor(options: LiveOptions, from: LiveStart | undefined) {
    this.#options = options
    this.#records = from?.records ?? options.recordsFrom(options.domainClock.now())
    this.#next = from?.next ?? this.#pull()
    this.#stopListening = options.domainClock.onMove(() => this.#startAgain())
    this.#timer = options.clock.every(tickMs, () => this.#tick())
  }

  async close(): Promise<void> {
    this.#timer.cancel()
    this.#stopListening()
    await this.#sending
  }

  #startAgain(): void {
    this.#records = this.#options.recordsFrom(this.#options.domainClock.now())
    this.#next = this.#pull()
  }

  #tick(): void {
    if (this.#sending) return
    const due = this.#due(this.#options.domainClock.now())
    if (due.length === 0) return
    this.#sending = this.#send(due).finally(() => (this.#sending = undefined))
  }

  #due(nowMs: number): OutgoingRecord[] {
    const due: OutgoingRecord[] = []
    for (let i = 0; i < skipMost && due.length < batchRecordsMost; i++) {
      if (!this.#next || this.#next.receivedMs > nowMs) break
      if (this.#next.receivedMs > nowMs - longPastMs) due.push(outgoingRecord(this.#next))
      this.#next = this.#pull()
    }
    return due
  }

  async #send(due: readonly OutgoingRecord[]): Promise<void> {
    try {
      await this.#options.send(due)
      this.sentRecords += due.length
    } catch (error) {
      this.#options.onError(error)
    }
  }

  #pull(): Delivery | undefined {
    return this.#records.next().value ?? undefined
  }
}
