// How the bridge stands as a whole, from what its lanes say. Pure. A stream that has something to send and whose position
// does not move looks stuck, whatever it says of itself: Progress watches positions, not intentions.

import type { LaneStatus, StreamState, StreamStatus } from './lane.ts'
import type { Lane } from './lane.ts'

export interface BridgeStatus {
  /** The worst of all streams. */
  state: StreamState
  /** One sentence. */
  detail: string
  lagRecords: number
  /** Entries of the error lane that are not delivered to this day. */
  openErrors: number
  lanes: LaneStatus[]
}

/** From bad to good. */
const severity: readonly StreamState[] = ['stopped', 'waiting', 'running', 'caught-up']

export function bridgeStatus(
  lanes: readonly Lane[],
  openErrors: number,
  nowMs: number,
): BridgeStatus {
  const statuses = lanes.map((lane) => lane.status())
  const streams = statuses.flatMap((lane) => lane.streams)
  const worst = streams.toSorted((a, b) => rank(a) - rank(b))[0]
  const lagRecords = streams.reduce((sum, stream) => sum + stream.lagRecords, 0)
  return {
    state: worst?.state ?? 'caught-up',
    detail: sentence(worst, lagRecords, nowMs),
    lagRecords,
    openErrors,
    lanes: statuses,
  }
}

function rank({ state }: StreamStatus): number {
  return severity.indexOf(state)
}

function sentence(worst: StreamStatus | undefined, lagRecords: number, nowMs: number): string {
  if (!worst) return 'no lane is running'
  if (worst.state === 'caught-up') return 'everything is delivered'
  const sinceSeconds = Math.max(0, Math.round((nowMs - worst.sinceMs) / 1000))
  if (worst.state === 'running') return `${lagRecords} records are to be delivered`
  return `${worst.stream} is ${worst.state} for ${sinceSeconds} s: ${worst.detail}`
}
