// An ordered lane: the messages of one ordering key in one subscription. Several may be outstanding, but with one
// consumer only, and when one of them fails all later ones are withdrawn and follow it again, in order.
// https://cloud.google.com/pubsub/docs/ordering

import type { Consumer, Entry } from './entry.ts'

export class Lane {
  readonly key: string
  /** To be delivered, in order of publishing. */
  waiting: Entry[] = []
  /** Delivered, in order of publishing; those that are acknowledged stay while an earlier one is not. */
  inFlight: Entry[] = []
  /** 0: not blocked. */
  blockedUntilMs = 0
  isQueued = false

  constructor(key: string) {
    this.key = key
  }

  get isBlocked(): boolean {
    return this.blockedUntilMs > 0
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.inFlight.length === 0
  }

  /** Who alone may receive of it now. */
  get holder(): Consumer | undefined {
    return this.inFlight.find((entry) => entry.state === 'leased')?.consumer
  }

  /** Those at the front that nothing can bring back any more; they leave the lane. */
  takeSettled(): Entry[] {
    const end = this.inFlight.findIndex((entry) => entry.state !== 'acked')
    return this.inFlight.splice(0, end === -1 ? this.inFlight.length : end)
  }

  /** A failed one and all behind it are to be delivered again. Returns those that were withdrawn. */
  withdrawFrom(failed: Entry): Entry[] {
    const withdrawn = this.inFlight.splice(this.inFlight.indexOf(failed))
    this.waiting = [...withdrawn, ...this.waiting]
    return withdrawn.slice(1)
  }
}
