// T4 for visitors with many events: an index of the ids that a state remembers, made when a scan would be long, and made
// anew when the state has let go of some. Small visitors, nearly all, are scanned.

import { firstCopyOf } from './visitor.ts'
import type { VisitorState } from './visitor.ts'

const scannedMax = 48

export class Copies {
  readonly #offsets = new WeakMap<VisitorState, Map<string, number>>()

  /** The offset of the first copy of this event, or undefined. */
  firstOf(state: VisitorState, source: string, eventId: string): number | undefined {
    const size = state.events.length + state.seen.length
    if (size <= scannedMax) return firstCopyOf(state, source, eventId)
    return this.#indexOf(state, size).get(idOf(source, eventId))
  }

  add(state: VisitorState, source: string, eventId: string, offset: number): void {
    this.#offsets.get(state)?.set(idOf(source, eventId), offset)
  }

  #indexOf(state: VisitorState, size: number): Map<string, number> {
    const known = this.#offsets.get(state)
    if (known?.size === size) return known
    const fresh = new Map<string, number>()
    for (const { source, eventId, offset } of state.events) fresh.set(idOf(source, eventId), offset)
    for (const [source, eventId, , offset] of state.seen) fresh.set(idOf(source, eventId), offset)
    this.#offsets.set(state, fresh)
    return fresh
  }
}

function idOf(source: string, eventId: string): string {
  return `${source}\n${eventId}`
}
