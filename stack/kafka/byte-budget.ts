// Bytes that all connections hold together: requests that are being received or worked on, or answers that clients
// have not read yet. Whoever finds a budget used up waits, or makes do with less.

export class ByteBudget {
  readonly bytesMax: number
  #used = 0
  #waiting = new Set<() => void>()

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get usedBytes(): number {
    return this.#used
  }

  get isUsedUp(): boolean {
    return this.#used >= this.bytesMax
  }

  take(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    if (this.isUsedUp || this.#waiting.size === 0) return
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const goOn of waiting) goOn()
  }

  /** Calls back once, when bytes are free again. */
  whenFree(goOn: () => void): void {
    this.#waiting.add(goOn)
  }

  forget(goOn: () => void): void {
    this.#waiting.delete(goOn)
  }
}
