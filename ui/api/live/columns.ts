// A ring of rows, one per second (or minute), in typed columns, each with the frame that last changed it. Writing the
// value that is already there changes nothing, so a reader who missed frames is sent exactly what differs.

import { invariant } from '../../../stack/base/invariant.ts'

export class Columns<Name extends string> {
  readonly names: readonly Name[]
  readonly #slots: number
  readonly #at: Float64Array
  readonly #changedSeq: Float64Array
  readonly #values: Record<Name, Float64Array>

  constructor(names: readonly Name[], slots: number) {
    this.names = names
    this.#slots = slots
    this.#at = new Float64Array(slots).fill(-1)
    this.#changedSeq = new Float64Array(slots)
    this.#values = Object.fromEntries(
      names.map((name) => [name, new Float64Array(slots)]),
    ) as Record<Name, Float64Array>
  }

  /** True where `at` is not older than the row that took its place. */
  holds(at: number): boolean {
    return at >= 0 && at >= (this.#at[at % this.#slots] as number)
  }

  get(name: Name, at: number): number {
    const slot = at % this.#slots
    return this.#at[slot] === at ? (this.#values[name][slot] as number) : 0
  }

  set(name: Name, at: number, value: number, seq: number): void {
    // A row that was never written is zero; it is not sent.
    if (value === 0 && this.#at[at % this.#slots] !== at) return
    const slot = this.#claim(at, seq)
    if (this.#values[name][slot] === value) return
    this.#values[name][slot] = value
    this.#changedSeq[slot] = seq
  }

  add(name: Name, at: number, by: number, seq: number): void {
    this.set(name, at, this.get(name, at) + by, seq)
  }

  /** Rows of [from, to) that changed after the frame `seq`, oldest first. */
  changedSince(seq: number, from: number, to: number): { at: number[] } & Record<Name, number[]> {
    const changed: number[] = []
    const columns = Object.fromEntries(this.names.map((name) => [name, [] as number[]])) as Record<
      Name,
      number[]
    >
    for (let at = Math.max(from, to - this.#slots); at < to; at++) {
      const slot = at % this.#slots
      if (this.#at[slot] !== at || (this.#changedSeq[slot] as number) <= seq) continue
      changed.push(at)
      for (const name of this.names) columns[name].push(this.#values[name][slot] as number)
    }
    return { at: changed, ...columns }
  }

  #claim(at: number, seq: number): number {
    invariant(this.holds(at), `row ${at} is older than the ring`)
    const slot = at % this.#slots
    if (this.#at[slot] !== at) {
      this.#at[slot] = at
      this.#changedSeq[slot] = seq
      for (const name of this.names) this.#values[name][slot] = 0
    }
    return slot
  }
}
