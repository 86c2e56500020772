// One episode of a cart: from the event that gave it its first lines (or reanimated it) until it is bought, emptied,
// merged, or runs past its deadline. Plain state with the small moves that several rules share; who may make which move
// is decided in content.ts, purchase.ts, merge.ts and deadline.ts.
//
//   open ──purchase──▶ converted          open ──deadline──▶ expired ──purchase──▶ (recovered)
//   open ──last line gone──▶ emptied                            └──cart event──▶ next episode, reanimated (R22)
//   open ──login, cart_merge──▶ merged

import type { CartStage } from '#stack/contract/cart.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, Person } from '../model.ts'
import type { Content } from './lines.ts'
import { copyContent, emptyContent } from './lines.ts'

export interface Cart {
  key: string
  cartId: string | null
  /** R5; renamed by R4. */
  owner: Person
  /** Those of this fold; earlier ones, which can no longer change, are only counted (T5). */
  episodes: Episode[]
  episodeCount: number
}

/** What a purchase leaves in the episodes it closes (R19). */
export interface ClosingOrder {
  orderId: string
  atMs: number
  /** The merchandise amount of events.md 2.7; null if a price is unknown. */
  amountMinor: number | null
  currency: string | null
}

export type Outcome =
  | { kind: 'open' }
  | { kind: 'converted'; order: ClosingOrder }
  | { kind: 'emptied'; atMs: number }
  | { kind: 'merged'; atMs: number }
  | Expired

/** Past its deadline (R14). `isSmall`: below minCartValueMinor, so without a record. */
export interface Expired {
  kind: 'expired'
  atMs: number
  isSmall: boolean
  isReanimated: boolean
  order: ClosingOrder | null
}

/** A fact with the place in T3 order of the event that told it. */
export interface Noted<T> {
  value: T
  at: number
}

export interface Episode {
  cart: Cart
  number: number
  /** The cart's owner while the episode lives; one that is closed keeps whom it had. */
  person: Person
  start: Noted<CartEvent>
  /** Of its own, the latest cart or checkout event (R17). */
  touchedAt: number
  lastActivityMs: number
  deadlineMs: number
  stage: CartStage
  content: Content
  isUnderflow: boolean
  declared: Noted<{ totalMinor: number; isMismatch: boolean }> | null
  sessionKeys: Set<string>
  anonymousId: Noted<string> | null
  marketing: Noted<boolean> | null
  country: Noted<string> | null
  device: Noted<string> | null
  campaign: Noted<NonNullable<CartEvent['campaign']>> | null
  /** The expired episodes it goes on from, oldest first (R22). */
  ancestors: Episode[]
  outcome: Outcome
}

export function newEpisode(
  cart: Cart,
  start: Noted<CartEvent>,
  { abandonAfterMs, maxCartAgeMs }: Settings,
): Episode {
  const { timeMs } = start.value
  const episode: Episode = {
    cart,
    number: ++cart.episodeCount,
    person: cart.owner,
    start,
    touchedAt: start.at,
    lastActivityMs: timeMs,
    deadlineMs: timeMs + Math.min(abandonAfterMs, maxCartAgeMs),
    stage: 'cart',
    content: emptyContent(),
    isUnderflow: false,
    declared: null,
    sessionKeys: new Set(),
    anonymousId: null,
    marketing: null,
    country: null,
    device: null,
    campaign: null,
    ancestors: [],
    outcome: { kind: 'open' },
  }
  cart.episodes.push(episode)
  return episode
}

/** R22: the next episode, with the same lines and prices; all else is its own. */
export function reanimate(
  previous: Episode,
  expired: Expired,
  start: Noted<CartEvent>,
  settings: Settings,
): Episode {
  expired.isReanimated = true
  const episode = newEpisode(previous.cart, start, settings)
  episode.content = copyContent(previous.content)
  episode.ancestors = [...previous.ancestors, previous]
  return episode
}

/** R4: the same episode goes on as the next one of another cart; an abandoned one there is left as it is. */
export function moveTo(from: Episode, cart: Cart): Episode {
  const episode: Episode = {
    ...from,
    cart,
    number: ++cart.episodeCount,
    person: cart.owner,
    content: copyContent(from.content),
    sessionKeys: new Set(from.sessionKeys),
  }
  cart.episodes.push(episode)
  return episode
}

/** R13: an activity before the deadline moves it, but never past the cart's greatest age. */
export function extend(episode: Episode, timeMs: number, settings: Settings): void {
  episode.lastActivityMs = Math.max(episode.lastActivityMs, timeMs)
  episode.deadlineMs = Math.min(
    episode.lastActivityMs + settings.abandonAfterMs,
    episode.start.value.timeMs + settings.maxCartAgeMs,
  )
}

/** A cart or checkout event on it: what its record says of sessions, place, device and campaign comes from these. */
export function touch(episode: Episode, event: CartEvent, at: number): void {
  episode.touchedAt = at
  if (event.sessionKey !== null) episode.sessionKeys.add(event.sessionKey)
  episode.country ??= noted(event.country, at)
  episode.device ??= noted(event.device, at)
  episode.campaign ??= noted(event.campaign, at)
  if (event.mark !== episode.cart.owner) return
  episode.anonymousId = noted(event.anonymousId ?? null, at) ?? episode.anonymousId
  noteConsent(episode, event, at)
}

/** events.md 1.6: the latest word on marketing among the owner's events that touched or extended it. */
export function noteConsent(episode: Episode, event: CartEvent, at: number): void {
  episode.marketing = noted(event.marketing, at) ?? episode.marketing
}

const stages: readonly CartStage[] = ['cart', 'checkout', 'payment']

export function furtherStage(a: CartStage, b: CartStage): CartStage {
  return stages.indexOf(a) < stages.indexOf(b) ? b : a
}

/** Abandoned (or small), not bought, and still within recoveryWindow at this time: bounds half-open (R19, R23). */
export function isWithinRecovery(outcome: Expired, timeMs: number, settings: Settings): boolean {
  return outcome.order === null && timeMs < outcome.atMs + settings.recoveryWindowMs
}

/** Open, or in the hands of people still: what a link renames (R4) and a purchase may close (R17). */
export function isUnclosed({ outcome }: Episode, timeMs: number, settings: Settings): boolean {
  if (outcome.kind === 'open') return true
  return outcome.kind === 'expired' && isWithinRecovery(outcome, timeMs, settings)
}

function noted<T>(value: T | null, at: number): Noted<T> | null {
  return value === null ? null : { value, at }
}
