// The page's copy of the live view: frames applied in any way end in the same rows.

import { describe, expect, test } from 'vitest'
import type { LiveFrame } from '../../api/live/frame.ts'
import { mergeFeed } from './feed.ts'
import { LiveState, Ring } from './rings.ts'

const minutes = {
  at: [],
  orders: [],
  grossMinor: [],
  sessions: [],
  abandoned: [],
  converted: [],
  sessionsClosed: [],
  sessionsBought: [],
}
const frame = (part: Partial<LiveFrame>): LiveFrame =>
  ({
    kind: 'frame',
    epoch: 'e1',
    seq: 1,
    sinceSeq: null,
    seconds: { at: [], orders: [], events: [] },
    minutes,
    ...part,
  }) as LiveFrame
const rows = (at: number, orders: number) => ({ at: [at], orders: [orders], events: [0] })

describe('the page’s state', () => {
  test('a frame that follows is applied, the same again is old, one with a gap asks for a snapshot', () => {
    const state = new LiveState()
    expect(state.apply(frame({ seq: 5, seconds: rows(100, 1) }))).toBe('applied')
    expect(state.apply(frame({ seq: 6, sinceSeq: 5, seconds: rows(101, 2) }))).toBe('applied')
    expect(state.apply(frame({ seq: 6, sinceSeq: 5, seconds: rows(101, 2) }))).toBe('old')
    expect(state.apply(frame({ seq: 9, sinceSeq: 8 }))).toBe('gap')
    expect(state.seconds.sum('orders', 100, 102)).toBe(3)
  })

  test('a catch-up that overlaps what is known counts nothing twice', () => {
    const state = new LiveState()
    state.apply(frame({ seq: 5, seconds: rows(100, 1) }))
    state.apply(frame({ seq: 6, sinceSeq: 5, seconds: rows(101, 2) }))
    expect(state.apply(frame({ seq: 8, sinceSeq: 5, seconds: rows(101, 2) }))).toBe('applied')
    expect(state.seconds.sum('orders', 100, 102)).toBe(3)
  })

  test('frames before the first snapshot are a gap, and after a restart of the server too', () => {
    const state = new LiveState()
    expect(state.apply(frame({ seq: 4, sinceSeq: 3 }))).toBe('gap')
    state.apply(frame({ seq: 5, seconds: rows(100, 1) }))
    expect(state.apply(frame({ epoch: 'e2', seq: 6, sinceSeq: 5 }))).toBe('gap')
    expect(state.apply(frame({ epoch: 'e2', seq: 1, seconds: rows(200, 4) }))).toBe('applied')
    expect(state.seconds.sum('orders', 0, 300)).toBe(4)
  })

  test('a snapshot older than what is on screen is not applied', () => {
    const state = new LiveState()
    state.apply(frame({ seq: 5 }))
    state.apply(frame({ seq: 6, sinceSeq: 5, seconds: rows(100, 1) }))
    expect(state.apply(frame({ seq: 5 }))).toBe('old')
    expect(state.seconds.get('orders', 100)).toBe(1)
  })

  test('the ranking stays until a new one comes', () => {
    const state = new LiveState()
    const top = { currency: 'EUR', byWindow: {} } as LiveFrame['top'] & object
    state.apply(frame({ seq: 5, top }))
    state.apply(frame({ seq: 6, sinceSeq: 5 }))
    expect(state.frame?.top).toBe(top)
  })
})

describe('a ring', () => {
  test('holds the newest row of a place; what was never sent is zero', () => {
    const ring = new Ring(['n'], 10)
    ring.apply({ at: [105, 115], n: [1, 2] })
    ring.apply({ at: [105], n: [9] })
    expect([ring.get('n', 105), ring.get('n', 115), ring.get('n', 116)]).toEqual([0, 2, 0])
  })
})

describe('the feed', () => {
  const row = (index: number) => ({ index }) as LiveFrame['feed']['rows'][number]

  test('is newest first, each once, and bounded', () => {
    const known = mergeFeed([], [row(1), row(2)])
    expect(mergeFeed(known, [row(2), row(3)]).map(({ index }) => index)).toEqual([3, 2, 1])
    const many = Array.from({ length: 600 }, (_, i) => row(i))
    expect(mergeFeed([], many)).toHaveLength(500)
  })
})
