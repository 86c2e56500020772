// The dashboard on fixture data, for tests: the real routes and the real fold, fed by a small shop of the test's own
// instead of Kafka, and a history of formulas.

import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import type { Clock } from '../stack/base/clock.ts'
import { DomainClock, systemClock } from '../stack/base/clock.ts'
import type { ControlledPart } from '../stack/base/control.ts'
import { silentLogger } from '../stack/base/logger.ts'
import { Metrics } from '../stack/base/metrics.ts'
import { minuteMs } from '../stack/base/units.ts'
import { loadCatalogue } from '../stack/contract/catalogue.ts'
import { defaultSettings } from '../stack/contract/settings.ts'
import type { DashboardApi } from './api/app.ts'
import { createApp } from './api/app.ts'
import { BridgeSource } from './api/bridge/status.ts'
import { Cloud } from './api/cloud.ts'
import type { CloudOptions } from './api/cloud.ts'
import { fixtureHistory } from './api/history.fixture.ts'
import { eventsKeptMs, LiveFold } from './api/live/fold.ts'
import { CloudLive } from './api/live/cloud-live.ts'
import { LiveHub } from './api/live/hub.ts'
import { calm, FixtureShop } from './api/live/shop.fixture.ts'
import { Parts } from './api/parts.ts'
import type { Settle } from './api/settle.ts'

export interface FixtureAppOptions {
  clock?: Clock
  historyUrl?: string
  cloud?: CloudOptions
  shopUrl?: string
  hostNames?: readonly string[]
  controls?: Readonly<Record<string, string>>
  /** Given: test control is on. */
  settle?: Settle
}

export interface FixtureApp {
  app: DashboardApi
  fold: LiveFold
  hub: LiveHub
  domainClock: DomainClock
}

/** The app without a server. */
export function fixtureApp(options: FixtureAppOptions = {}): FixtureApp {
  const clock = options.clock ?? systemClock
  const domainClock = new DomainClock(clock)
  const metrics = new Metrics()
  const { products } = loadCatalogue()
  const productNames = new Map(products.map(({ productId, name }) => [productId, name]))
  const fold = new LiveFold({
    settings: { ...defaultSettings, defaultCurrency: 'EUR' },
    epoch: 'fixture',
    backToMs: domainClock.now() - eventsKeptMs,
    productNames,
  })
  const controls = options.controls ?? {}
  const parts = new Parts({
    clock,
    controls: { broker: 'http://127.0.0.1:1', ...controls },
    brokers: [],
  })
  const surroundings = () => calm
  const hub = new LiveHub({ name: 'live', fold, clock, domainClock, metrics, surroundings })
  const cloud = new Cloud(options.cloud)
  const bridge = new BridgeSource({ clock, address: controls['bridge'] })
  const cloudLive = new CloudLive({
    cloud,
    bridge,
    parts,
    settings: defaultSettings,
    productNames,
    clock,
    domainClock,
    metrics,
    logger: silentLogger,
  })
  const control: ControlledPart = {
    name: 'ui',
    metrics,
    domainClock,
    testControl: options.settle !== undefined,
    readiness: () => true,
    status: () => ({}),
  }
  const { settle } = options
  const app = createApp({
    clock,
    logger: silentLogger,
    control,
    local: { fold, hub },
    cloudLive,
    parts,
    historyUrl: options.historyUrl ?? 'http://127.0.0.1:1',
    cloud,
    bridge,
    settings: defaultSettings,
    shopUrl: options.shopUrl,
    productNames,
    hostNames: options.hostNames ?? [],
    pageRoot: new URL('./dist', import.meta.url).pathname,
    test: settle ? { clock, domainClock, fold, controls, settle } : undefined,
  })
  return { app, fold, hub, domainClock }
}

export interface FixtureOptions {
  clock?: Clock
  seed?: number
  perSecond?: number
  port?: number
  /** Traffic before the start. */
  warmUpMs?: number
}

export interface FixtureDashboard extends AsyncDisposable {
  url: string
  fold: LiveFold
  hub: LiveHub
  shop: FixtureShop
}

const defaultWarmUpMs = 150 * minuteMs
const trafficEveryMs = 200

/** The app on a port, with traffic and a history. */
export async function startFixture(options: FixtureOptions = {}): Promise<FixtureDashboard> {
  const clock = options.clock ?? systemClock
  const history = await listenOn(fixtureHistory(() => clock.now()).fetch, 0)
  const historyUrl = `http://127.0.0.1:${history.port}`
  const { app, fold, hub, domainClock } = fixtureApp({ clock, historyUrl, shopUrl: historyUrl })
  const startMs = domainClock.now()
  const shop = new FixtureShop(fold, {
    seed: options.seed ?? 1,
    perSecond: options.perSecond ?? 10,
    fromMs: startMs - (options.warmUpMs ?? defaultWarmUpMs),
  })
  shop.advanceTo(startMs)
  const traffic = clock.every(trafficEveryMs, () => shop.advanceTo(domainClock.now()))
  const server = await listenOn(app.fetch, options.port ?? 0)
  return {
    url: `http://127.0.0.1:${server.port}`,
    fold,
    hub,
    shop,
    async [Symbol.asyncDispose]() {
      traffic.cancel()
      hub.close()
      await server.close()
      await history.close()
    },
  }
}

export interface Listening {
  port: number
  close(): Promise<void>
}

export function listenOn(
  fetch: Parameters<typeof serve>[0]['fetch'],
  port: number,
): Promise<Listening> {
  return new Promise((resolve) => {
    const server = serve({ fetch, hostname: '127.0.0.1', port })
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
