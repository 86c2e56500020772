// How much may wait in memory, over all partitions. What waits of a key goes together, so whoever is behind is to have as
// much of it as there is: a quarter is shared out evenly, so that nobody is held up by others, the rest is for all.

const evenShare = 1 / 4
/** Reading goes on soon below what stopped it: what waits longest is sent first, and more of its key may come meanwhile. */
const resumeShare = 7 / 8

export class WaitingBytes {
  readonly #ownMax: number
  readonly #allMax: number
  /** Of all partitions. */
  #bytes = 0

  constructor({ bytesMax, partitions }: { bytesMax: number; partitions: number }) {
    const even = bytesMax * evenShare
    this.#ownMax = even / partitions
    // What others may have by right is not taken, but one's own is.
    this.#allMax = bytesMax - even + this.#ownMax
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  /** Whether a partition of which so much waits must stop reading. */
  isFull(own: number): boolean {
    return own > this.#ownMax && this.#bytes > this.#allMax
  }

  /** Whether one that stopped may go on. */
  hasRoom(own: number): boolean {
    return own < this.#ownMax * resumeShare || this.#bytes < this.#allMax * resumeShare
  }
}
