// Why a verdict is taken back (T6): the kind of the late event, chosen among what arrived since the last fold by what
// became of the episode. It names the reason only; that the verdict goes follows from the fold.

import type { CartState, RetractionReason } from '#stack/contract/cart.ts'
import type { CartEvent } from '../model.ts'
import type { PersonFold } from './fold.ts'
import { roleOf } from './roles.ts'

/** What made a key be folded again. */
export interface Change {
  /** New, or known and now told otherwise (another person, another session). */
  arrived: readonly CartEvent[]
  /** Events were taken out of this key: a login or an earlier owner moved them to another. */
  isMoved: boolean
}

export const nothingArrived: Change = { arrived: [], isMoved: false }

/** What identifies an episode while its number may change: the event that started it. */
export interface EpisodeStart {
  source: string
  eventId: string
}

export function retractionReason(
  cartKey: string,
  start: EpisodeStart,
  fold: PersonFold,
  change: Change,
): RetractionReason {
  const expected = expectedReason(cartKey, start, fold)
  const possible = possibleReasons(cartKey, fold, change)
  if (possible.size === 0 || possible.has(expected)) return expected
  return precedence.find((reason) => possible.has(reason)) ?? expected
}

/** By what became of the episode; one that is gone altogether has another start now. */
function expectedReason(cartKey: string, start: EpisodeStart, fold: PersonFold): RetractionReason {
  const fate = fold.episodes.find(
    (episode) => episode.row.cartKey === cartKey && isSameEvent(episode.start, start),
  )
  if (fate === undefined) return 'late_start'
  return reasonByState[fate.row.state] ?? 'late_activity'
}

const reasonByState: Partial<Record<CartState, RetractionReason>> = {
  converted: 'late_purchase',
  emptied: 'late_emptied',
  merged: 'late_merge',
}

const precedence: readonly RetractionReason[] = [
  'late_purchase',
  'late_merge',
  'late_start',
  'late_activity',
  'late_emptied',
]

function possibleReasons(
  cartKey: string,
  fold: PersonFold,
  { arrived, isMoved }: Change,
): Set<RetractionReason> {
  const possible = new Set<RetractionReason>(isMoved ? ['late_merge'] : [])
  for (const event of arrived) {
    const role = roleOf(event.name)
    if (role === 'purchase') possible.add('late_purchase')
    else if (role === 'merge' || event.linksVisitor !== undefined) possible.add('late_merge')
    else possible.add('late_activity')
    if (role === 'content' || role === 'view' || role === 'checkout') possible.add('late_emptied')
    if (startsEpisode(cartKey, event, fold)) possible.add('late_start')
  }
  return possible
}

function startsEpisode(cartKey: string, event: CartEvent, fold: PersonFold): boolean {
  return fold.episodes.some(
    (episode) => episode.row.cartKey === cartKey && isSameEvent(episode.start, event),
  )
}

function isSameEvent(a: EpisodeStart, b: EpisodeStart): boolean {
  return a.eventId === b.eventId && a.source === b.source
}
