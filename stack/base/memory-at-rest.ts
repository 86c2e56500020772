// Memory after a burst of work. V8 hands back what a burst took only when some hundred seconds have passed; a stack of
// eight processes would hold for so long what its first start took. A part that has worked hard and now rests collects at
// once: nobody waits for it then.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from './clock.ts'

const lookMs = 3000
/** Shares of a core. */
const burstShare = 0.4
const restShare = 0.15

export class BurstWatch {
  #hasWorked = false

  /** Whether the burst is over, by the share of a core since the last look. True once for each. */
  isOver(share: number): boolean {
    if (share >= burstShare) this.#hasWorked = true
    if (share > restShare || !this.#hasWorked) return false
    this.#hasWorked = false
    return true
  }
}

/** For as long as the process lives. */
export function collectAtRest(clock: Clock): void {
  const watch = new BurstWatch()
  let lastMs = clock.monotonicMs()
  let last = process.cpuUsage()
  clock.every(lookMs, () => {
    const nowMs = clock.monotonicMs()
    const now = process.cpuUsage()
    const usedMs = (now.user + now.system - last.user - last.system) / 1000
    if (watch.isOver(usedMs / (nowMs - lastMs))) collect()
    lastMs = nowMs
    last = now
  })
}

/** As much as can be given back, at the price of a longer stop: nobody waits. */
function collect(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as (options: object) => void
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
