// The dashboard on fixture data, for tests of the page: the real routes and the real fold, fed by a small shop of the
// test's own instead of Kafka, and a history of formulas.

import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import type { Clock } from '../stack/base/clock.ts'
import { DomainClock, systemClock } from '../stack/base/clock.ts'
import { silentLogger } from '../stack/base/logger.ts'
import { Metrics } from '../stack/base/metrics.ts'
import { minuteMs } from '../stack/base/units.ts'
import { loadCatalogue } from '../stack/contract/catalogue.ts'
import { defaultSettings } from '../stack/contract/settings.ts'
import { createApp } from './api/app.ts'
import { fixtureHistory } from './api/history.fixture.ts'
import { LiveFold } from './api/live/fold.ts'
import { LiveHub } from './api/live/hub.ts'
import { FixtureShop } from './api/live/shop.fixture.ts'
import { Parts } from './api/parts.ts'

export interface FixtureDashboard extends AsyncDisposable {
  url: string
  fold: LiveFold
  hub: LiveHub
  shop: FixtureShop
}

export interface FixtureOptions {
  clock?: Clock
  seed?: number
  perSecond?: number
  port?: number
  epoch?: string
}

const warmUpMs = 150 * minuteMs

export async function startFixture(options: FixtureOptions = {}): Promise<FixtureDashboard> {
  const clock = options.clock ?? systemClock
  const domainClock = new DomainClock(clock)
  const metrics = new Metrics()
  const startMs = domainClock.now()
  const { products } = loadCatalogue()
  const productNames = new Map(products.map(({ productId, name }) => [productId, name]))
  const fold = new LiveFold({
    settings: { ...defaultSettings, defaultCurrency: 'EUR' },
    epoch: options.epoch ?? 'fixture',
    backToMs: startMs - 65 * minuteMs,
    productNames,
  })
  const shop = new FixtureShop(fold, {
    seed: options.seed ?? 1,
    perSecond: options.perSecond ?? 10,
    fromMs: startMs - warmUpMs,
  })
  shop.advanceTo(startMs)
  const history = await listen(fixtureHistory(() => domainClock.now()).fetch, 0)
  const parts = new Parts({ clock, controls: {}, brokers: [`127.0.0.1:${history.port}`] })
  const surroundings = () => ({ lag: { records: 0, seconds: 0 }, away: parts.away() })
  const hub = new LiveHub({ fold, clock, domainClock, metrics, surroundings })
  const app = createApp({
    clock,
    logger: silentLogger,
    control: {
      name: 'ui',
      metrics,
      domainClock,
      testControl: false,
      readiness: () => true,
      status: () => ({}),
    },
    fold,
    hub,
    parts,
    historyUrl: `http://127.0.0.1:${history.port}`,
    shopUrl: `http://127.0.0.1:${history.port}`,
    productNames,
    hostNames: [],
    pageRoot: new URL('./dist', import.meta.url).pathname,
    test: undefined,
  })
  const traffic = clock.every(200, () => shop.advanceTo(domainClock.now()))
  const server = await listen(app.fetch, options.port ?? 0)
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

interface Listening {
  port: number
  close(): Promise<void>
}

function listen(fetch: Parameters<typeof serve>[0]['fetch'], port: number): Promise<Listening> {
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
