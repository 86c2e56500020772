// The dashboard's HTTP: guards first, then health, live, history and, where it is asked for, test control; last the
// built page. Its type is what the page's client is made from, so a renamed route is a compile error there.

import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { requestId } from 'hono/request-id'
import type { Clock } from '../../stack/base/clock.ts'
import type { ControlledPart } from '../../stack/base/control.ts'
import { answerControl } from '../../stack/base/control.ts'
import { messageOf, UsageError } from '../../stack/base/errors.ts'
import type { Logger } from '../../stack/base/logger.ts'
import { MiB } from '../../stack/base/units.ts'
import type { Settings } from '../../stack/contract/settings.ts'
import { bridgeRoutes } from './bridge.ts'
import type { BridgeSource } from './bridge/status.ts'
import type { Cloud, CloudPlace } from './cloud.ts'
import { cloudRoutes } from './cloud/routes.ts'
import { pageFiles } from './files.ts'
import { headers, hostAllowList, sameOrigin } from './guard.ts'
import { historyRoutes } from './history.ts'
import type { CloudLive, LiveSide } from './live/cloud-live.ts'
import { liveRoutes } from './live/routes.ts'
import type { PartHealth, Parts } from './parts.ts'
import { pastRoute } from './past.ts'
import { shopRoutes } from './shop.ts'
import type { TestControlOptions } from './test-control.ts'
import { testControl } from './test-control.ts'

export interface AppOptions {
  clock: Clock
  logger: Logger
  control: ControlledPart
  local: LiveSide
  cloudLive: CloudLive
  parts: Parts
  historyUrl: string
  cloud: Cloud
  bridge: BridgeSource
  settings: Settings
  shopUrl: string | undefined
  productNames: ReadonlyMap<string, string>
  /** Names beside loopback under which this server may be asked. */
  hostNames: readonly string[]
  /** Folder of the built page. */
  pageRoot: string
  /** Undefined without --test-control. */
  test: TestControlOptions | undefined
}

export interface Health {
  ready: boolean
  /** Where the figures come from unless a page asks for the cloud's. */
  source: 'local'
  cloud: CloudPlace
  parts: Record<string, PartHealth>
}

const pages = ['/live', '/history', '/bridge']
/** Base's control routes, served here because this part has an HTTP server of its own. */
const controlPaths = ['/healthz', '/readyz', '/metrics', '/status', '/control/*']

export function createApp(options: AppOptions) {
  const { cloud, control, logger, parts, test } = options
  const app = new Hono()
  app.onError((error, c) => {
    if (error instanceof UsageError) return c.json({ error: error.message }, 400)
    const id = c.get('requestId')
    logger.error('request failed', { id, path: c.req.path, error: messageOf(error) })
    return c.json({ error: 'Something went wrong here.', requestId: id }, 500)
  })
  app.use(hostAllowList(options.hostNames), requestId(), headers)
  app.use('/api/*', sameOrigin)
  app.use('/__test/*', sameOrigin)
  app.use('/control/*', sameOrigin)
  app.use(bodyLimit({ maxSize: MiB }))
  for (const path of controlPaths) {
    app.all(path, async (c) => {
      const answer = await answerControl(control, c.req.method, c.req.path, await c.req.text())
      if (!answer) return c.notFound()
      return c.body(answer.body, answer.status as 200, {
        'content-type': answer.contentType,
        'cache-control': 'no-store',
      })
    })
  }
  if (test) app.route('/__test', testControl(test))
  app.all('/__test/*', (c) => c.notFound())
  const routes = app
    .get('/api/health', async (c) => {
      c.header('Cache-Control', 'no-store')
      const ready = control.readiness() === true
      return c.json<Health>({
        ready,
        source: 'local',
        cloud: cloud.place,
        parts: await parts.health(),
      })
    })
    .route('/api/cloud', cloudRoutes(options))
    .route('/api/live', liveRoutes(options))
    .route('/api/history', historyRoutes(options))
    .route('/api/bridge', bridgeRoutes(options))
    .route('/api/past', pastRoute(options))
    .route('/api/shop', shopRoutes(options))
  app.use(pageFiles(options.pageRoot, pages))
  return routes
}

export type DashboardApi = ReturnType<typeof createApp>
