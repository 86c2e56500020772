// T5: which events of a key can be let go at a watermark that all keys have come to. All that lie before a time are, when every episode that they
// made is closed, and closed so long that no event which is not too late, no login and no earlier owner can change it any
// more. What stays is a base: how many episodes each cart had, whose it is, and the orders that are known.
//
//   kept for   L + W + 10 min after the end            (cut)                        watermark
//   ──[ep 1]──────[ep 2]──────────────────────────────── | ───[ep 3 ───────────────── │
//   let go                                                 kept

import { graceMs } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent } from '../model.ts'
import { lastUnsuppressedOf } from './cooldown.ts'
import { actingEvents } from './event-set.ts'
import { episodesOf, foldEvents } from './fold.ts'
import type { PersonFold, Span } from './fold.ts'
import type { Published } from './published.ts'
import type { PersonBase } from './world.ts'
import { baseOf, newWorld } from './world.ts'

export interface Kept {
  events: CartEvent[]
  base: PersonBase
  published: Published
  /** Everything before it was let go; null: nothing was. */
  cutMs: number | null
}

/** How long after an episode's end something may still change it. */
export function keepMsOf({ allowedLatenessMs, abandonAfterMs }: Settings): number {
  return allowedLatenessMs + abandonAfterMs + graceMs
}

export function letGo(
  { events, base, published }: Omit<Kept, 'cutMs'>,
  fold: PersonFold,
  settledMs: number,
  settings: Settings,
): Kept {
  const cutMs = cutOf(fold, settledMs - keepMsOf(settings))
  const count = countBefore(events, cutMs)
  if (!isWorthIt(events, count, settledMs, settings)) {
    return { events, base, published, cutMs: null }
  }
  const gone = events.slice(0, count)
  const left = baseAfter(gone, base, settings)
  return {
    events: events.slice(count),
    base: left,
    published: forget(published, left, cutMs),
    cutMs: Math.min(cutMs, (gone.at(-1)?.timeMs ?? 0) + 1),
  }
}

/** The watermark at which something more may be let go; null: nothing is held. */
export function nextCutMs(
  events: readonly CartEvent[],
  fold: PersonFold,
  settledMs: number,
  settings: Settings,
): number | null {
  const keepMs = keepMsOf(settings)
  const first = events[0]
  const last = events.at(-1)
  if (first === undefined || last === undefined) return null
  const candidates = [last.timeMs + keepMs + 1, first.timeMs + 2 * keepMs + 1]
  for (const { span } of fold.episodes) {
    if (span.endMs !== null) candidates.push(span.endMs + keepMs + 1)
  }
  const due = candidates.filter((ms) => ms > settledMs)
  return due.length === 0 ? null : Math.min(...due)
}

/** The latest time up to the limit that no episode spans. */
function cutOf({ episodes }: PersonFold, limitMs: number): number {
  let cutMs = limitMs
  for (let isSpanned = true; isSpanned;) {
    isSpanned = false
    for (const { span } of episodes) {
      if (!spans(span, cutMs)) continue
      cutMs = span.fromMs
      isSpanned = true
    }
  }
  return cutMs
}

function spans({ fromMs, endMs }: Span, timeMs: number): boolean {
  return fromMs < timeMs && (endMs === null || endMs >= timeMs)
}

/** Events leave in bulk: letting them go costs a fold of them and a copy of the base. */
function isWorthIt(
  events: readonly CartEvent[],
  count: number,
  settledMs: number,
  settings: Settings,
): boolean {
  if (count === 0) return false
  const oldestMs = events[0]?.timeMs ?? Infinity
  return 2 * count >= events.length || oldestMs + 2 * keepMsOf(settings) < settledMs
}

function countBefore(events: readonly CartEvent[], timeMs: number): number {
  let count = 0
  while (count < events.length && (events[count] as CartEvent).timeMs < timeMs) count++
  return count
}

function baseAfter(gone: readonly CartEvent[], base: PersonBase, settings: Settings): PersonBase {
  const acting = actingEvents(gone)
  const world = newWorld(settings, base, acting)
  foldEvents(world, acting, Infinity)
  return baseOf(world, lastUnsuppressedOf(episodesOf(world), settings, base.lastUnsuppressed))
}

/** What was published of episodes that can no longer change, and tombstones. */
function forget(published: Published, { carts }: PersonBase, cutMs: number): Published {
  const counts = new Map(carts.map(({ key, episodeCount }) => [key, episodeCount]))
  const isKept = (key: string): boolean => {
    const at = key.lastIndexOf('#')
    return Number(key.slice(at + 1)) > (counts.get(key.slice(0, at)) ?? 0)
  }
  const cartsKept = Object.entries(published.carts).filter(
    ([key, { print }]) => print !== null && isKept(key),
  )
  const verdictsKept = Object.entries(published.verdicts).filter(
    ([, { record }]) => Date.parse(record.startedAt) >= cutMs,
  )
  return { carts: Object.fromEntries(cartsKept), verdicts: Object.fromEntries(verdictsKept) }
}
