// With one partition: how far stage one is ahead of the hop, in bytes of what waits for it in stage two (turns.ts). Above
// a bound stage one reads no further, and goes on below half of it. Where the hop is read by another process, nothing is
// known of it here and nothing is held.

export class Lead {
  readonly #bytesMax: number
  readonly #bytesByCut = new Map<number, number>()
  #isFollowed = false
  #isTooFar = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The hop is read here, or no more. */
  follow(isFollowed: boolean): void {
    this.#isFollowed = isFollowed
    this.#bytesByCut.clear()
  }

  /** Stage one, in this cut, straight to stage two. */
  wrote(cut: number, bytes: number): void {
    if (this.#isFollowed) this.#bytesByCut.set(cut, bytes)
  }

  /** The hop has told all of the cuts up to this one. */
  caughtUp(cut: number): void {
    for (const number of this.#bytesByCut.keys()) if (number <= cut) this.#bytesByCut.delete(number)
  }

  get isTooFar(): boolean {
    const bytes = this.#bytesByCut.values().reduce((sum, each) => sum + each, 0)
    this.#isTooFar = bytes > (this.#isTooFar ? this.#bytesMax / 2 : this.#bytesMax)
    return this.#isTooFar
  }
}
