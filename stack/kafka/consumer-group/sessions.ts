// How long each member may be silent, and how long it may take to let go of partitions: one timer a member, which looks
// when it fires and sleeps again if there is time left.

import type { Clock, Timer } from '../../base/clock.ts'

interface Watch {
  aliveUntilMs: number
  /** Infinity while there is nothing to let go of. */
  revokedUntilMs: number
  timer: Timer
  firesMs: number
}

export interface SessionsOptions {
  clock: Clock
  sessionTimeoutMs: number
  /** The member is out of time. */
  expired(memberId: string, why: string): void
}

/** Of one group. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #watches = new Map<string, Watch>()

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** The member has been heard of; undefined: what it has to let go of and since when is as before. */
  touch(memberId: string, revocation?: { timeoutMs: number }): void {
    const nowMs = this.#options.clock.monotonicMs()
    const known = this.#watches.get(memberId)
    const aliveUntilMs = nowMs + this.#options.sessionTimeoutMs
    const revokedUntilMs = revocation
      ? nowMs + revocation.timeoutMs
      : (known?.revokedUntilMs ?? Infinity)
    this.#set(memberId, aliveUntilMs, revokedUntilMs)
  }

  /** The member has nothing to let go of any more. */
  settled(memberId: string): void {
    const watch = this.#watches.get(memberId)
    if (watch) watch.revokedUntilMs = Infinity
  }

  end(memberId: string): void {
    this.#watches.get(memberId)?.timer.cancel()
    this.#watches.delete(memberId)
  }

  close(): void {
    for (const memberId of this.#watches.keys()) this.end(memberId)
  }

  #set(memberId: string, aliveUntilMs: number, revokedUntilMs: number): void {
    const known = this.#watches.get(memberId)
    const dueMs = Math.min(aliveUntilMs, revokedUntilMs)
    // A timer that fires too early looks again; only one that would be late is set anew.
    if (known && known.firesMs <= dueMs) {
      known.aliveUntilMs = aliveUntilMs
      known.revokedUntilMs = revokedUntilMs
      return
    }
    known?.timer.cancel()
    const delayMs = Math.max(dueMs - this.#options.clock.monotonicMs(), 0)
    const timer = this.#options.clock.after(delayMs, () => this.#look(memberId))
    this.#watches.set(memberId, { aliveUntilMs, revokedUntilMs, timer, firesMs: dueMs })
  }

  #look(memberId: string): void {
    const watch = this.#watches.get(memberId)
    if (!watch) return
    const nowMs = this.#options.clock.monotonicMs()
    const { aliveUntilMs, revokedUntilMs } = watch
    this.#watches.delete(memberId)
    if (aliveUntilMs <= nowMs) this.#options.expired(memberId, 'its session expired')
    else if (revokedUntilMs <= nowMs)
      this.#options.expired(memberId, 'it did not let go of its partitions in time')
    else this.#set(memberId, aliveUntilMs, revokedUntilMs)
  }
}
