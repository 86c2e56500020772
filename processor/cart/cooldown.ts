// The cooldown of 2.3: of the records of one person, in the order in which they fell due, those that came too soon after
// the last unsuppressed one carry `suppressed`. They are published and counted all the same.

import type { Settings } from '#stack/contract/settings.ts'
import type { Person } from '../model.ts'
import type { Episode } from './episode.ts'
import type { PersonBase } from './world.ts'

export function suppressedAmong(
  episodes: readonly Episode[],
  { cooldownMs }: Settings,
  before: PersonBase['lastUnsuppressed'],
): Set<Episode> {
  const suppressed = new Set<Episode>()
  if (cooldownMs === 0) return suppressed
  const lastMs = new Map<Person, number>(before)
  for (const episode of dueInOrder(episodes)) {
    const last = lastMs.get(episode.person)
    if (last !== undefined && episode.deadlineMs - last < cooldownMs) suppressed.add(episode)
    else lastMs.set(episode.person, episode.deadlineMs)
  }
  return suppressed
}

/** When the last unsuppressed record of each person was due, for the base that retention leaves behind (T5). */
export function lastUnsuppressedOf(
  episodes: readonly Episode[],
  settings: Settings,
  before: PersonBase['lastUnsuppressed'],
): PersonBase['lastUnsuppressed'] {
  if (settings.cooldownMs === 0) return []
  const suppressed = suppressedAmong(episodes, settings, before)
  const lastMs = new Map<Person, number>(before)
  for (const episode of dueInOrder(episodes)) {
    if (!suppressed.has(episode)) lastMs.set(episode.person, episode.deadlineMs)
  }
  return [...lastMs]
}

/** Those with a record, by deadline; at the same deadline by their starting events. */
function dueInOrder(episodes: readonly Episode[]): Episode[] {
  return episodes
    .filter(({ outcome }) => outcome.kind === 'expired' && !outcome.isSmall)
    .sort((a, b) => a.deadlineMs - b.deadlineMs || a.start.at - b.start.at)
}
