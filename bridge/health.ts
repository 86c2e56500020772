// How the bridge stands as a whole, from what its lanes say. Pure. A stream that has something to send and whose position
// does not move looks stuck, whatever it says of itself: positions are watched, not intentions.

import { minuteMs } from '#stack/base/units.ts'
import type { LaneStatus, StreamState, StreamStatus } from './lane.ts'

export interface BridgeStatus {
  /** The worst of all streams. */
  state: StreamState
  /** One sentence. */
  detail: string
  lagRecords: number
  /** Of all streams the greatest. */
  oldestUnsentMs: number | null
  /** Entries of the error lane that are not delivered to this day. */
  openErrors: number
  lanes: LaneStatus[]
}

/** From bad to good. */
const severity: readonly StreamState[] = ['stopped', 'waiting', 'running', 'caught-up']

export function bridgeStatus({
  statuses,
  starting,
  openErrors,
}: {
  statuses: LaneStatus[]
  /** Lanes that have not begun. */
  starting: readonly string[]
  openErrors: number
}): BridgeStatus {
  const streams = statuses.flatMap((lane) => lane.streams)
  const worst = streams.toSorted((a, b) => rank(a) - rank(b))[0]
  const ages = streams.flatMap(({ oldestUnsentMs }) => oldestUnsentMs ?? [])
  const whole = {
    lagRecords: streams.reduce((sum, stream) => sum + stream.lagRecords, 0),
    oldestUnsentMs: ages.length > 0 ? Math.max(...ages) : null,
    openErrors,
    lanes: statuses,
  }
  const isWell = worst === undefined || rank(worst) >= severity.indexOf('running')
  if (isWell && starting.length > 0)
    return { state: 'running', detail: `begins: ${starting.join(', ')}`, ...whole }
  if (!worst) return { state: 'caught-up', detail: 'there is nothing to carry', ...whole }
  return { state: worst.state, detail: sentence(worst, whole.lagRecords), ...whole }
}

function rank({ state }: StreamStatus): number {
  return severity.indexOf(state)
}

function sentence(worst: StreamStatus, lagRecords: number): string {
  if (worst.state === 'caught-up') return 'everything is delivered'
  if (worst.state === 'running') return `${lagRecords} records are to be delivered`
  return `${worst.stream} ${worst.state === 'stopped' ? 'is stopped' : 'waits'}: ${worst.detail}`
}

const stuckMs = minuteMs

/** Remembers when each position moved last. */
export class Progress {
  readonly #moved = new Map<string, { position: number | null; atMs: number }>()

  /** The statuses, a stream that says it runs and does not move being called waiting. */
  look(statuses: readonly LaneStatus[], nowMs: number): LaneStatus[] {
    return statuses.map((lane) => ({
      ...lane,
      streams: lane.streams.map((stream) => this.#look(lane.lane, stream, nowMs)),
    }))
  }

  #look(lane: string, stream: StreamStatus, nowMs: number): StreamStatus {
    const name = `${lane} ${stream.stream}`
    const before = this.#moved.get(name)
    const hasWork = stream.lagRecords > 0
    if (!before || before.position !== stream.position || !hasWork) {
      this.#moved.set(name, { position: stream.position, atMs: nowMs })
      return stream
    }
    const stillMs = nowMs - before.atMs
    if (stream.state !== 'running' || stillMs < stuckMs) return stream
    const detail = `it has not moved for ${Math.round(stillMs / 1000)} s, and ${stream.lagRecords} are to go`
    return { ...stream, state: 'waiting', detail, sinceMs: before.atMs }
  }
}
