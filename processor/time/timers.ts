// Which keys have something to do when the watermark reaches a time, by their slots in the store: one entry a key, in a
// binary heap ordered by due time. A key whose time moves to a later one keeps its early entry and is armed again when that
// comes up, so that an event costs no heap operation. Numbers in typed arrays, so that a million keys are no objects.
// Nothing here knows a clock.

const never = Infinity

export class Timers {
  /** The heap: due times and their slots. */
  #dueMs = new Float64Array(64)
  #slots = new Int32Array(64)
  #size = 0
  /** By slot: when it is really due, and the due time of its entry in the heap; any other entry is outdated. */
  #wakeMs = new Float64Array(64).fill(never)
  #armedMs = new Float64Array(64).fill(never)

  /** Null: nothing to do for this slot any more. */
  set(slot: number, dueMs: number | null): void {
    if (slot >= this.#wakeMs.length) this.#growSlots(slot)
    this.#wakeMs[slot] = dueMs ?? never
    if (dueMs === null || (this.#armedMs[slot] as number) <= dueMs) return
    this.#arm(slot, dueMs)
  }

  /** Takes out every slot that is due at the watermark. */
  takeDue(watermarkMs: number): number[] {
    const due: number[] = []
    while (this.#size > 0 && (this.#dueMs[0] as number) <= watermarkMs) {
      const slot = this.#slots[0] as number
      const entryMs = this.#dueMs[0] as number
      this.#pop()
      if (this.#armedMs[slot] !== entryMs) continue
      this.#armedMs[slot] = never
      const wakeMs = this.#wakeMs[slot] as number
      if (wakeMs === never) continue
      if (wakeMs > watermarkMs) this.#arm(slot, wakeMs)
      else {
        this.#wakeMs[slot] = never
        due.push(slot)
      }
    }
    return due
  }

  #arm(slot: number, dueMs: number): void {
    this.#armedMs[slot] = dueMs
    if (this.#size === this.#dueMs.length) this.#growHeap()
    let i = this.#size++
    while (i > 0) {
      const parent = (i - 1) >> 1
      if ((this.#dueMs[parent] as number) <= dueMs) break
      this.#move(parent, i)
      i = parent
    }
    this.#put(i, dueMs, slot)
  }

  #pop(): void {
    const last = --this.#size
    const lastMs = this.#dueMs[last] as number
    const lastSlot = this.#slots[last] as number
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= last) break
      const right = child + 1
      if (right < last && (this.#dueMs[right] as number) < (this.#dueMs[child] as number)) child++
      if ((this.#dueMs[child] as number) >= lastMs) break
      this.#move(child, i)
      i = child
    }
    this.#put(i, lastMs, lastSlot)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#dueMs[from] as number, this.#slots[from] as number)
  }

  #put(i: number, dueMs: number, slot: number): void {
    this.#dueMs[i] = dueMs
    this.#slots[i] = slot
  }

  #growHeap(): void {
    this.#dueMs = grown(this.#dueMs, this.#size * 2, 0)
    const slots = new Int32Array(this.#size * 2)
    slots.set(this.#slots)
    this.#slots = slots
  }

  #growSlots(slot: number): void {
    const length = Math.max(slot + 1, this.#wakeMs.length * 2)
    this.#wakeMs = grown(this.#wakeMs, length, never)
    this.#armedMs = grown(this.#armedMs, length, never)
  }
}

function grown(before: Float64Array<ArrayBuffer>, length: number, fill: number) {
  const after = new Float64Array(length).fill(fill)
  after.set(before)
  return after
}
