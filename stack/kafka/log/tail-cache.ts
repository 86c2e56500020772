// The last batches of all partitions in memory, at most so many bytes overall: consumers that keep up are served
// without a read. The oldest batch of all goes first, whichever partition it belongs to.

export interface CachedBatch {
  baseOffset: number
  lastOffset: number
  bytes: Buffer
}

/** What a cached batch takes beside its bytes: objects and list entries. */
const overheadBytes = 256

export class TailCache {
  /** The partition of each batch, oldest first. */
  #held: PartitionTail[] = []
  #first = 0
  #bytes = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(tail: PartitionTail, batch: CachedBatch): void {
    tail.push(batch)
    this.#held.push(tail)
    this.#bytes += batch.bytes.length + overheadBytes
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#held[this.#first++] as PartitionTail
      this.#bytes -= oldest.shift()
    }
    if (this.#first > 1024 && this.#first * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#first)
      this.#first = 0
    }
  }

  /** Drops batches from an offset on: they were never written. */
  truncate(tail: PartitionTail, offset: number): void {
    this.#bytes -= tail.truncate(offset)
  }
}

/** The cached end of one partition, in offset order without gaps. */
export class PartitionTail {
  #batches: (CachedBatch | undefined)[] = []
  #first = 0

  push(batch: CachedBatch): void {
    this.#batches.push(batch)
  }

  /** Drops the oldest and lets go of its bytes; returns how many they were, 0 where there is none left. */
  shift(): number {
    const batch = this.#batches[this.#first]
    if (!batch) return 0
    this.#batches[this.#first] = undefined
    this.#first++
    if (this.#first > 256 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first)
      this.#first = 0
    }
    return batch.bytes.length + overheadBytes
  }

  truncate(offset: number): number {
    const at = Math.max(this.#first, this.#find(offset))
    const dropped = this.#batches.splice(at) as CachedBatch[]
    return dropped.reduce((sum, batch) => sum + batch.bytes.length + overheadBytes, 0)
  }

  /** Whole batches from the one that holds `offset`, undefined where the cache begins later. */
  from(offset: number, maxBytes: number, upTo: number): Buffer[] | undefined {
    if (!this.#reaches(offset)) return undefined
    const slices: Buffer[] = []
    let bytes = 0
    for (let i = this.#find(offset); i < this.#batches.length; i++) {
      const batch = this.#batches[i] as CachedBatch
      if (batch.lastOffset >= upTo || (slices.length > 0 && bytes + batch.bytes.length > maxBytes))
        break
      slices.push(batch.bytes)
      bytes += batch.bytes.length
    }
    return slices
  }

  /** Bytes of the batches from an offset on and below another, counted up to `enough`. */
  bytesFrom(offset: number, upTo: number, enough: number): number | undefined {
    if (!this.#reaches(offset)) return undefined
    let bytes = 0
    for (let i = this.#find(offset); i < this.#batches.length && bytes < enough; i++) {
      const batch = this.#batches[i] as CachedBatch
      if (batch.lastOffset >= upTo) break
      bytes += batch.bytes.length
    }
    return bytes
  }

  #reaches(offset: number): boolean {
    const oldest = this.#batches[this.#first]
    return oldest !== undefined && offset >= oldest.baseOffset
  }

  /** The first batch whose last offset reaches the wanted one. */
  #find(offset: number): number {
    let low = this.#first
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as CachedBatch).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
