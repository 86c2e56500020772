// How fast a target is sent to when it says that it is too fast: additive increase, multiplicative decrease. Without a
// complaint there is no limit. The first one halves what was sent in the last second; each later one halves the limit, at
// most once a second, since the answers to what was under way say nothing new; each quiet ten seconds add five percent.
// Pure: time is passed in.

import { secondMs } from '#stack/base/units.ts'

const quietMs = 10 * secondMs
const growth = 1.05
const leastPerSecond = 10
const halveAgainMs = secondMs

export class SendRate {
  #limitPerSecond = Infinity
  #complainedMs = -Infinity
  #grownMs = 0
  /** What may be sent now; refilled with time, a second's worth at most. */
  #allowance = 0
  #refilledMs = 0
  /** Of this second and the one before it, to know what is being sent. */
  #countedMs = 0
  #count = 0
  #countBefore = 0

  get limitPerSecond(): number {
    return this.#limitPerSecond
  }

  /** Milliseconds until this much may be sent; 0 takes it. A piece may be larger than a second's worth. */
  take(messages: number, nowMs: number): number {
    this.#grow(nowMs)
    if (this.#limitPerSecond !== Infinity) {
      this.#refill(nowMs)
      if (this.#allowance <= 0) return Math.ceil((1 - this.#allowance) / this.#perMs)
      this.#allowance -= messages
    }
    this.#roll(nowMs)
    this.#count += messages
    return 0
  }

  /** The target said that it was too much. */
  complain(nowMs: number): void {
    const isNew = nowMs - this.#complainedMs >= halveAgainMs
    this.#complainedMs = nowMs
    this.#grownMs = nowMs
    if (!isNew) return
    this.#roll(nowMs)
    const sentPerSecond = Math.max(this.#count, this.#countBefore)
    const before = this.#limitPerSecond === Infinity ? sentPerSecond : this.#limitPerSecond
    this.#limitPerSecond = Math.max(leastPerSecond, before / 2)
    this.#allowance = 0
    this.#refilledMs = nowMs
  }

  #grow(nowMs: number): void {
    if (this.#limitPerSecond === Infinity) return
    while (nowMs - this.#grownMs >= quietMs) {
      this.#grownMs += quietMs
      this.#limitPerSecond *= growth
    }
  }

  #refill(nowMs: number): void {
    const more = (nowMs - this.#refilledMs) * this.#perMs
    this.#allowance = Math.min(this.#limitPerSecond, this.#allowance + more)
    this.#refilledMs = nowMs
  }

  #roll(nowMs: number): void {
    const seconds = Math.floor((nowMs - this.#countedMs) / secondMs)
    if (seconds < 1) return
    this.#countBefore = seconds === 1 ? this.#count : 0
    this.#count = 0
    this.#countedMs += seconds * secondMs
  }

  get #perMs(): number {
    return this.#limitPerSecond / secondMs
  }
}
