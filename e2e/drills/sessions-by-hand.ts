// Sessions worked out from the rows of events alone, by S1 to S5 and nothing else, and held against the table.

import { expect } from 'vitest'
import { dayMs, isoTime, minuteMs } from '#stack/base/units.ts'
import type { Stack } from '../fixtures/stack.ts'

interface EventRow {
  event_id: string
  name: string
  event_time: string
  anonymous_id: string | null
  user_id: string | null
  is_bot: boolean
  is_test: boolean
  is_too_late: boolean
}

interface SessionRow {
  anonymous_id: string | null
  user_id: string | null
  started_at: string
  ended_at: string
  event_count: number
}

const gapMs = 30 * minuteMs
const sessionMsMax = dayMs
/** R12; a page ping is a custom event. */
const noActivity = ['custom', 'refund']

export async function checkSessions(stack: Stack): Promise<void> {
  const sessions = await stack.rows<SessionRow>('sessions')
  const found = sessions.map(({ anonymous_id, user_id, started_at, ended_at, event_count }) =>
    summary(
      visitorOf(anonymous_id, user_id),
      Date.parse(started_at),
      Date.parse(ended_at),
      event_count,
    ),
  )
  const expected = sessionsOf(await stack.rows<EventRow>('events'))
  expect(found.sort()).toEqual(expected.sort())
  expect(expected.length).toBeGreaterThan(0)
}

function sessionsOf(events: readonly EventRow[]): string[] {
  const activity = events.filter(
    (event) =>
      !event.is_bot && !event.is_test && !event.is_too_late && !noActivity.includes(event.name),
  )
  const byVisitor = Map.groupBy(activity, ({ anonymous_id, user_id }) =>
    visitorOf(anonymous_id, user_id),
  )
  return [...byVisitor].flatMap(([visitor, own]) =>
    cut(own.map(({ event_time }) => Date.parse(event_time)).sort((a, b) => a - b)).map((times) =>
      summary(visitor, times[0] as number, times.at(-1) as number, times.length),
    ),
  )
}

/** S3: at a pause of the gap or more, and a day after the first. */
function cut(times: readonly number[]): number[][] {
  const sessions: number[][] = []
  for (const ms of times) {
    const last = sessions.at(-1)
    const isNew =
      last === undefined ||
      ms - (last.at(-1) as number) >= gapMs ||
      ms - (last[0] as number) >= sessionMsMax
    if (isNew) sessions.push([ms])
    else last.push(ms)
  }
  return sessions
}

function visitorOf(anonymousId: string | null, userId: string | null): string {
  return anonymousId === null ? `u:${userId}` : `a:${anonymousId}`
}

function summary(visitor: string, startedMs: number, endedMs: number, events: number): string {
  return `${visitor} ${isoTime(startedMs)} to ${isoTime(endedMs)}, ${events} events`
}
