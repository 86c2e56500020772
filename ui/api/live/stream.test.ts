// The stream through the front door, over a real socket: resumed without a gap or a double, capped, cut when slow,
// closed once, and nobody left behind.

import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { ManualClock, DomainClock } from '../../../stack/base/clock.ts'
import { Metrics } from '../../../stack/base/metrics.ts'
import { defaultSettings } from '../../../stack/contract/settings.ts'
import { minuteMs, secondMs } from '../../../stack/base/units.ts'
import { startFixture } from '../../testing.ts'
import { LiveFold } from './fold.ts'
import type { LiveFrame } from './frame.ts'
import { LiveHub, readersMax } from './hub.ts'
import { calm, enriched } from './shop.fixture.ts'
import { heartbeatMs, streamTo, writeLimitMs } from './stream.ts'
import { Hono } from 'hono'

interface Received {
  id: string
  frame: LiveFrame
}

/** Messages of a stream as they come, until it is told to stop. */
async function* messages(url: string, headers: Record<string, string> = {}) {
  const abort = new AbortController()
  const response = await fetch(url, { headers, signal: abort.signal })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  try {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end < 0) {
        const { value, done } = (await reader?.read()) ?? { done: true, value: undefined }
        if (done) return
        text += value
        continue
      }
      const block = text.slice(0, end)
      text = text.slice(end + 2)
      const id = /^id: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (id !== undefined && data !== undefined) {
        yield { id, frame: JSON.parse(data) as LiveFrame } satisfies Received
      }
    }
  } finally {
    abort.abort()
  }
}

async function take(url: string, count: number, headers: Record<string, string> = {}) {
  const list: Received[] = []
  for await (const message of messages(url, headers)) {
    list.push(message)
    if (list.length === count) break
  }
  return list
}

test('a new reader gets a snapshot, then a frame each second that follows the one before', async () => {
  await using dashboard = await startFixture({ perSecond: 5, warmUpMs: minuteMs })
  const [first, second] = await take(`${dashboard.url}/api/live`, 2)
  expect(first?.frame).toMatchObject({ kind: 'snapshot', sinceSeq: null, epoch: 'fixture' })
  expect(first?.id).toBe(`fixture:${first?.frame.seq}`)
  expect(second?.frame).toMatchObject({ kind: 'frame', sinceSeq: first?.frame.seq })
})

test('a reader that comes back gets what it missed in one frame: no gap, no double', async () => {
  await using dashboard = await startFixture({ perSecond: 5, warmUpMs: minuteMs })
  const url = `${dashboard.url}/api/live`
  const [before] = await take(url, 1)
  const missed = dashboard.hub.snapshot().seq
  await vi.waitFor(() => expect(dashboard.hub.snapshot().seq).toBeGreaterThan(missed + 1), 8000)
  const [byHeader] = await take(url, 1, { 'last-event-id': before?.id ?? '' })
  expect(byHeader?.frame.sinceSeq).toBe(before?.frame.seq)
  expect(byHeader?.frame.kind).toBe('catchup')
  const [byQuery] = await take(`${url}?since=${before?.id}`, 1)
  expect(byQuery?.frame.sinceSeq).toBe(before?.frame.seq)
})

test.each(['other:3', 'fixture:999999', 'nonsense', ''])(
  'a reader that names “%s” starts with a snapshot',
  async (since) => {
    await using dashboard = await startFixture({ perSecond: 1, warmUpMs: minuteMs })
    const [message] = await take(`${dashboard.url}/api/live`, 1, { 'last-event-id': since })
    expect(message?.frame.kind).toBe('snapshot')
  },
)

test('two readers at once are sent the same frames, built once', async () => {
  await using dashboard = await startFixture({ perSecond: 5, warmUpMs: minuteMs })
  const url = `${dashboard.url}/api/live`
  const both = await Promise.all([take(url, 3), take(url, 3)])
  const [a, b] = both.map((list) => list.slice(1).map(({ id }) => id))
  expect(a?.some((id) => b?.includes(id))).toBe(true)
})

test('readers that leave are forgotten, a hundred times over, and nothing ticks without one', async () => {
  await using dashboard = await startFixture({ perSecond: 1, warmUpMs: minuteMs })
  const url = `${dashboard.url}/api/live`
  for (let i = 0; i < 100; i++) {
    const abort = new AbortController()
    await fetch(url, { signal: abort.signal })
    abort.abort()
  }
  await vi.waitFor(() => expect(dashboard.hub.readers).toBe(0), 10_000)
  const { seq } = dashboard.fold
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(dashboard.fold.seq).toBe(seq)
})

