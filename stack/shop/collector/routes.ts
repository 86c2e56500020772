// The collector's routes (interfaces.md 2): per route its dialect, and what its vendor's clients expect as an answer.

import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { Dialect } from '#stack/contract/events.ts'
import type { RawObject } from '#stack/contract/upcast.ts'
import { parseBody, readBody } from './body.ts'
import type { Body, Grow, Part } from './body.ts'
import { fromBinary } from './cloudevents.ts'
import { mapperByDialect } from './collect.ts'
import type { Mapper } from './collect.ts'
import type { Collected, Collector, Delivery } from './collector.ts'
import { isFromBrowser } from './guard.ts'
import type { Visit } from './guard.ts'
import { NotAcknowledged } from './outbox.ts'
import { createRateLimit } from './rate-limit.ts'
import type { RateLimit } from './rate-limit.ts'
import { typed } from './segment.ts'

export type ShopEnv = { Bindings: HttpBindings }
export type ShopContext = Context<ShopEnv>

interface Route {
  dialect: Dialect
  mapper?: Mapper
  /** One event a line is read too. */
  lines?: true
  answer(context: ShopContext, collected: Collected): Response
  /** Of a body that could not be read at all. */
  answerBad?(context: ShopContext, collected: Collected): Response
}

/** Per position, and 400 when nothing was accepted. */
const perPosition: Route['answer'] = (context, collected) =>
  context.json(collected, collected.accepted > 0 ? 200 : 400)
const noContent: Route['answer'] = (context) => context.body(null, 204)
const success: Route['answer'] = (context) => context.json({ success: true })
const failure: Route['answer'] = (context, collected) =>
  context.json({ success: false, message: collected.rejected[0]?.message ?? '' }, 400)
const okText: Route['answer'] = (context) => context.text('ok')

const segment = (type?: string): Route => ({
  dialect: 'segment',
  ...(type === undefined ? {} : { mapper: typed(type) }),
  answer: success,
  answerBad: failure,
})

const routes: Readonly<Record<string, Route>> = {
  '/v1/events': { dialect: 'native', lines: true, answer: perPosition },
  '/mp/collect': { dialect: 'ga4', answer: noContent },
  '/v1/batch': segment(),
  '/v1/track': segment('track'),
  '/v1/page': segment('page'),
  '/v1/screen': segment('screen'),
  '/v1/identify': segment('identify'),
  '/v1/alias': segment('alias'),
  '/v1/group': segment('group'),
  '/com.snowplowanalytics.snowplow/tp2': {
    dialect: 'snowplow',
    answer: okText,
    answerBad: perPosition,
  },
  '/shopify': { dialect: 'shopify', lines: true, answer: perPosition },
  '/retail': { dialect: 'retail', lines: true, answer: perPosition },
}

const cloudEvents: Route = { dialect: 'cloudevents', answer: perPosition }
const pixelRoute: Route = { dialect: 'snowplow', answer: sendGif, answerBad: sendGif }

export function addCollectorRoutes(app: Hono<ShopEnv>, collector: Collector): void {
  const desk = new Desk(collector)
  for (const [path, route] of Object.entries(routes)) {
    app.post(path, (context) =>
      desk.receive(context, route, (body) => parseBody(body, route.lines === true)),
    )
  }
  app.post('/cloudevents', (context) =>
    desk.receive(context, cloudEvents, (body) => cloudEventParts(context, body)),
  )
  app.post('/debug/mp/collect', (context) => desk.explainGa4(context))
  app.get('/i', (context) => desk.receiveQuery(context))
}

/** Where requests are taken in: limits before work, work before the answer. */
class Desk {
  readonly #collector: Collector
  readonly #rateLimit: RateLimit

  constructor(collector: Collector) {
    this.#collector = collector
    this.#rateLimit = createRateLimit(collector.options.requestsPerSecond)
  }

