// For tests of this room: the collector behind real HTTP on a free port, with a sink that keeps the records.

import { DomainClock, ManualClock, systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import type { RejectedEvent, ShopEvent } from '#stack/contract/events.ts'
import { topics } from '#stack/contract/topics.ts'
import type { TopicRecords } from '#stack/kafka-client/producer.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { createShopApp, listen } from '../http.ts'
import { Collector } from './collector.ts'
import type { CollectorOptions } from './collector.ts'
import type { RecordSink } from './outbox.ts'

export class MemorySink implements RecordSink {
  readonly batches: (readonly TopicRecords[])[] = []

  async send(batches: readonly TopicRecords[]): Promise<void> {
    this.batches.push(batches)
  }

  records(topic: string): OutgoingRecord[] {
    return this.batches.flat().flatMap((batch) => (batch.topic === topic ? batch.records : []))
  }

  events(): ShopEvent[] {
    return this.records(topics.events.name).map(({ value }) => JSON.parse(String(value)))
  }

  rejected(): (RejectedEvent & { bodyBytes?: number })[] {
    return this.records(topics.rejected.name).map(({ value }) => JSON.parse(String(value)))
  }
}

export interface TestCollector extends AsyncDisposable {
  url: string
  sink: MemorySink
  domainClock: DomainClock
  collector: Collector
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
}

export const testNow = '2024-05-06T10:00:00.000Z'

/** `body` as it stands if it is text or bytes, else as JSON. */
export async function startTestCollector(
  options: Partial<CollectorOptions> = {},
): Promise<TestCollector> {
  const sink = new MemorySink()
  // Stands still, so that receivedAt is known.
  const domainClock = new DomainClock(new ManualClock(Date.parse(testNow)))
  const metrics = new Metrics()
  const collector = new Collector({
    sink,
    clock: systemClock,
    domainClock,
    metrics,
    defaultCurrency: 'USD',
    sourceByKey: {},
    guard: { allowedHosts: [], allowedOrigins: [] },
    requestsPerSecond: 0,
    trustProxy: false,
    ...options,
  })
  const control = {
    name: 'shop',
    metrics,
    domainClock,
    testControl: true,
    readiness: () => true as const,
    status: () => ({}),
  }
  const app = createShopApp({ collector, control, logger: silentLogger })
  const server = await listen(app, { host: '127.0.0.1', port: 0, clock: systemClock })
  const url = `http://127.0.0.1:${server.port}`
  return {
    url,
    sink,
    domainClock,
    collector,
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
