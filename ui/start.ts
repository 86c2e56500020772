// The door: the live fold fed from Kafka, and the HTTP server of the dashboard. The server answers before the feed
// has caught up; the page then says that it is warming up.

import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import type { Clock } from '../stack/base/clock.ts'
import { DomainClock, systemClock } from '../stack/base/clock.ts'
import type { ControlledPart } from '../stack/base/control.ts'
import type { Logger } from '../stack/base/logger.ts'
import { silentLogger } from '../stack/base/logger.ts'
import { Metrics } from '../stack/base/metrics.ts'
import { portError } from '../stack/base/ports.ts'
import { loadCatalogue } from '../stack/contract/catalogue.ts'
import { defaultSettings } from '../stack/contract/settings.ts'
import { topicSpecs } from '../stack/contract/topics.ts'
import { connectKafka } from '../stack/kafka-client/connect.ts'
import type { KafkaPort } from '../stack/kafka-client/connect.ts'
import { createApp } from './api/app.ts'
import { BridgeSource } from './api/bridge/status.ts'
import { Cloud } from './api/cloud.ts'
import type { CloudOptions } from './api/cloud.ts'
import type { LiveFeed } from './api/live/feed.ts'
import { startFeed } from './api/live/feed.ts'
import { eventsKeptMs, LiveFold } from './api/live/fold.ts'
import { CloudLive } from './api/live/cloud-live.ts'
import { LiveHub } from './api/live/hub.ts'
import { Parts } from './api/parts.ts'
import { createSettle } from './api/settle.ts'
import { currentOffset } from './api/test-control.ts'

/** What whoever asks the cloud's figures over HTTP is answered. */
export type { CloudLine, CloudQuestion } from './api/cloud/routes.ts'

export interface UiOptions {
  host: string
  port: number
  brokers: readonly string[]
  partitions: number
  historyUrl: string
  /** Undefined: cloud off. */
  cloud?: CloudOptions
  /** The shop, for annotations; undefined where there is none. */
  shopUrl?: string
  /** The catalogue that names products; the shop's default. */
  cataloguePath?: string
  /** Control address by part name: broker, shop, processor, history. */
  controls: Readonly<Record<string, string>>
  testControl?: boolean
  /** Names beside loopback under which the dashboard may be asked. */
  hostNames?: readonly string[]
  logger?: Logger
  clock?: Clock
  domainClock?: DomainClock
  pageRoot?: string
}

export interface RunningUi {
  port: number
  addresses: { dashboard: string }
  close(): Promise<void>
}

export async function startUi(options: UiOptions): Promise<RunningUi> {
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? silentLogger
  const domainClock = options.domainClock ?? new DomainClock(clock)
  if (options.testControl) domainClock.setOffset(await currentOffset(options.controls))
  const metrics = new Metrics()
  const kafka = connectKafka({ brokers: options.brokers, clientId: 'slipway-ui', logger, clock })
  const { products } = loadCatalogue(options.cataloguePath)
  const productNames = new Map(products.map(({ productId, name }) => [productId, name]))
  const fold = new LiveFold({
    settings: defaultSettings,
    epoch: randomUUID().slice(0, 8),
    backToMs: domainClock.now() - eventsKeptMs,
    productNames,
  })
  const parts = new Parts({ clock, controls: options.controls, brokers: options.brokers })
  let feed: LiveFeed | undefined
  const nothingRead = { records: 0, seconds: 0 }
  const hub = new LiveHub({
    name: 'live',
    fold,
    clock,
    domainClock,
    metrics,
    surroundings: () => ({
      source: 'local',
      lag: feed?.lag() ?? nothingRead,
      // What mirrors this side is no matter of it.
      away: parts.away().filter((name) => !cloudParts.includes(name)),
      trouble: null,
    }),
  })
  const cloud = new Cloud(options.cloud)
  const bridge = new BridgeSource({ clock, address: options.controls['bridge'] })
  const cloudLive = new CloudLive({
    cloud,
    bridge,
    parts,
    settings: defaultSettings,
    productNames,
    clock,
    domainClock,
    metrics,
    logger,
  })
  const control: ControlledPart = {
    name: 'ui',
    metrics,
    domainClock,
    testControl: options.testControl === true,
    readiness: () => feed !== undefined || 'the live view is not reading yet',
    status: () => ({
      readers: hub.readers,
      frames: fold.seq,
      counts: fold.counts,
      positions: feed?.positions() ?? [],
      cloudLive: cloudLive.isOpen ? 'open' : 'closed',
    }),
    actions: { 'drop-streams': () => ({ dropped: hub.drop() + cloudLive.drop() }) },
  }
  const settle = createSettle({
    clock,
    domainClock,
    settings: defaultSettings,
    lastHeardMs: () => fold.lastHeardMs,
    kafka,
    feed: () => feed,
    historyUrl: options.historyUrl,
    processor: options.controls['processor'],
  })
  const app = createApp({
    clock,
    logger,
    control,
    local: { fold, hub },
    cloudLive,
    parts,
    historyUrl: options.historyUrl,
    cloud,
    bridge,
    settings: defaultSettings,
    shopUrl: options.shopUrl,
    productNames,
    hostNames: options.hostNames ?? [],
    pageRoot: options.pageRoot ?? new URL('./dist', import.meta.url).pathname,
    test: options.testControl
      ? { clock, domainClock, fold, controls: options.controls, settle }
      : undefined,
  })
  const server = await listen(app.fetch, options.host, options.port)
  const stop = async () => {
    hub.close()
    await cloudLive.close()
    await server.close()
    await Promise.all([feed?.close(), cloud.close()])
  }
  try {
    feed = await openFeed(kafka, options.partitions, {
      fold,
      clock,
      domainClock,
      logger,
      // Testers wait for the last event, not for its neighbours.
      pauseMs: () =>
        options.testControl ? 0 : hub.readers > 0 ? pauseMs.watched : pauseMs.unwatched,
    })
  } catch (error) {
    await stop()
    throw error
  }
  const name = options.host === '0.0.0.0' || options.host === '::' ? '127.0.0.1' : options.host
  return {
    port: server.port,
    addresses: { dashboard: `http://${name}:${server.port}` },
    close: stop,
  }
}

/** Of the mirror alone. */
const cloudParts: readonly string[] = ['bridge', 'pubsub', 'bigquery']

/** With a page open the feed keeps up with its frames; with none it reads what has gathered. */
const pauseMs = { watched: 150, unwatched: 2000 } as const

interface FeedParts {
  fold: LiveFold
  pauseMs(): number
  clock: Clock
  domainClock: DomainClock
  logger: Logger
}

async function openFeed(kafka: KafkaPort, partitions: number, parts: FeedParts): Promise<LiveFeed> {
  const admin = await kafka.admin()
  try {
    await admin.ensureTopics(topicSpecs(partitions))
  } finally {
    await admin.close()
  }
  return startFeed({
    kafka,
    ...parts,
    onCrash: (error) => parts.logger.error('the live feed ended', { error: error.message }),
  })
}

interface Listening {
  port: number
  close(): Promise<void>
}

function listen(
  fetch: Parameters<typeof serve>[0]['fetch'],
  host: string,
  port: number,
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port })
    server.once('error', (error) => reject(portError(error, host, port)))
    server.once('listening', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            if ('closeAllConnections' in server) server.closeAllConnections()
          }),
      }),
    )
  })
}
