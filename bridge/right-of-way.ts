// The lanes give way while history has much to catch up with (a first start's past, an import): two cores have no time for
// both. They may not be held up for ever, where history never catches up. Pure.

import { minuteMs } from '#stack/base/units.ts'

/** A busy shop's second; a load of the past is more at once. */
const eventsBehindMax = 20_000
const givesWayMsMax = 5 * minuteMs

export class RightOfWay {
  #sinceMs: number | undefined

  /** Whether it is somebody else's turn. */
  givesWay(eventsBehind: number, nowMs: number): boolean {
    if (eventsBehind <= eventsBehindMax) {
      this.#sinceMs = undefined
      return false
    }
    this.#sinceMs ??= nowMs
    return nowMs - this.#sinceMs < givesWayMsMax
  }
}
