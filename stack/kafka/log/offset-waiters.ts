// Who waits until a log has reached an offset: produce requests for their acknowledgement. Offsets come in ascending
// order but for the rare retry of an earlier batch, which then waits a little longer than it must.

interface Waiter {
  offset: number
  resolve: () => void
  reject: (error: unknown) => void
}

export class OffsetWaiters {
  #waiters: Waiter[] = []
  #reached = 0

  constructor(reached: number) {
    this.#reached = reached
  }

  until(offset: number): Promise<void> {
    if (offset <= this.#reached) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.push({ offset, resolve, reject }))
  }

  reach(offset: number): void {
    this.#reached = offset
    let due = 0
    while (due < this.#waiters.length && (this.#waiters[due] as Waiter).offset <= offset) due++
    for (const waiter of this.#waiters.splice(0, due)) waiter.resolve()
  }

  /** Nobody behind the reached offset will get there. */
  fail(error: unknown): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      if (waiter.offset <= this.#reached) waiter.resolve()
      else waiter.reject(error)
    }
  }
}
