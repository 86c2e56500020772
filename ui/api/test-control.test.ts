// Test control: absent unless asked for, and only from this machine; one clock for all parts; settle; seed; events.

import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../stack/base/clock.ts'
import { hourMs, isoTime } from '../../stack/base/units.ts'
import { fixtureApp, listenOn } from '../testing.ts'
import type { FixtureAppOptions } from '../testing.ts'
import { enriched } from './live/shop.fixture.ts'
import { currentOffset } from './test-control.ts'

const settled = async () => ({ settled: true, behind: [], positions: { t: [1, 2] } })

function control(options: FixtureAppOptions = {}) {
  const made = fixtureApp({ settle: settled, ...options })
  const post = (path: string, body: unknown, env?: object) =>
    made.app.request(
      `http://127.0.0.1/__test/${path}`,
      {
        method: 'POST',
        headers: { host: '127.0.0.1', 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
      env,
    )
  return { ...made, post }
}

/** A part that keeps what it was told over its control port. */
async function fakePart(answer: (action: string, body: unknown) => unknown) {
  const app = new Hono().post('/control/:action', async (c) => {
    const told = answer(c.req.param('action'), await c.req.json())
    return told === undefined ? c.json({ error: 'not now' }, 400) : c.json(told as object)
  })
  const server = await listenOn(app.fetch, 0)
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.close(),
  }
}

describe('test control', () => {
  test.each(['clock', 'settle', 'seed', 'namespaces'])(
    'without the flag POST %s is as absent as any unknown path',
    async (path) => {
      const { app } = fixtureApp()
      const response = await app.request(`http://127.0.0.1/__test/${path}`, {
        method: 'POST',
        headers: { host: '127.0.0.1', 'content-type': 'application/json' },
        body: '{}',
      })
      expect(response.status).toBe(404)
    },
  )

  test.each([
    ['127.0.0.1', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['192.168.1.5', 404],
    ['::ffff:10.0.0.1', 404],
  ])('a caller at %s is answered %i', async (remoteAddress, status) => {
    const { post } = control()
    const env = { incoming: { socket: { remoteAddress } } }
    expect((await post('settle', {}, env)).status).toBe(status)
  })

  test('clock moves every part to the same offset, its own last, and answers when all have', async () => {
    const told: unknown[] = []
    await using part = await fakePart((action, body) => {
      told.push([action, body, made.domainClock.offsetMs])
      return {}
    })
    const clock = new ManualClock(Date.parse('2026-11-24T12:00:00Z'))
    const controls = { processor: part.url, history: part.url }
    const made = control({ clock, controls })
    const response = await made.post('clock', { advanceMs: hourMs })
    expect(await response.json()).toEqual({ now: '2026-11-24T13:00:00.000Z', offsetMs: hourMs })
    expect(told).toEqual([
      ['clock', { offsetMs: hourMs }, 0],
      ['clock', { offsetMs: hourMs }, 0],
    ])
    const back = await made.post('clock', { now: '2026-11-24T12:30:00Z' })
    expect(await back.json()).toMatchObject({ offsetMs: hourMs / 2 })
  })

  test('clock that one part refuses is refused as a whole, naming the part', async () => {
    await using part = await fakePart(() => undefined)
    const { post, domainClock } = control({ controls: { processor: part.url } })
    const response = await post('clock', { advanceMs: 1000 })
    expect(response.status).toBe(502)
    expect(await response.text()).toContain('processor refused clock')
    expect(domainClock.offsetMs).toBe(0)
  })

  test('a dashboard started again takes over the offset that the others have', async () => {
    await using part = await fakePart((_, body) =>
      (body as { advanceMs: number }).advanceMs === 0 ? { offsetMs: hourMs } : undefined,
    )
    expect(await currentOffset({ broker: 'http://127.0.0.1:1', processor: part.url })).toBe(hourMs)
    expect(await currentOffset({ broker: 'http://127.0.0.1:1' })).toBe(0)
  })

  test('settle tells the offset again, for a part that was started again meanwhile', async () => {
    const told: unknown[] = []
    await using part = await fakePart((_, body) => {
      told.push(body)
      return {}
    })
    const { post, domainClock } = control({ controls: { processor: part.url } })
    await post('settle', {})
    domainClock.setOffset(hourMs)
    await post('settle', {})
    expect(told).toEqual([{ offsetMs: hourMs }])
  })

  test.each([{}, { now: 'tomorrow' }, { advanceMs: 'much' }])(
    'clock %j is refused',
    async (body) => {
      expect((await control().post('clock', body)).status).toBe(400)
    },
  )

  test('settle answers with the positions, or names the stage that is behind', async () => {
    const { post } = control()
    expect(await (await post('settle', {})).json()).toMatchObject({ positions: { t: [1, 2] } })
    const behind = vi.fn(async () => ({
      settled: false,
      behind: ['history: t-0 is 3 behind'],
      positions: {},
    }))
    const late = await control({ settle: behind }).post('settle', { timeoutMs: 5 })
    expect(late.status).toBe(504)
    expect(await late.text()).toContain('t-0 is 3 behind')
    expect(behind.mock.calls[0]).toContain(5)
  })

  test('seed is the shop’s to write, and its truth the answer', async () => {
    await using shop = await fakePart((action, body) => ({ action, body, truth: { orders: 3 } }))
    const { post } = control({ controls: { shop: shop.url } })
    const response = await post('seed', { scenario: 'flash-sale', seed: 4 })
    expect(await response.json()).toEqual({
      action: 'seed',
      body: { scenario: 'flash-sale', seed: 4 },
      truth: { orders: 3 },
    })
  })

  test('events lists what arrived, good and bad, newest first', async () => {
    const { app, fold } = control()
    const nowMs = Date.now()
    const place = (offset: number) => ({ topic: 't', partition: 0, offset, key: 'k' })
    fold.applyEvent(enriched({ timeMs: nowMs, offset: 1 }), place(1), nowMs)
    fold.applyRejected(
      {
        stage: 'processor',
        reason: 'bad_time',
        field: 'eventTime',
        message: 'no time',
        receivedAt: isoTime(nowMs),
        dialect: 'native',
        source: 'web',
        body: '{}',
        input: { topic: 'ecommerce-events', partition: 0, offset: 2 },
      },
      place(2),
      nowMs,
    )
    const response = await app.request('http://127.0.0.1/__test/events', {
      headers: { host: '127.0.0.1' },
    })
    const { events } = (await response.json()) as {
      events: { isRejected: boolean; value: object }[]
    }
    expect(events.map((each) => each.isRejected)).toEqual([true, false])
    expect(events[0]?.value).toMatchObject({ reason: 'bad_time' })
    expect(events[1]?.value).toMatchObject({ eventId: 'e1' })
  })
})