  receive(context: ShopContext, route: Route, parse: (body: Buffer) => Part[]): Promise<Response> {
    return this.#within(context, async (grow) => {
      const body = await readBody(context.env.incoming, this.#collector.bodyLimits, grow)
      if (!body.ok) return this.#refuse(context, route, body)
      return this.#deliver(context, route, parse(body.bytes))
    })
  }

  receiveQuery(context: ShopContext): Promise<Response> {
    const payload: RawObject = { ...context.req.query() }
    return this.#within(context, () =>
      this.#deliver(context, pixelRoute, [{ ok: true, value: payload }]),
    )
  }

  /** As Google's: the events are judged and not recorded. */
  explainGa4(context: ShopContext): Promise<Response> {
    return this.#within(context, async (grow) => {
      const body = await readBody(context.env.incoming, this.#collector.bodyLimits, grow)
      if (!body.ok) return context.json({ error: body.message }, body.status)
      const parts = parseBody(body.bytes, false)
      const { rejected } = this.#collector.explain(
        parts,
        this.#deliveryOf(context, routes['/mp/collect'] as Route),
      )
      const validationMessages = rejected.map(({ reason, field, message }) => ({
        fieldPath: field ?? '',
        description: message,
        validationCode: reason.toUpperCase(),
      }))
      return context.json({ validationMessages })
    })
  }

  async #within(context: ShopContext, work: (grow: Grow) => Promise<Response>): Promise<Response> {
    const { clock } = this.#collector.options
    const waitSeconds = this.#rateLimit.take(this.#addressOf(context), clock.monotonicMs())
    if (waitSeconds > 0) return later(context, 429, waitSeconds, 'too many requests')
    using room = this.#collector.outbox.enter()
    if (room === undefined) return later(context, 503, 1, 'overloaded')
    try {
      return await work((bytes) => room.grow(bytes))
    } catch (error) {
      if (error instanceof NotAcknowledged) return later(context, 503, 1, 'not acknowledged')
      if (context.env.incoming.destroyed) return context.body(null, 400)
      throw error
    }
  }

  async #deliver(context: ShopContext, route: Route, parts: Part[]): Promise<Response> {
    const collected = await this.#collector.deliver(parts, this.#deliveryOf(context, route))
    const isBad = parts.length === 1 && parts[0]?.ok === false
    return (isBad && route.answerBad ? route.answerBad : route.answer)(context, collected)
  }

  async #refuse(
    context: ShopContext,
    route: Route,
    { status, message, head }: Extract<Body, { ok: false }>,
  ): Promise<Response> {
    // The rest of the body is on its way; nobody will read it.
    context.header('connection', 'close')
    if (status === 503) return later(context, status, 1, message)
    const reason = status === 413 ? 'too_large' : 'not_json'
    await this.#collector.refuseBody(reason, message, head, route.dialect)
    const rejected = [{ position: 0, reason, field: null, message }]
    return context.json({ accepted: 0, rejected }, status)
  }

  #deliveryOf(context: ShopContext, route: Route): Delivery {
    const key = producerKey(context)
    const { sourceByKey } = this.#collector.options
    const source =
      key !== undefined && Object.hasOwn(sourceByKey, key) ? sourceByKey[key] : undefined
    const userAgent = context.req.header('user-agent')
    const isBrowser = isFromBrowser(visitOf(context)) && userAgent !== undefined
    return {
      dialect: route.dialect,
      mapper: route.mapper ?? mapperByDialect[route.dialect],
      ...(source === undefined ? {} : { source }),
      ...(isBrowser ? { visitor: { userAgent, ip: this.#addressOf(context) } } : {}),
    }
  }

  #addressOf(context: ShopContext): string {
    // The last hop is the one the proxy itself has seen.
    const hop = this.#collector.options.trustProxy
      ? context.req.header('x-forwarded-for')?.split(',').at(-1)?.trim()
      : undefined
    return hop ?? context.env.incoming.socket.remoteAddress ?? ''
  }
}

export function visitOf(context: ShopContext): Visit {
  return {
    method: context.req.method,
    header: (name) => context.req.header(name),
    port: context.env.incoming.socket.localPort ?? 0,
  }
}

/** Segment's write key is the user name of Basic auth; GA4's measurement id stands in the query. */
function producerKey(context: ShopContext): string | undefined {
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
  if (basic === undefined) return context.req.query('measurement_id')
  return Buffer.from(basic, 'base64').toString('utf8').split(':')[0]
}

function cloudEventParts(context: ShopContext, body: Buffer): Part[] {
  const contentType = context.req.header('content-type') ?? ''
  const isBinary = context.req.header('ce-specversion') !== undefined
  return parseBody(body, false).map((part) => {
    if (!part.ok || !isBinary || contentType.startsWith('application/cloudevents')) return part
    return { ok: true, value: fromBinary(context.req.header(), part.value) }
  })
}

/** Try again: nothing is lost but time. */
function later(
  context: ShopContext,
  status: 429 | 503,
  waitSeconds: number,
  error: string,
): Response {
  context.header('retry-after', String(waitSeconds))
  return context.json({ error }, status)
}

/** One transparent pixel. */
const gif = Uint8Array.from(
  Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
)

function sendGif(context: ShopContext): Response {
  return context.body(gif, 200, { 'content-type': 'image/gif', 'cache-control': 'no-store' })
}
