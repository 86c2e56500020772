// What the bridge says of itself, asked on its control port at most once a second and only while somebody wants to
// know: its status, and from its metrics which codes its requests were sent again for. The page and cloud Live share it.

import type { Clock } from '../../../stack/base/clock.ts'
import { messageOf } from '../../../stack/base/errors.ts'
import { secondMs } from '../../../stack/base/units.ts'

/** `GET /status` of the bridge, as far as it is shown; bridge/health.ts and bridge/lane.ts say what each means. */
export interface BridgeStatus {
  state: StreamState
  detail: string
  lagRecords: number
  oldestUnsentMs: number | null
  openErrors: number
  lanes: LaneStatus[]
}

export type StreamState = 'running' | 'caught-up' | 'waiting' | 'stopped'

export interface LaneStatus {
  lane: string
  streams: StreamStatus[]
}

export interface StreamStatus {
  stream: string
  position: number | null
  targetPosition: number | null
  lagRecords: number
  oldestUnsentMs: number | null
  counts: { sent: number; retries: number; errors: number; dedupHits: number }
  state: StreamState
  detail: string
  sinceMs: number
}

/** Requests of lane A that were sent again, by the code that they were refused with, since the bridge started. */
export interface RetryClass {
  code: string
  requests: number
}

export type BridgeWord =
  | { is: 'off' }
  | { is: 'away'; detail: string; sinceMs: number }
  | { is: 'there'; status: BridgeStatus; retries: RetryClass[] }

export interface BridgeSourceOptions {
  clock: Clock
  /** Its control address; undefined where no bridge is started. */
  address: string | undefined
}

const keptMs = secondMs
const answerLimitMs = 2500

export class BridgeSource {
  readonly #options: BridgeSourceOptions
  #last: BridgeWord | undefined
  #askedMs = -Infinity
  #asking: Promise<BridgeWord> | undefined

  constructor(options: BridgeSourceOptions) {
    this.#options = options
  }

  async ask(): Promise<BridgeWord> {
    const { address, clock } = this.#options
    if (address === undefined) return { is: 'off' }
    if (this.#asking) return this.#asking
    if (this.#last && clock.monotonicMs() - this.#askedMs < keptMs) return this.#last
    this.#askedMs = clock.monotonicMs()
    this.#asking = this.#askNow(address).finally(() => (this.#asking = undefined))
    return (this.#last = await this.#asking)
  }

  /** What was said last; asks again behind the caller's back. Undefined before the first answer. */
  last(): BridgeWord | undefined {
    void this.ask()
    return this.#last
  }

  async #askNow(address: string): Promise<BridgeWord> {
    try {
      const [status, metrics] = await Promise.all([
        textOf(`${address}/status`),
        textOf(`${address}/metrics`),
      ])
      return {
        is: 'there',
        // The bridge is of the same package.
        status: JSON.parse(status) as BridgeStatus,
        retries: retriesIn(metrics),
      }
    } catch (error) {
      const sinceMs = this.#last?.is === 'away' ? this.#last.sinceMs : this.#options.clock.now()
      return { is: 'away', detail: messageOf(error), sinceMs }
    }
  }
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerLimitMs) })
  if (!response.ok) throw new Error(`it answered ${response.status}`)
  return response.text()
}

const retryLine = /^slipway_bridge_topics_retried_requests\{code="(\w+)"\} (\d+)$/gm

/** The most frequent first. */
export function retriesIn(metrics: string): RetryClass[] {
  return [...metrics.matchAll(retryLine)]
    .map(([, code = '', requests]) => ({ code, requests: Number(requests) }))
    .sort((a, b) => b.requests - a.requests)
}
