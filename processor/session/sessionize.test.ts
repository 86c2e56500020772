// S2, S3 and S5 at their edges. Times are minutes; G = 5.

import { expect, test } from 'vitest'
import { minuteMs } from '#stack/base/units.ts'
import { closesAtMs, sessionize } from './sessionize.ts'

const settings = { sessionGapMs: 5 * minuteMs, maxSessionMs: 60 * minuteMs }

function event(minute: number, rest: { isActivity?: boolean; isFinal?: boolean } = {}) {
  return {
    timeMs: minute * minuteMs,
    seq: undefined,
    name: 'page_view' as const,
    eventId: `e${minute}`,
    source: 'web',
    isActivity: true,
    isFinal: false,
    ...rest,
  }
}

const spans = (minutes: readonly number[], chosen = settings) =>
  sessionize(
    minutes.map((minute) => event(minute)),
    chosen,
  ).map(({ firstMs, lastMs }) => [firstMs / minuteMs, lastMs / minuteMs])

test('a pause just under the gap joins, a pause of exactly the gap does not', () => {
  expect(spans([0, 4.999])).toEqual([[0, 4.999]])
  expect(spans([0, 5])).toEqual([
    [0, 0],
    [5, 5],
  ])
})

test('an event between two sessions joins them', () => {
  expect(spans([10, 12, 20])).toEqual([
    [10, 12],
    [20, 20],
  ])
  expect(spans([10, 12, 16, 20])).toEqual([[10, 20]])
})

test('an event exactly at the longest session starts a new one; zero means never', () => {
  const minutes = Array.from({ length: 21 }, (_, i) => i * 4)
  expect(spans(minutes)).toEqual([
    [0, 56],
    [60, 80],
  ])
  expect(spans(minutes, { ...settings, maxSessionMs: 0 })).toEqual([[0, 80]])
})

test('what is no activity has no session, even inside its time', () => {
  const [session, ...others] = sessionize(
    [event(0), event(2, { isActivity: false }), event(4)],
    settings,
  )
  expect(others).toEqual([])
  expect(session?.events.map(({ eventId }) => eventId)).toEqual(['e0', 'e4'])
})

test('a session is over a gap after its last event, at the latest when it is as long as may be', () => {
  expect(closesAtMs({ firstMs: 0, lastMs: 10 * minuteMs }, settings)).toBe(15 * minuteMs)
  expect(closesAtMs({ firstMs: 0, lastMs: 58 * minuteMs }, settings)).toBe(60 * minuteMs)
  const endless = { ...settings, maxSessionMs: 0 }
  expect(closesAtMs({ firstMs: 0, lastMs: 58 * minuteMs }, endless)).toBe(63 * minuteMs)
})
