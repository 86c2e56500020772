// Which keys have something to do when the watermark reaches a time: one entry a key, in a binary heap ordered by due
// time. A key whose time moves to a later one keeps its early entry and is armed again when that comes up, so that an
// event costs no heap operation. Nothing here knows a clock.

interface Entry {
  key: string
  dueMs: number
}

export class Timers {
  readonly #heap: Entry[] = []
  /** When each key is really due; an entry that says otherwise is outdated. */
  readonly #dueMs = new Map<string, number>()
  /** The due time of the earliest entry in the heap, by key. */
  readonly #armedMs = new Map<string, number>()

  get size(): number {
    return this.#dueMs.size
  }

  /** Null: nothing to do for this key any more. */
  set(key: string, dueMs: number | null): void {
    if (dueMs === null) {
      this.#dueMs.delete(key)
      return
    }
    this.#dueMs.set(key, dueMs)
    const armedMs = this.#armedMs.get(key)
    if (armedMs !== undefined && armedMs <= dueMs) return
    this.#armedMs.set(key, dueMs)
    this.#push({ key, dueMs })
  }

  /** Takes out every key that is due at the watermark. */
  takeDue(watermarkMs: number): string[] {
    const due: string[] = []
    for (;;) {
      const first = this.#heap[0]
      if (!first || first.dueMs > watermarkMs) return due
      this.#pop()
      if (this.#armedMs.get(first.key) !== first.dueMs) continue
      this.#armedMs.delete(first.key)
      const dueMs = this.#dueMs.get(first.key)
      if (dueMs === undefined) continue
      if (dueMs > watermarkMs) this.set(first.key, dueMs)
      else {
        this.#dueMs.delete(first.key)
        due.push(first.key)
      }
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if ((heap[parent] as Entry).dueMs <= entry.dueMs) break
      heap[i] = heap[parent] as Entry
      i = parent
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right && right.dueMs < (heap[child] as Entry).dueMs) child++
      if ((heap[child] as Entry).dueMs >= last.dueMs) break
      heap[i] = heap[child] as Entry
      i = child
    }
    heap[i] = last
  }
}
