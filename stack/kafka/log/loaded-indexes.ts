// Indexes of sealed segments in memory, at most so many overall: one of a full segment takes about 2 MiB per GiB of
// log. The least recently used is let go and read again when it is needed.

import type { Segment } from './segment.ts'

export class LoadedIndexes {
  readonly #max: number
  readonly #segments = new Set<Segment>()

  constructor(max: number) {
    this.#max = max
  }

  /** The index of a sealed segment was used. */
  touch(segment: Segment): void {
    this.#segments.delete(segment)
    if (!segment.hasIndexLoaded) return
    this.#segments.add(segment)
    if (this.#segments.size <= this.#max) return
    const [oldest] = this.#segments
    oldest?.unloadIndex()
    if (oldest) this.#segments.delete(oldest)
  }

  forget(segment: Segment): void {
    this.#segments.delete(segment)
  }
}