test('beyond the cap a reader is refused with words, and served again when one has left', async () => {
  await using dashboard = await startFixture({ perSecond: 1, warmUpMs: minuteMs })
  const url = `${dashboard.url}/api/live`
  const aborts = Array.from({ length: readersMax }, () => new AbortController())
  await Promise.all(aborts.map(({ signal }) => fetch(url, { signal })))
  const refused = await fetch(url)
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('5')
  expect(await refused.text()).toMatch(/Too many pages/)
  aborts[0]?.abort()
  await vi.waitFor(() => expect(dashboard.hub.isFull).toBe(false), 5000)
  for (const abort of aborts) abort.abort()
})

test('a reader that stops reading is cut off, and holds nobody else up', async () => {
  const clock = new ManualClock(Date.now())
  await using dashboard = await startFixture({ perSecond: 1, warmUpMs: minuteMs, clock })
  const { hostname, port } = new URL(dashboard.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET /api/live HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.pause()
  // More than any socket buffer holds, so that a write has to wait for a reader that never reads.
  vi.spyOn(dashboard.fold, 'frame').mockImplementation(() => ({ pad: 'x'.repeat(8e6) }) as never)
  clock.advance(2 * secondMs)
  expect(dashboard.hub.readers).toBe(1)
  await vi.waitFor(() => {
    clock.advance(writeLimitMs)
    expect(dashboard.hub.readers).toBe(0)
  }, 10_000)
  await new Promise((resolve) => {
    socket.once('close', resolve)
    socket.resume()
  })
})

test('a stream without news sends a heartbeat', async () => {
  const clock = new ManualClock(1)
  const app = new Hono().get('/', (c) =>
    streamTo(c, { clock, next: () => undefined, onOpen: () => {}, onEnd: () => {} }),
  )
  const response = await app.request('/')
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  expect((await reader?.read())?.value).toBe('retry: 1000\n\n')
  // The write is over when its promise has settled, a few microtasks after its bytes were read.
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(heartbeatMs)
  expect((await reader?.read())?.value).toBe(': still here\n\n')
  expect(response.headers.get('x-accel-buffering')).toBe('no')
  expect(response.headers.get('cache-control')).toBe('no-store')
  await reader?.cancel()
})

test('a stream ends once, however it ends', async () => {
  const clock = new ManualClock(1)
  const ends: string[] = []
  let end = (): void => {}
  const app = new Hono().get('/', (c) =>
    streamTo(c, {
      clock,
      next: () => undefined,
      onOpen: (reader) => (end = () => reader.close('closed')),
      onEnd: (reason) => ends.push(reason),
    }),
  )
  const response = await app.request('/')
  end()
  await response.body?.cancel()
  end()
  await vi.waitFor(() => expect(ends).toEqual(['closed']))
})

test('a moved clock reaches readers at once, not with the next second', () => {
  const clock = new ManualClock(1_000_000)
  const domainClock = new DomainClock(clock)
  const fold = new LiveFold({ settings: defaultSettings, epoch: 'e', backToMs: 0 })
  const surroundings = () => calm
  const metrics = new Metrics()
  const hub = new LiveHub({ name: 'live', fold, clock, domainClock, metrics, surroundings })
  const reader = { wake: vi.fn(), close: vi.fn() }
  const subscription = hub.subscribe(undefined)
  subscription.onOpen(reader)
  subscription.next()
  domainClock.advance(61 * minuteMs)
  expect(reader.wake).toHaveBeenCalledOnce()
  const frame = JSON.parse(subscription.next()?.data ?? '{}') as LiveFrame
  expect(frame.nowMs).toBe(1_000_000 + 61 * minuteMs)
})

test('events that arrive between two frames are told once', () => {
  const clock = new ManualClock(10_000_000)
  const domainClock = new DomainClock(clock)
  const fold = new LiveFold({ settings: defaultSettings, epoch: 'e', backToMs: 0 })
  const surroundings = () => calm
  const metrics = new Metrics()
  const hub = new LiveHub({ name: 'live', fold, clock, domainClock, metrics, surroundings })
  const subscription = hub.subscribe(undefined)
  subscription.onOpen({ wake: () => {}, close: () => {} })
  subscription.next()
  const told: number[] = []
  for (let offset = 0; offset < 5; offset++) {
    const event = enriched({ timeMs: clock.now(), offset })
    fold.applyEvent(event, { topic: 't', partition: 0, offset, key: null }, clock.now())
    clock.advance(secondMs)
    const { feed } = JSON.parse(subscription.next()?.data ?? '{}') as LiveFrame
    told.push(...feed.rows.map((row) => row.index))
  }
  expect(told).toEqual([0, 1, 2, 3, 4])
})
