// The list of arrivals that a page keeps. Pure.

import type { FeedRow } from '../../api/live/frame.ts'

const feedMax = 500

/** Newest first, each once, bounded. */
export function mergeFeed(known: readonly FeedRow[], news: readonly FeedRow[]): FeedRow[] {
  const newest = known[0]?.index ?? -1
  const fresh = news.filter((row) => row.index > newest).reverse()
  return fresh.length === 0 ? [...known] : [...fresh, ...known].slice(0, feedMax)
}
