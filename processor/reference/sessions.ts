// For tests: S1 to S5 as they stand in the rules. A session is the list of its events.

import { hashId } from '#stack/contract/ids.ts'
import type { Fact, Surroundings } from './facts.ts'

export function sessionsOf(facts: readonly Fact[], { settings }: Surroundings): Fact[][] {
  const { sessionGapMs, maxSessionMs } = settings
  const sessions: Fact[][] = []
  for (const fact of facts.filter(({ isActivity }) => isActivity)) {
    const session = sessions.findLast(([first]) => first?.visitor === fact.visitor) // S1
    const [firstMs = 0, lastMs = 0] = [session?.[0]?.ms, session?.at(-1)?.ms]
    const isTooLong = maxSessionMs > 0 && fact.ms - firstMs >= maxSessionMs
    const isNext = session !== undefined && fact.ms - lastMs < sessionGapMs && !isTooLong // S3
    fact.session = isNext ? session : []
    fact.session.push(fact)
    if (!isNext) sessions.push(fact.session)
  }
  return sessions
}

/** S4. */
export function sessionKeyOf({ session }: Fact): string | undefined {
  const first = session?.[0]
  return first && hashId('session', first.visitor, first.source, first.eventId)
}
