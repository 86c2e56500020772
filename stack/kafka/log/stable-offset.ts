// The last stable offset: everything below it is decided. An open transaction holds it back, and so does one whose
// marker consumers cannot see yet.

import type { EndedTransaction, ProducerState } from './producer-state.ts'

export class StableOffset {
  readonly #producers: ProducerState
  /** Ended, in the order of their markers, which are not visible. */
  #ended: EndedTransaction[] = []

  constructor(producers: ProducerState) {
    this.#producers = producers
  }

  /** Of everything that was appended: what it will be when all of it is visible. */
  ahead(logEndOffset: number): number {
    return this.#producers.firstOpenOffset ?? logEndOffset
  }

  of(highWatermark: number, logStartOffset: number): number {
    let stable = Math.min(highWatermark, this.ahead(highWatermark))
    for (const { firstOffset } of this.#ended) stable = Math.min(stable, firstOffset)
    return Math.max(stable, Math.min(logStartOffset, highWatermark))
  }

  ended(transaction: EndedTransaction): void {
    this.#ended.push(transaction)
  }

  /** Markers below the offset are visible. */
  advance(highWatermark: number): void {
    if (this.#ended.length === 0) return
    this.#ended = this.#ended.filter(({ lastOffset }) => lastOffset >= highWatermark)
  }

  /** Markers from an offset on were never written. */
  truncate(offset: number): void {
    this.#ended = this.#ended.filter(({ lastOffset }) => lastOffset < offset)
  }
}
