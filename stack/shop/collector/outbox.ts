// Between many small requests and few large sends. Records of requests that come within a few milliseconds of one
// another share a send; a request is told that it is durable when its send is. What is under way is bounded by bytes
// and requests; beyond that, and when the broker takes too long, the answer is "later".

import type { Clock } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import { MiB } from '#stack/base/units.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { TopicRecords } from '#stack/kafka-client/producer.ts'

/** The part of a Kafka producer that the collector needs. */
export interface RecordSink {
  send(batches: readonly TopicRecords[]): Promise<void>
}

export interface TopicRecord {
  topic: string
  record: OutgoingRecord
}

export interface OutboxLimits {
  /** Bytes of bodies between their arrival and their acknowledgement. */
  bytes: number
  requests: number
  /** Records of one send. */
  sendRecords: number
  lingerMs: number
  /** How long a request waits for its acknowledgement. */
  ackMs: number
}

export const outboxLimits: OutboxLimits = {
  bytes: 24 * MiB,
  requests: 2000,
  sendRecords: 4000,
  lingerMs: 2,
  ackMs: 10_000,
}

/** Not acknowledged: the same request may be sent again. Its events may have been written nevertheless. */
export class NotAcknowledged extends Error {
  override name = 'NotAcknowledged'
}

/** What one request holds: it grows as its bytes come, so that a slow sender holds no more than it sent. */
export interface Room extends Disposable {
  /** False when there is no place for so many bytes more. */
  grow(bytes: number): boolean
}

interface Parcel {
  records: readonly TopicRecord[]
  settle: PromiseWithResolvers<void>
}

export class Outbox {
  readonly #sink: RecordSink
  readonly #clock: Clock
  readonly #limits: OutboxLimits
  #queue: Parcel[] = []
  #isSending = false
  #bytes = 0
  #requests = 0

  constructor(sink: RecordSink, clock: Clock, limits: OutboxLimits) {
    this.#sink = sink
    this.#clock = clock
    this.#limits = limits
  }

  get pendingBytes(): number {
    return this.#bytes
  }

  get pendingRequests(): number {
    return this.#requests
  }

  /** Room for a request, or undefined: overloaded. It must be given back. */
  enter(): Room | undefined {
    if (this.#requests >= this.#limits.requests || this.#bytes >= this.#limits.bytes) {
      return undefined
    }
    this.#requests++
    let held = 0
    return {
      grow: (bytes) => {
        const isFull = this.#bytes + bytes > this.#limits.bytes
        // A request alone may always pass: its size has limits of its own.
        if (isFull && this.#bytes > held) return false
        held += bytes
        this.#bytes += bytes
        return true
      },
      [Symbol.dispose]: () => {
        this.#requests--
        this.#bytes -= held
      },
    }
  }

  /** Resolves when all records are durable; rejects with NotAcknowledged. */
  async send(records: readonly TopicRecord[]): Promise<void> {
    if (records.length === 0) return
    const settle = Promise.withResolvers<void>()
    this.#queue.push({ records, settle })
    if (!this.#isSending && this.#queue.length === 1) {
      this.#clock.after(this.#limits.lingerMs, () => void this.#pump())
    }
    const limit = this.#clock.after(this.#limits.ackMs, () =>
      settle.reject(new NotAcknowledged(`no acknowledgement within ${this.#limits.ackMs} ms`)),
    )
    try {
      await settle.promise
    } finally {
      limit.cancel()
    }
  }

  /** One send at a time; what came meanwhile makes up the next. */
  async #pump(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    while (this.#queue.length > 0) {
      const parcels = this.#takeParcels()
      try {
        await this.#sink.send(byTopic(parcels.flatMap(({ records }) => records)))
        for (const { settle } of parcels) settle.resolve()
      } catch (error) {
        const failure = new NotAcknowledged(messageOf(error), { cause: error })
        for (const { settle } of parcels) settle.reject(failure)
      }
    }
    this.#isSending = false
  }

  #takeParcels(): Parcel[] {
    let records = 0
    let count = 0
    while (count < this.#queue.length && records < this.#limits.sendRecords) {
      records += this.#queue[count]?.records.length ?? 0
      count++
    }
    return this.#queue.splice(0, count)
  }
}

export function byTopic(records: readonly TopicRecord[]): TopicRecords[] {
  const recordsByTopic = new Map<string, OutgoingRecord[]>()
  for (const { topic, record } of records) {
    const list = recordsByTopic.get(topic)
    if (list) list.push(record)
    else recordsByTopic.set(topic, [record])
  }
  return [...recordsByTopic].map(([topic, list]) => ({ topic, records: list }))
}
