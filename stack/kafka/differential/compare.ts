// The same commands on two brokers, one after the other. A cluster agrees with itself after a while only (its metadata,
// its coordinators), so a difference counts if it stays: what was read is read again, what was refused for a reason
// that passes is asked again.

import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../../base/clock.ts'
import type { Command } from './commands.ts'
import { isReading } from './commands.ts'
import type { Outcome, Subject } from './subject.ts'

export interface Difference {
  index: number
  command: Command
  ours: Outcome
  theirs: Outcome
}

const passing =
  /UNKNOWN_TOPIC_OR_PARTITION|LEADER_NOT_AVAILABLE|NOT_LEADER_OR_FOLLOWER|COORDINATOR|CONCURRENT_TRANSACTIONS/
const againMs = 50
const patienceMs = 3000

/** The first difference that stays; undefined: there is none. */
export async function compare(
  commands: readonly Command[],
  ours: Subject,
  theirs: Subject,
  isKnown: (difference: Difference) => boolean,
): Promise<Difference | undefined> {
  for (const [index, command] of commands.entries()) {
    const mine = await ours.run(command, index)
    const difference = { index, command, ours: mine, theirs: await theirs.run(command, index) }
    const untilMs = systemClock.monotonicMs() + patienceMs
    while (!isDeepStrictEqual(difference.ours, difference.theirs)) {
      if (isKnown(difference)) break
      if (systemClock.monotonicMs() > untilMs || !mayPass(difference)) return difference
      await systemClock.sleep(againMs)
      if (isReading(command)) difference.ours = await ours.run(command, index)
      difference.theirs = await theirs.run(command, index)
    }
  }
  return undefined
}

function mayPass({ command, theirs }: Difference): boolean {
  return isReading(command) || passing.test(JSON.stringify(theirs))
}
