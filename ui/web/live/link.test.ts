// The stream kept alive: retries with jitter, resumes by the last frame's name, ends a silent stream.

import { describe, expect, test } from 'vitest'
import type { LinkState, StreamHandlers } from './link.ts'
import { LiveLink, silenceLimitMs } from './link.ts'

function harness(random = 0.5) {
  let nowMs = 0
  let timers: { dueMs: number; run: () => void }[] = []
  const opened: { url: string; handlers: StreamHandlers; isClosed: boolean }[] = []
  const states: LinkState[] = []
  const frames: string[] = []
  const link = new LiveLink({
    url: '/api/live',
    open(url, handlers) {
      const stream = { url, handlers, isClosed: false }
      opened.push(stream)
      return { close: () => (stream.isClosed = true) }
    },
    now: () => nowMs,
    after(ms, run) {
      const timer = { dueMs: nowMs + ms, run }
      timers.push(timer)
      return () => (timers = timers.filter((each) => each !== timer))
    },
    random: () => random,
    onFrame: (text) => frames.push(text),
    onState: (state) => states.push(state),
  })
  const advance = (ms: number) => {
    const endMs = nowMs + ms
    for (;;) {
      const due = timers.filter((each) => each.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0]
      if (!due) break
      nowMs = due.dueMs
      timers = timers.filter((each) => each !== due)
      due.run()
    }
    nowMs = endMs
  }
  const stream = () => opened[opened.length - 1] as (typeof opened)[number]
  return { link, opened, states, frames, advance, stream }
}

describe('the link', () => {
  test('comes back by the name of the last frame it was given', () => {
    const { link, stream, advance, frames, opened } = harness()
    link.open()
    expect(stream().url).toBe('/api/live')
    stream().handlers.onOpen()
    stream().handlers.onMessage('one', 'e1:7')
    stream().handlers.onError()
    advance(5000)
    expect(opened).toHaveLength(2)
    expect(stream().url).toBe('/api/live?since=e1%3A7')
    expect(opened[0]?.isClosed).toBe(true)
    expect(frames).toEqual(['one'])
  })

  test('waits longer with each try, never more than five seconds, by chance never less than half', () => {
    for (const random of [0, 0.999]) {
      const { link, stream, advance, states } = harness(random)
      link.open()
      const waits: number[] = []
      for (let attempt = 1; attempt <= 8; attempt++) {
        stream().handlers.onError()
        const state = states[states.length - 1] as Extract<LinkState, { name: 'reconnecting' }>
        expect(state).toMatchObject({ name: 'reconnecting', attempt })
        waits.push(state.nextTryMs - (states.length === 0 ? 0 : nowOf(state)))
        advance(5000)
      }
      expect(Math.max(...waits)).toBeLessThanOrEqual(5000)
      expect(waits[0]).toBeGreaterThanOrEqual(250)
      expect(waits[7]).toBeGreaterThanOrEqual(2500)
    }
  })

  test('a stream that says nothing for too long is opened again', () => {
    const { link, stream, advance, opened } = harness()
    link.open()
    stream().handlers.onOpen()
    advance(silenceLimitMs - 1)
    stream().handlers.onMessage('still', 'e1:1')
    advance(silenceLimitMs - 1)
    expect(opened).toHaveLength(1)
    advance(1 + 5000)
    expect(opened).toHaveLength(2)
  })

  test('closed stays closed; words of a dropped stream no longer count', () => {
    const { link, stream, advance, frames, opened, states } = harness()
    link.open()
    link.open()
    const first = stream()
    link.close()
    first.handlers.onMessage('late', 'e1:9')
    first.handlers.onError()
    advance(60_000)
    expect(opened).toHaveLength(1)
    expect(frames).toEqual([])
    expect(states[states.length - 1]).toEqual({ name: 'closed' })
  })

  test('after a gap it starts afresh, without a name', () => {
    const { link, stream } = harness()
    link.open()
    stream().handlers.onMessage('one', 'e1:7')
    link.forget()
    expect(stream().url).toBe('/api/live')
  })
})

/** Each try of the harness begins on a multiple of five seconds. */
function nowOf(state: { nextTryMs: number }): number {
  return Math.floor((state.nextTryMs - 1) / 5000) * 5000
}
