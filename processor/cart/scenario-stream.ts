// For tests: a log in the order of arrival through the fold and the difference, the watermark moving with the clock of
// the shop as it does while partitions are idle (T2). Answers what `cart-abandonment` carries on the way.

import type { AbandonmentRecord } from '#stack/contract/cart.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartEvent, Person } from '../model.ts'
import { foldPerson } from './fold.ts'
import { diffPerson, nothingPublished } from './published.ts'
import type { Published } from './published.ts'
import { routeAll } from './scenario-router.ts'
import type { Prices } from './scenario-router.ts'

export interface Judging {
  /** Where the watermark ends. */
  watermarkMs: number
  prices?: Prices
  /** Filled: the starting event of each abandonmentId. */
  starts?: Map<string, string>
}

export function judgeInArrivalOrder(
  log: readonly ShopEvent[],
  settings: Settings,
  { watermarkMs, prices, starts }: Judging,
): AbandonmentRecord[] {
  const published = new Map<Person, Published>()
  const records: AbandonmentRecord[] = []
  const judge = (seen: readonly ShopEvent[], atMs: number, arrived: readonly ShopEvent[]) => {
    for (const [key, events] of routeAll(seen, settings, prices)) {
      const change = { arrived: thoseOf(events, arrived), isMoved: false }
      const fold = foldPerson(events, atMs, settings)
      const before = published.get(key) ?? nothingPublished
      const difference = diffPerson(before, fold, change, '2024-01-01T00:00:00.000Z')
      published.set(key, difference.published)
      records.push(...difference.abandonments)
      for (const { verdict, start } of fold.episodes)
        if (verdict !== null) starts?.set(verdict.abandonmentId, start.eventId)
    }
  }
  for (const [i, event] of log.entries()) {
    const idleMs = Date.parse(event.receivedAt) - settings.watermarkDelayMs
    judge(log.slice(0, i), idleMs, [])
    judge(log.slice(0, i + 1), idleMs, [event])
  }
  judge(log, watermarkMs, [])
  return records
}

function thoseOf(events: readonly CartEvent[], arrived: readonly ShopEvent[]): CartEvent[] {
  return events.filter(({ eventId }) => arrived.some((event) => event.eventId === eventId))
}
