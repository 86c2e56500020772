// The fold of one key: a pure function from a person's events in T3 order, the watermark and the settings to all that is
// to be published of their carts. Nothing here knows whether an event was late, or what was published before.
//
// Time moves through the events, but never past a deadline that the watermark has not reached (R14): from the first
// event that lies at or after such a deadline, events wait, so that nothing is closed early while partitions are read at
// different speeds. They are not lost: they are folded as soon as the deadline has fired.

import { compareBytes } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent } from '../model.ts'
import { actOnCart } from './content.ts'
import { suppressedAmong } from './cooldown.ts'
import { countAsActivity, expireUntil } from './deadline.ts'
import type { Episode } from './episode.ts'
import { actingEvents } from './event-set.ts'
import type { ActingEvent } from './event-set.ts'
import { linkVisitor, mergeCarts } from './merge.ts'
import { repeatsOf } from './orders.ts'
import type { Repeats } from './orders.ts'
import { actAsPurchase } from './purchase.ts'
import { roleOf } from './roles.ts'
import type { CartRow, Verdict } from './rows.ts'
import { rowOf, verdictOf } from './rows.ts'
import type { EpisodeStart } from './retraction.ts'
import type { Trace } from './trace.ts'
import type { PersonBase, Placed, World } from './world.ts'
import { emptyBase, newWorld, remark } from './world.ts'

export interface PersonFold {
  /** By cart key, then episode. */
  episodes: FoldedEpisode[]
  /** The watermark at which the result changes by time alone; null when nothing is pending. */
  nextWakeMs: number | null
  /** Events that wait for a deadline to fire. */
  heldEvents: number
  /** What other keys must know of orders (R20). */
  repeats: Repeats
}

export interface FoldedEpisode {
  row: CartRow
  /** The record of 2.6, of an episode that is abandoned, recovered or lost. */
  verdict: Verdict | null
  /** Of its starting event: what identifies the episode while its number may change. */
  start: EpisodeStart
  span: Span
}

/** What retention asks (T5): since when events have made the episode what it is, and when nothing could any more. */
export interface Span {
  fromMs: number
  /** Null while it is open. Abandoned is not closed: its end is recovery, or the end of recoveryWindow. */
  endMs: number | null
}

export interface FoldOptions {
  base?: PersonBase
  trace?: Trace
}

export function foldPerson(
  events: readonly CartEvent[],
  watermarkMs: number,
  settings: Settings,
  { base = emptyBase, trace }: FoldOptions = {},
): PersonFold {
  const acting = actingEvents(events)
  const world = newWorld(settings, base, acting, trace)
  const heldEvents = foldEvents(world, acting, watermarkMs)
  const episodes = episodesOf(world)
  const suppressed = suppressedAmong(episodes, settings, base.lastUnsuppressed)
  return {
    episodes: episodes.map((episode) =>
      present(episode, suppressed.has(episode), watermarkMs, settings),
    ),
    nextWakeMs: nextWakeOf(world, episodes, watermarkMs),
    heldEvents,
    repeats: repeatsOf(world.orders.repeated),
  }
}

/** Folds as many events as the watermark allows, then lets time pass up to it. Answers how many wait. */
export function foldEvents(
  world: World,
  events: readonly ActingEvent[],
  watermarkMs: number,
): number {
  let at = 0
  for (; at < events.length; at++) {
    const event = events[at] as ActingEvent
    expireUntil(world, Math.min(event.timeMs, watermarkMs))
    if (isDue(world, event.timeMs)) break
    apply(world, { event, at })
  }
  expireUntil(world, watermarkMs)
  for (let held = at; held < events.length; held++) {
    remark(world, { event: events[held] as ActingEvent, at: held }, 'R14', 'waits for a deadline')
  }
  return events.length - at
}

export function episodesOf(world: World): Episode[] {
  const carts = [...world.carts.values()].sort((a, b) => compareBytes(a.key, b.key))
  return carts.flatMap((cart) => cart.episodes)
}

/** Whether an open episode's deadline lies at or before this time, although it could not fire yet. */
function isDue(world: World, timeMs: number): boolean {
  if (timeMs < world.nextDeadlineMs) return false
  for (const episode of world.open) if (episode.deadlineMs <= timeMs) return true
  return false
}

/** R2 and R4 first: an event that links is already the user's; then R12: activity; then what it does. */
function apply(world: World, placed: Placed): void {
  const { event } = placed
  if (event.linksVisitor !== undefined) linkVisitor(world, placed, event.linksVisitor)
  countAsActivity(world, placed)
  switch (roleOf(event.name)) {
    case 'content':
    case 'view':
    case 'checkout':
      return actOnCart(world, placed)
    case 'merge':
      return mergeCarts(world, placed)
    case 'purchase':
      return actAsPurchase(world, placed)
    case 'activity':
  }
}

function present(
  episode: Episode,
  suppressed: boolean,
  watermarkMs: number,
  settings: Settings,
): FoldedEpisode {
  const row = rowOf(episode, { suppressed, watermarkMs, settings })
  const { source, eventId } = episode.start.value
  const span = { fromMs: fromMsOf(episode), endMs: endMsOf(episode, settings) }
  return { row, verdict: verdictOf(row, settings), start: { source, eventId }, span }
}

function fromMsOf({ start, ancestors }: Episode): number {
  let fromMs = start.value.timeMs
  for (const ancestor of ancestors) fromMs = Math.min(fromMs, ancestor.start.value.timeMs)
  return fromMs
}

function endMsOf({ outcome }: Episode, { recoveryWindowMs }: Settings): number | null {
  switch (outcome.kind) {
    case 'open':
      return null
    case 'converted':
      return outcome.order.atMs
    case 'expired':
      return outcome.order?.atMs ?? outcome.atMs + recoveryWindowMs
    case 'emptied':
    case 'merged':
      return outcome.atMs
  }
}

/** The next deadline (R14) or end of a recovery (R23) after the watermark. */
function nextWakeOf(
  world: World,
  episodes: readonly Episode[],
  watermarkMs: number,
): number | null {
  let nextMs = Infinity
  for (const { outcome, deadlineMs } of episodes) {
    if (outcome.kind === 'open') nextMs = Math.min(nextMs, deadlineMs)
    if (outcome.kind !== 'expired' || outcome.order !== null || outcome.isSmall) continue
    const lostMs = outcome.atMs + world.settings.recoveryWindowMs
    if (lostMs > watermarkMs) nextMs = Math.min(nextMs, lostMs)
  }
  return nextMs === Infinity ? null : nextMs
}
