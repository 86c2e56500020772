// The door: brings up collector and storefront on one port, and the simulated shoppers behind them.

import { DomainClock, systemClock } from '#stack/base/clock.ts'
import type { Clock } from '#stack/base/clock.ts'
import type { RunningPart } from '#stack/base/lifecycle.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topicSpecs } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { Collector } from './collector/collector.ts'
import { createShopApp, listen } from './http.ts'

export { collect } from './collector/collect.ts'
export type { CollectOptions, Outcome } from './collector/collect.ts'

export interface ShopOptions {
  brokers: readonly string[]
  /** Of topics that do not exist yet. */
  partitions: number
  host: string
  /** 0 takes a free one. */
  port: number
  testControl: boolean
  logger: Logger
  clock?: Clock
  domainClock?: DomainClock
  defaultCurrency?: string
  sourceByKey?: Readonly<Record<string, string>>
  allowedHosts?: readonly string[]
  allowedOrigins?: readonly string[]
  requestsPerSecond?: number
  trustProxy?: boolean
}

export async function startShop(options: ShopOptions): Promise<RunningPart> {
  const { logger, host } = options
  const clock = options.clock ?? systemClock
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const metrics = new Metrics()
  const kafka = connectKafka({ brokers: options.brokers, clientId: 'slipway-shop', logger, clock })
  const admin = await kafka.admin()
  await admin.ensureTopics(topicSpecs(options.partitions))
  await admin.close()
  const producer = await kafka.producer()
  const collector = new Collector({
    sink: producer,
    clock,
    domainClock,
    metrics,
    defaultCurrency: options.defaultCurrency ?? defaultSettings.defaultCurrency,
    sourceByKey: options.sourceByKey ?? {},
    guard: {
      allowedHosts: options.allowedHosts ?? [],
      allowedOrigins: options.allowedOrigins ?? [],
    },
    requestsPerSecond: options.requestsPerSecond ?? 0,
    trustProxy: options.trustProxy ?? false,
  })
  const app = createShopApp({
    collector,
    logger,
    control: {
      name: 'shop',
      metrics,
      domainClock,
      testControl: options.testControl,
      readiness: () => true,
      status: () => ({
        pendingBytes: collector.outbox.pendingBytes,
        pendingRequests: collector.outbox.pendingRequests,
      }),
    },
  })
  const server = await listen(app, { host, port: options.port, clock })
  return {
    addresses: { shop: `http://${host}:${server.port}` },
    async close() {
      await server.close()
      await producer.close()
    },
  }
}
