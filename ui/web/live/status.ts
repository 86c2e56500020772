// What the header says about the live view: one state from how the stream is, how old the newest frame is, and what
// the frame tells about the server. Pure, so that its rules read like the table they are.
//
//   connecting → live ⇄ quiet → lagging → stale → reconnecting → paused → offline

import type { FrameSource, LiveFrame } from '../../api/live/frame.ts'
import type { LinkState } from './link.ts'

export type LiveStatus =
  | { name: 'connecting' | 'live' | 'quiet'; behindMs: number }
  | { name: 'lagging' | 'stale'; behindMs: number; why: string }
  | { name: 'reconnecting'; attempt: number; inMs: number; behindMs: number }
  | { name: 'paused'; sinceMs: number; waiting: number; behindMs: number }
  | { name: 'offline'; behindMs: number }

export interface StatusInput {
  link: LinkState
  isOnline: boolean
  paused: { sinceMs: number; waiting: number } | undefined
  frame: LiveFrame | undefined
  /** Browser time of the newest frame's arrival. */
  heardMs: number
  /** Median time from event to pixel of the last minute, where events came. */
  latencyMs: number | undefined
  /** Browser time when an event last came. */
  lastEventMs: number
  nowMs: number
}

/** A frame a second, and what a busy machine adds. */
const frameEveryMs = 1500
const laggingAfterMs = 3000
const staleAfterMs = 10_000
const quietAfterMs = 30_000
const lagLimitSeconds = 5
/** Event time this far back is past traffic on its way through. */
export const catchingUpMs = 5 * 60_000

/** Without one of these nothing new can come. */
const feeders: Record<FrameSource, readonly (readonly [part: string, name: string])[]> = {
  local: [['broker', 'the broker']],
  cloud: [
    ['pubsub', 'Pub/Sub'],
    ['bridge', 'the bridge'],
    ['broker', 'the broker'],
  ],
}

export function statusOf(input: StatusInput): LiveStatus {
  const { link, frame, nowMs, heardMs } = input
  const silentMs = frame ? Math.max(0, nowMs - heardMs) : 0
  const lagMs = (frame?.lag.seconds ?? 0) * 1000
  // Between two frames of a healthy stream the figure stands; what is measured is the way from event to pixel.
  const waitedMs = silentMs > frameEveryMs ? silentMs : 0
  const behindMs = waitedMs + Math.max(lagMs, input.latencyMs ?? 0)
  if (!input.isOnline && link.name !== 'open') return { name: 'offline', behindMs }
  if (input.paused) return { name: 'paused', ...input.paused, behindMs }
  if (link.name === 'reconnecting') {
    const inMs = Math.max(0, link.nextTryMs - nowMs)
    return { name: 'reconnecting', attempt: link.attempt, inMs, behindMs }
  }
  if (!frame) return { name: 'connecting', behindMs }
  if (silentMs > staleAfterMs) return { name: 'stale', behindMs, why: 'the server says nothing' }
  const gone = feeders[frame.source].find(([part]) => frame.away.includes(part))
  if (gone) return { name: 'stale', behindMs, why: `${gone[1]} is away` }
  if (frame.trouble !== null) return { name: 'stale', behindMs, why: 'nothing comes' }
  const pastMs = frame.watermarkMs === null ? 0 : frame.nowMs - frame.watermarkMs
  if (pastMs > catchingUpMs) return { name: 'lagging', behindMs: pastMs, why: 'catching up' }
  if (silentMs > laggingAfterMs) return { name: 'lagging', behindMs, why: 'frames are late' }
  if (frame.lag.seconds > lagLimitSeconds) {
    return { name: 'lagging', behindMs, why: `${frame.lag.records} records to read` }
  }
  if (nowMs - input.lastEventMs > quietAfterMs) return { name: 'quiet', behindMs }
  return { name: 'live', behindMs }
}
