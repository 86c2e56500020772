// Whom no figure counts (R24): a visitor with any event of a declared bot or a test, and one with more than N events
// in one minute of event time. The live view judges by what it has seen in its window; history has the last word.

import { minuteMs } from '../../../stack/base/units.ts'

interface Pace {
  minute: number
  events: number
  lastMs: number
}

export class LiveBots {
  readonly #eventsPerMinute: number
  readonly #bots = new Map<string, number>()
  readonly #pace = new Map<string, Pace>()

  constructor(eventsPerMinute: number) {
    this.#eventsPerMinute = eventsPerMinute
  }

  declare(visitor: string, timeMs: number): void {
    this.#bots.set(visitor, Math.max(timeMs, this.#bots.get(visitor) ?? 0))
  }

  count(visitor: string, timeMs: number): void {
    const minute = Math.floor(timeMs / minuteMs)
    const pace = this.#pace.get(visitor)
    if (!pace || pace.minute < minute) {
      this.#pace.set(visitor, { minute, events: 1, lastMs: timeMs })
      return
    }
    if (pace.minute > minute) return
    pace.events++
    pace.lastMs = timeMs
    if (pace.events > this.#eventsPerMinute) this.declare(visitor, timeMs)
  }

  readonly isBot = (visitor: string): boolean => this.#bots.has(visitor)

  prune(beforeMs: number): void {
    for (const [visitor, lastMs] of this.#bots) if (lastMs < beforeMs) this.#bots.delete(visitor)
    for (const [visitor, { lastMs }] of this.#pace) {
      if (lastMs < beforeMs) this.#pace.delete(visitor)
    }
  }
}
