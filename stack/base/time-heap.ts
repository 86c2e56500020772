// A binary min-heap ordered by time, then by the order of insertion, so that a run is the same every time.

interface Entry<T> {
  timeMs: number
  order: number
  value: T
}

export class TimeHeap<T> {
  readonly #entries: Entry<T>[] = []
  #inserted = 0

  get size(): number {
    return this.#entries.length
  }

  get nextTimeMs(): number | undefined {
    return this.#entries[0]?.timeMs
  }

  push(timeMs: number, value: T): void {
    const entry = { timeMs, order: this.#inserted++, value }
    let i = this.#entries.length
    this.#entries.push(entry)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = this.#entries[parent] as Entry<T>
      if (!isBefore(entry, above)) break
      this.#entries[i] = above
      i = parent
    }
    this.#entries[i] = entry
  }

  pop(): T | undefined {
    const top = this.#entries[0]
    const last = this.#entries.pop()
    if (top === undefined || last === undefined) return undefined
    if (this.#entries.length > 0) this.#sink(last)
    return top.value
  }

  #sink(entry: Entry<T>): void {
    const entries = this.#entries
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= entries.length) break
      const right = entries[child + 1]
      if (right !== undefined && isBefore(right, entries[child] as Entry<T>)) child++
      const below = entries[child] as Entry<T>
      if (!isBefore(below, entry)) break
      entries[i] = below
      i = child
    }
    entries[i] = entry
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order)
}
