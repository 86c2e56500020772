// What the header says, state by state.

import { expect, test } from 'vitest'
import type { LiveFrame } from '../../api/live/frame.ts'
import type { StatusInput } from './status.ts'
import { statusOf } from './status.ts'

const frame = (part: object = {}) =>
  ({
    nowMs: 100_000,
    watermarkMs: 70_000,
    lag: { records: 0, seconds: 0 },
    away: [],
    source: 'local',
    trouble: null,
    ...part,
  }) as unknown as LiveFrame
const input = (part: Partial<StatusInput>): StatusInput => ({
  link: { name: 'open' },
  isOnline: true,
  paused: undefined,
  frame: frame(),
  heardMs: 100_000,
  latencyMs: undefined,
  lastEventMs: 100_000,
  nowMs: 100_000,
  ...part,
})

test.each([
  ['before the first frame', { frame: undefined }, 'connecting'],
  ['with frames and events', {}, 'live'],
  ['with frames and no event for 30 s', { nowMs: 131_000, heardMs: 131_000 }, 'quiet'],
  ['after 3 s without a frame', { nowMs: 103_001 }, 'lagging'],
  ['after exactly 3 s', { nowMs: 103_000 }, 'live'],
  ['when the feed lags', { frame: frame({ lag: { records: 9, seconds: 5.1 } }) }, 'lagging'],
  ['when event time stands days back', { frame: frame({ nowMs: 900_000_000 }) }, 'lagging'],
  ['after 10 s without a frame', { nowMs: 110_001 }, 'stale'],
  ['when the broker is away', { frame: frame({ away: ['broker'] }) }, 'stale'],
  ['when the bridge is away, of this machine', { frame: frame({ away: ['bridge'] }) }, 'live'],
  [
    'when the bridge is away, of the cloud',
    { frame: frame({ away: ['bridge'], source: 'cloud' }) },
    'stale',
  ],
  [
    'when Pub/Sub gives nothing',
    { frame: frame({ trouble: { title: 'why' }, source: 'cloud' }) },
    'stale',
  ],
  [
    'when the stream was lost',
    { link: { name: 'reconnecting', attempt: 2, nextTryMs: 101_000 } },
    'reconnecting',
  ],
  ['when paused', { paused: { sinceMs: 1, waiting: 3 } }, 'paused'],
  ['without network and stream', { isOnline: false, link: { name: 'connecting' } }, 'offline'],
  // Loopback needs no network: a stream that is open is not offline.
  ['without network on a stream that is open', { isOnline: false }, 'live'],
] as const)('%s it is %s', (_, part, name) => {
  expect(statusOf(input(part as Partial<StatusInput>)).name).toBe(name)
})

test('how far behind is the way from event to pixel, the reader’s lag, or the silence', () => {
  expect(statusOf(input({ latencyMs: 800, nowMs: 100_900 })).behindMs).toBe(800)
  const lagging = frame({ lag: { records: 3, seconds: 2 } })
  expect(statusOf(input({ latencyMs: 800, frame: lagging })).behindMs).toBe(2000)
  expect(statusOf(input({ latencyMs: 800, nowMs: 104_000 })).behindMs).toBe(4800)
})
