// Where a producer's batches lie until they are acknowledged: one request after the other in the same memory. Buffers count
// as heap, and new ones for each request let the collector look through all of it several times a second.

export class RequestRoom {
  readonly #bytesMax: number
  #buffer = Buffer.alloc(0)
  #usedBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What was taken before is written over from now on. */
  clear(): void {
    this.#usedBytes = 0
  }

  take(bytes: number): Buffer {
    const from = this.#usedBytes
    const end = from + bytes
    if (end > this.#bytesMax) return Buffer.allocUnsafeSlow(bytes)
    this.#usedBytes = end
    // What lies in a smaller one is still somebody's: it is left as it is.
    if (end > this.#buffer.length)
      this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, 2 * end))
    return this.#buffer.subarray(from, end)
  }
}
