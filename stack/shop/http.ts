// The shop's HTTP surface: one Hono app for collector, storefront and control, and the server that carries it, with
// limits on everything a client may hold open.

import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import type { Clock } from '#stack/base/clock.ts'
import { answerControl } from '#stack/base/control.ts'
import type { ControlledPart } from '#stack/base/control.ts'
import type { Logger } from '#stack/base/logger.ts'
import { portError } from '#stack/base/ports.ts'
import { KiB, minuteMs, secondMs } from '#stack/base/units.ts'
import { readBody } from './collector/body.ts'
import type { Collector } from './collector/collector.ts'
import { judgeVisit } from './collector/guard.ts'
import { addCollectorRoutes, visitOf } from './collector/routes.ts'
import type { ShopContext, ShopEnv } from './collector/routes.ts'

const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
}

const corsHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers':
    'authorization, content-type, content-encoding, anonymousid, sp-anonymous',
  'access-control-max-age': '600',
  vary: 'origin',
}

export interface ShopAppOptions {
  collector: Collector
  control: ControlledPart
  logger: Logger
}

/** Guard, control and collector; the storefront adds its pages to it. */
export function createShopApp({ collector, control, logger }: ShopAppOptions): Hono<ShopEnv> {
  const app = new Hono<ShopEnv>()
  app.onError((error, context) => {
    logger.error('a request failed', { path: context.req.path, error: error.stack })
    return context.json({ error: 'internal' }, 500)
  })
  app.use(async (context, next) => {
    for (const [name, value] of Object.entries(securityHeaders)) context.header(name, value)
    const verdict = judgeVisit(visitOf(context), collector.options.guard)
    if (!verdict.ok) return context.json({ error: verdict.why }, 403)
    if (verdict.corsOrigin !== undefined) {
      context.header('access-control-allow-origin', verdict.corsOrigin)
      for (const [name, value] of Object.entries(corsHeaders)) context.header(name, value)
    }
    if (context.req.method === 'OPTIONS') return context.body(null, 204)
    await next()
  })
  for (const path of ['/healthz', '/readyz', '/metrics', '/status']) {
    app.get(path, (context) => answer(control, context, ''))
  }
  app.post('/control/*', async (context) => {
    const limits = { bodyBytes: 64 * KiB, inflatedBytes: 64 * KiB }
    const body = await readBody(context.env.incoming, limits)
    return body.ok ? answer(control, context, body.bytes.toString('utf8')) : context.body(null, 413)
  })
  addCollectorRoutes(app, collector)
  return app
}

async function answer(
  control: ControlledPart,
  context: ShopContext,
  body: string,
): Promise<Response> {
  const given = await answerControl(control, context.req.method, context.req.path, body)
  if (given === undefined) return context.notFound()
  context.header('content-type', given.contentType)
  context.header('cache-control', 'no-store')
  return context.body(given.body, given.status as ContentfulStatusCode)
}

// The server

export interface Listening {
  port: number
  close(): Promise<void>
}

const connectionsMax = 1000
/** What is still being answered gets this long when the server stops. */
const farewellMs = 2 * secondMs

export function listen(
  app: Hono<ShopEnv>,
  { host, port, clock }: { host: string; port: number; clock: Clock },
): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: 10 * secondMs,
      requestTimeout: 30 * secondMs,
      keepAliveTimeout: minuteMs,
      connectionsCheckingInterval: 5 * secondMs,
    },
  }) as Server
  server.maxConnections = connectionsMax
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portError(error, host, port)))
    server.listen(port, host, () => {
      const address = server.address() as AddressInfo
      resolve({ port: address.port, close: () => closeServer(server, clock) })
    })
  })
}

function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise((closed) => {
    const limit = clock.after(farewellMs, () => server.closeAllConnections())
    server.close(() => {
      limit.cancel()
      closed()
    })
    server.closeIdleConnections()
  })
}
