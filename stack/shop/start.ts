// The door: brings up collector and storefront on one port, and the simulated shoppers behind them.

import { DomainClock, systemClock } from '#stack/base/clock.ts'
import type { Clock } from '#stack/base/clock.ts'
import type { RunningPart } from '#stack/base/lifecycle.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { loadCatalogue } from '#stack/contract/catalogue.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topicSpecs } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { Collector } from './collector/collector.ts'
import { createShopApp, listen } from './http.ts'
import { openOrderBook } from './storefront/order-book.ts'
import { addStorefrontRoutes } from './storefront/storefront.ts'
import { addSimulatorRoutes, seedAction } from './simulate/routes.ts'
import { startTraffic } from './simulate/traffic.ts'
import type { SimulateOptions } from './simulate/traffic.ts'

export { collect } from './collector/collect.ts'
export { createSimulation } from './simulate/simulation.ts'

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
  /** NDJSON of products and prices; the default catalogue without. */
  cataloguePath?: string
  /** Where the storefront keeps its orders; in memory only without. */
  dataDir?: string
  /** Simulated shoppers; none without. */
  simulate?: SimulateOptions
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
  const [producer, simulated] = await Promise.all([kafka.producer(), kafka.producer()])
  const catalogue = loadCatalogue(options.cataloguePath)
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
  const traffic =
    options.simulate &&
    startTraffic({
      ...options.simulate,
      producer: simulated,
      clock,
      domainClock,
      logger,
      catalogue,
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
        traffic: traffic?.status() ?? null,
      }),
      actions: { seed: seedAction({ producer: simulated, domainClock }) },
    },
  })
  addSimulatorRoutes(app, { traffic, domainClock })
  const orders = openOrderBook(options.dataDir)
  const saleAt = (timeMs: number) => traffic?.salesBetween(timeMs, timeMs + 1)[0] ?? null
  addStorefrontRoutes(app, { catalogue, domainClock, orders, saleAt })
  const server = await listen(app, { host, port: options.port, clock })
  return {
    addresses: { shop: `http://${host}:${server.port}` },
    async close() {
      await server.close()
      await traffic?.close()
      await Promise.all([producer.close(), simulated.close()])
      orders.close()
    },
  }
}
