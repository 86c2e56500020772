// How many requests are with the target at a time, over all partitions: more of them would only wait there, until they are
// given up and sent again. Whoever waits longest is next. A request that waits to be tried again holds none.

export class RequestSlots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(slots: number) {
    this.#free = slots
  }

  take(): Promise<void> | void {
    if (this.#free > 0) this.#free--
    else return new Promise((resolve) => this.#waiting.push(resolve))
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}
