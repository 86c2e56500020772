// Which keys have something to do when the watermark reaches a time: one entry a key, in a binary heap ordered by due
// time. A key whose time moves to a later one keeps its early entry and is armed again when that comes up, so that an
// event costs no heap operation. Nothing here knows a clock.

interface Entry {
  key: string
  dueMs: number
}

interface Wake {
  /** When the key is really due; null: nothing to do for it. */
  dueMs: number | null
  /** The due time of its entry in the heap; any other entry of it is outdated. */
  armedMs: number
}

export class Timers {
  readonly #heap: Entry[] = []
  readonly #wakes = new Map<string, Wake>()

  /** Null: nothing to do for this key any more. */
  set(key: string, dueMs: number | null): void {
    const wake = this.#wakes.get(key)
    if (wake === undefined) {
      if (dueMs !== null) this.#arm(key, dueMs)
      return
    }
    wake.dueMs = dueMs
    if (dueMs === null || wake.armedMs <= dueMs) return
    wake.armedMs = dueMs
    this.#push({ key, dueMs })
  }

  /** Takes out every key that is due at the watermark. */
  takeDue(watermarkMs: number): string[] {
    const due: string[] = []
    for (;;) {
      const first = this.#heap[0]
      if (!first || first.dueMs > watermarkMs) return due
      this.#pop()
      const wake = this.#wakes.get(first.key)
      if (wake?.armedMs !== first.dueMs) continue
      this.#wakes.delete(first.key)
      if (wake.dueMs === null) continue
      if (wake.dueMs > watermarkMs) this.#arm(first.key, wake.dueMs)
      else due.push(first.key)
    }
  }

  #arm(key: string, dueMs: number): void {
    this.#wakes.set(key, { dueMs, armedMs: dueMs })
    this.#push({ key, dueMs })
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
