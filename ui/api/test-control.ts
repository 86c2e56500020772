// What testers ask of a running stack (interfaces.md 7): the shop's clock for all parts together, "has everything
// gone through", known traffic with its truth, what arrived. Mounted only with --test-control, and then only for
// loopback; otherwise every route is as absent as any other unknown path.

import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { Hono } from 'hono'
import type { Clock, DomainClock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { isoTime, secondMs } from '../../stack/base/units.ts'
import type { LiveFold } from './live/fold.ts'
import type { Settle } from './settle.ts'

export interface TestControlOptions {
  clock: Clock
  domainClock: DomainClock
  fold: LiveFold
  /** Control address by part name. */
  controls: Readonly<Record<string, string>>
  settle: Settle
}

const actionLimitMs = 60 * secondMs
/** A crowd of 50,000 is made up, written and acknowledged. */
const seedLimitMs = 300 * secondMs
const askLimitMs = secondMs

export function testControl(options: TestControlOptions) {
  const { clock, domainClock, fold, controls, settle } = options

  const moveAll = async (offsetMs: number) => {
    await Promise.all(
      Object.entries(controls).map(([part, address]) =>
        postControl(part, address, 'clock', { offsetMs }),
      ),
    )
    // Last, so that a page that sees the new time sees it everywhere.
    domainClock.setOffset(offsetMs)
    return { now: isoTime(domainClock.now()), offsetMs }
  }

  return new Hono()
    .use(onlyLoopback)
    .post('/clock', async (c) => {
      const { now, advanceMs } = await body<{ now?: string; advanceMs?: number }>(c)
      const nowMs = now === undefined ? undefined : Date.parse(now)
      if (nowMs !== undefined && !Number.isNaN(nowMs)) {
        return answer(c, () => moveAll(Math.round(nowMs - clock.now())))
      }
      if (typeof advanceMs === 'number' && Number.isFinite(advanceMs)) {
        return answer(c, () => moveAll(domainClock.offsetMs + Math.round(advanceMs)))
      }
      return c.json({ error: 'give now (RFC 3339) or advanceMs' }, 400)
    })
    .post('/settle', async (c) => {
      const { timeoutMs } = await body<{ timeoutMs?: number }>(c)
      // A part that was started again since the clock was moved stands at real time; one that is away is named below.
      if (domainClock.offsetMs !== 0) await moveAll(domainClock.offsetMs).catch(() => {})
      const result = await settle(timeoutMs ?? 20 * secondMs, c.req.raw.signal)
      return c.json(result, result.settled ? 200 : 504)
    })
    .post('/seed', async (c) => {
      const input = await body<unknown>(c)
      const shop = controls['shop']
      if (shop === undefined) return c.json({ error: 'the shop’s address is not known' }, 400)
      return answer(c, () => postControl('shop', shop, 'seed', input, seedLimitMs))
    })
    .get('/events', (c) => {
      const list = fold.log
        .newestFirst()
        .map(({ topic, partition, offset, key, event, rejected }) => ({
          topic,
          partition,
          offset,
          key,
          isRejected: rejected !== undefined,
          value: event ?? rejected,
        }))
      return c.body(JSON.stringify({ events: list }), 200, { 'content-type': 'application/json' })
    })
}

/** The offset that the other parts have, for a dashboard that is started again after the clock was moved. */
export async function currentOffset(controls: Readonly<Record<string, string>>): Promise<number> {
  const offsets = await Promise.all(
    Object.entries(controls).map(async ([part, address]) => {
      try {
        const answer = await postControl(part, address, 'clock', { advanceMs: 0 }, askLimitMs)
        return (answer as { offsetMs: number }).offsetMs
      } catch {
        return 0
      }
    }),
  )
  return offsets.find((offsetMs) => offsetMs !== 0) ?? 0
}

const onlyLoopback: MiddlewareHandler = async (c, next) => {
  // A request without a socket comes from inside the process.
  const address = (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress
  const isLoopback = address === undefined || address === '::1' || /^(::ffff:)?127\./.test(address)
  if (!isLoopback) return c.notFound()
  await next()
}

async function body<T>(c: Context): Promise<Partial<T>> {
  try {
    return await c.req.json<Partial<T>>()
  } catch {
    return {}
  }
}

async function answer(c: Context, run: () => Promise<unknown>): Promise<Response> {
  try {
    return c.body(JSON.stringify(await run()), 200, { 'content-type': 'application/json' })
  } catch (error) {
    return c.json({ error: messageOf(error) }, 502)
  }
}

async function postControl(
  part: string,
  address: string,
  action: string,
  input: unknown,
  limitMs = actionLimitMs,
): Promise<unknown> {
  const response = await fetch(`${address}/control/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(limitMs),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${part} refused ${action}: ${response.status} ${text}`)
  return JSON.parse(text)
}
