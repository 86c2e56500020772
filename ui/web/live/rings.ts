// What the page keeps of the live view: rows by second and by minute in typed columns, filled from frames. Rows are
// absolute, so applying a frame twice changes nothing; a row that was never sent is zero.

import type { LiveFrame } from '../../api/live/frame.ts'

type Rows<Name extends string> = { at: number[] } & Record<Name, number[]>

export class Ring<Name extends string> {
  readonly #slots: number
  readonly #names: readonly Name[]
  readonly #at: Float64Array
  readonly #values: Record<Name, Float64Array>

  constructor(names: readonly Name[], slots: number) {
    this.#names = names
    this.#slots = slots
    this.#at = new Float64Array(slots).fill(-1)
    this.#values = Object.fromEntries(
      names.map((name) => [name, new Float64Array(slots)]),
    ) as Record<Name, Float64Array>
  }

  apply(rows: Rows<Name>): void {
    for (const [i, at] of rows.at.entries()) {
      const slot = at % this.#slots
      if ((this.#at[slot] as number) > at) continue
      this.#at[slot] = at
      for (const name of this.#names) this.#values[name][slot] = rows[name][i] as number
    }
  }

  get(name: Name, at: number): number {
    const slot = at % this.#slots
    return this.#at[slot] === at ? (this.#values[name][slot] as number) : 0
  }

  sum(name: Name, from: number, to: number): number {
    let sum = 0
    for (let at = from; at < to; at++) sum += this.get(name, at)
    return sum
  }

  clear(): void {
    this.#at.fill(-1)
  }
}

export const secondNames = ['orders', 'events'] as const
export const minuteNames = [
  'orders',
  'grossMinor',
  'sessions',
  'abandoned',
  'converted',
  'sessionsClosed',
  'sessionsBought',
] as const

export type ApplyResult = 'applied' | 'old' | 'gap'

/** The rings and the newest frame. `gap`: frames are missing; the caller asks for a snapshot. */
export class LiveState {
  readonly seconds = new Ring(secondNames, 3900)
  readonly minutes = new Ring(minuteNames, 80)
  frame: LiveFrame | undefined

  apply(frame: LiveFrame): ApplyResult {
    const { frame: known } = this
    const isNewRun = known?.epoch !== frame.epoch
    if (frame.sinceSeq === null) {
      if (!isNewRun && known && frame.seq < known.seq) return 'old'
      this.seconds.clear()
      this.minutes.clear()
    } else {
      if (isNewRun || known === undefined || frame.sinceSeq > known.seq) return 'gap'
      if (frame.seq <= known.seq) return 'old'
    }
    this.seconds.apply(frame.seconds)
    this.minutes.apply(frame.minutes)
    const top = frame.top ?? (isNewRun ? undefined : known?.top)
    this.frame = top ? { ...frame, top } : frame
    return 'applied'
  }
}
