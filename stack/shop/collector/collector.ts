// The collector without its routes: a parsed body becomes records, and is answered when they are durable. Whatever it
// refuses goes to `rejected-events` and is acknowledged the same way, so that nothing is dropped without a trace.

import type { Clock, DomainClock } from '#stack/base/clock.ts'
import type { Metrics } from '#stack/base/metrics.ts'
import { limits } from '#stack/contract/event-fields.ts'
import type { Dialect, RejectReason } from '#stack/contract/events.ts'
import { eventRecord } from '#stack/contract/event-record.ts'
import { topics } from '#stack/contract/topics.ts'
import type { BodyLimits, Part } from './body.ts'
import { bodyLimits } from './body.ts'
import { collectMapped, defaultSource } from './collect.ts'
import type { Mapper, Outcome, Rejection } from './collect.ts'
import type { Visitor } from './draft.ts'
import type { GuardOptions } from './guard.ts'
import { Outbox, outboxLimits } from './outbox.ts'
import type { OutboxLimits, RecordSink, TopicRecord } from './outbox.ts'
import { bodyText, rejectedValue } from './rejected.ts'

export interface CollectorOptions {
  sink: RecordSink
  clock: Clock
  domainClock: DomainClock
  metrics: Metrics
  defaultCurrency: string
  /** Names of producers by their write key or measurement id. */
  sourceByKey: Readonly<Record<string, string>>
  guard: GuardOptions
  /** Requests per second and client address; 0 is no limit. */
  requestsPerSecond: number
  /** Only behind a proxy that sets X-Forwarded-For itself. */
  trustProxy: boolean
  body?: Partial<BodyLimits>
  outbox?: Partial<OutboxLimits>
}

export interface Delivery {
  dialect: Dialect
  mapper: Mapper
  /** Of the producer, where the request names it. */
  source?: string
  /** The browser that the request itself comes from. */
  visitor?: Visitor
}

export interface Collected {
  accepted: number
  rejected: Rejection[]
}

export class Collector {
  readonly options: CollectorOptions
  readonly bodyLimits: BodyLimits
  readonly outbox: Outbox
  readonly #events
  readonly #ackMs

  constructor(options: CollectorOptions) {
    this.options = options
    this.bodyLimits = { ...bodyLimits, ...options.body }
    this.outbox = new Outbox(options.sink, options.clock, { ...outboxLimits, ...options.outbox })
    const { metrics } = options
    this.#events = metrics.counter('slipway_shop_events_total', 'events by dialect and outcome')
    this.#ackMs = metrics.histogram(
      'slipway_shop_ack_ms',
      'from parsed to durable',
      [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000],
    )
    metrics.gauge(
      'slipway_shop_pending_bytes',
      'bodies not yet acknowledged',
      () => this.outbox.pendingBytes,
    )
  }

  /** Throws NotAcknowledged. */
  async deliver(parts: readonly Part[], delivery: Delivery): Promise<Collected> {
    const receivedMs = this.options.domainClock.now()
    const { records, collected } = this.#judge(parts, delivery, receivedMs)
    const startedMs = this.options.clock.monotonicMs()
    await this.outbox.send(records)
    this.#ackMs.observe(this.options.clock.monotonicMs() - startedMs)
    this.#count(delivery.dialect, collected)
    return collected
  }

  /** What would become of it, without writing anything. */
  explain(parts: readonly Part[], delivery: Delivery): Collected {
    return this.#judge(parts, delivery, this.options.domainClock.now()).collected
  }

  /** A body that was not even read to its end: its beginning is kept. */
  async refuseBody(
    reason: RejectReason,
    message: string,
    head: Buffer,
    dialect: Dialect,
  ): Promise<void> {
    const rejection: Rejection = { position: 0, reason, field: null, message }
    const from = { receivedMs: this.options.domainClock.now(), dialect, source: null }
    await this.outbox.send([rejectedRecord(rejection, { ...from, body: bodyText(head) })])
    this.#count(dialect, { accepted: 0, rejected: [rejection] })
  }

  #judge(
    parts: readonly Part[],
    delivery: Delivery,
    receivedMs: number,
  ): { records: TopicRecord[]; collected: Collected } {
    const records: TopicRecord[] = []
    const collected: Collected = { accepted: 0, rejected: [] }
    let position = 0
    for (const part of parts) {
      if (!part.ok) {
        const rejection = unparsed(part.bytes, position++)
        const from = { receivedMs, dialect: delivery.dialect, source: null }
        collected.rejected.push(rejection)
        records.push(rejectedRecord(rejection, { ...from, body: bodyText(part.bytes) }))
        continue
      }
      const outcomes = collectMapped(delivery.dialect, delivery.mapper, part.value, {
        receivedMs,
        position,
        source: delivery.source ?? defaultSource,
        defaultCurrency: this.options.defaultCurrency,
        ...(delivery.visitor ? { visitor: delivery.visitor } : {}),
      })
      for (const outcome of outcomes) {
        position++
        records.push(recordOf(outcome, receivedMs))
        if ('rejection' in outcome) collected.rejected.push(outcome.rejection)
        else collected.accepted++
      }
    }
    return { records, collected }
  }

  #count(dialect: Dialect, { accepted, rejected }: Collected): void {
    if (accepted > 0) this.#events.add(accepted, { dialect, outcome: 'accepted' })
    for (const { reason } of rejected) this.#events.add(1, { dialect, outcome: reason })
  }
}

function recordOf(outcome: Outcome, receivedMs: number): TopicRecord {
  if ('rejection' in outcome) return rejectedRecord(outcome.rejection, { ...outcome, receivedMs })
  return { topic: topics.events.name, record: eventRecord(outcome.event, outcome.value) }
}

function rejectedRecord(
  rejection: Rejection,
  from: Parameters<typeof rejectedValue>[1],
): TopicRecord {
  // It has no position to go by, so it goes round the partitions.
  const headers = { 'content-type': 'application/json' }
  const value = rejectedValue(rejection, from)
  const record = { key: null, value, headers, timestampMs: from.receivedMs }
  return { topic: topics.rejected.name, record }
}

function unparsed(bytes: Buffer, position: number): Rejection {
  return bytes.length > limits.eventBytes
    ? {
        position,
        reason: 'too_large',
        field: null,
        message: `more than ${limits.eventBytes} bytes`,
      }
    : { position, reason: 'not_json', field: null, message: 'the bytes are no JSON in UTF-8' }
}
