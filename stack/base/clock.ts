// Time comes in as a parameter. Two kinds are kept apart:
//  - a Clock is real time and real timers: protocol timeouts, back-off, flush intervals;
//  - the DomainClock is what the shop calls "now": receivedAt, idle advance, deadlines. Tests move it for all
//    parts together; nothing that speaks to a real client may depend on it.
// This file is the only place that reads the system's clock or sets its timers.

import { setTimeout as delay } from 'node:timers/promises'

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number
  /** Milliseconds from an arbitrary start, never going back. */
  monotonicMs(): number
  after(ms: number, run: () => void): Timer
  every(ms: number, run: () => void): Timer
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms)
    return { cancel: () => clearTimeout(handle) }
  },
  every(ms, run) {
    const handle = setInterval(run, ms)
    return { cancel: () => clearInterval(handle) }
  },
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {})
  },
}

/** The shop's "now": real time plus an offset that test control moves. Keeps ticking after a move. */
export class DomainClock {
  #offsetMs = 0
  #listeners = new Set<() => void>()
  readonly #clock: Clock

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now() + this.#offsetMs
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  moveTo(nowMs: number): void {
    this.#move(nowMs - this.#clock.now())
  }

  advance(ms: number): void {
    this.#move(this.#offsetMs + ms)
  }

  setOffset(offsetMs: number): void {
    this.#move(offsetMs)
  }

  /** Called after each move, so that waiting parts look again. Returns how to stop listening. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #move(offsetMs: number): void {
    this.#offsetMs = Math.round(offsetMs)
    for (const listener of this.#listeners) listener()
  }
}

/** A clock that stands still until a test moves it; timers fire in due order. For unit tests. */
export class ManualClock implements Clock {
  #nowMs: number
  #timers: { dueMs: number; everyMs: number | undefined; run: () => void }[] = []

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(ms: number, run: () => void): Timer {
    return this.#add(ms, undefined, run)
  }

  every(ms: number, run: () => void): Timer {
    return this.#add(ms, ms, run)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason as Error)
      })
    })
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs)[0]
      if (!due) break
      this.#nowMs = Math.max(this.#nowMs, due.dueMs)
      if (due.everyMs === undefined) this.#timers.splice(this.#timers.indexOf(due), 1)
      else due.dueMs += due.everyMs
      due.run()
    }
    this.#nowMs = endMs
  }

  #add(ms: number, everyMs: number | undefined, run: () => void): Timer {
    const timer = { dueMs: this.#nowMs + ms, everyMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }
}
