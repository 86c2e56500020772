// The last batches of all partitions in memory, at most so many bytes overall: consumers that keep up are served
// without a read. A batch is copied once, to the end of a slab of its partition; so batches that are read together lie
// together, and however small they are, an answer is a few long slices. The oldest slab of all goes first, whichever
// partition it belongs to.

const slabBytesMin = 16 * 1024
const slabBytesMax = 1024 * 1024
/** What a batch takes beside its bytes: two numbers. */
const entryBytes = 16

/** Batches of one partition, one behind the other, without a gap in their offsets. */
class Slab {
  readonly buffer: Buffer
  readonly baseOffset: number
  readonly #lastOffsets: number[] = []
  /** Where each batch ends. */
  readonly #ends: number[] = []

  constructor(capacity: number, baseOffset: number) {
    // Not from Node's pool: letting go of a slab must free it.
    this.buffer = Buffer.allocUnsafeSlow(capacity)
    this.baseOffset = baseOffset
  }

  get usedBytes(): number {
    return this.#ends.at(-1) ?? 0
  }

  get weight(): number {
    return this.buffer.length + this.#ends.length * entryBytes
  }

  fits(bytes: number): boolean {
    return this.usedBytes + bytes <= this.buffer.length
  }

  add(lastOffset: number, bytes: number): Buffer {
    const start = this.usedBytes
    this.#lastOffsets.push(lastOffset)
    this.#ends.push(start + bytes)
    return this.buffer.subarray(start, start + bytes)
  }

  /** Whole batches from the one that holds the offset, all below `upTo`: at most `maxBytes`, but `atLeast` of them. */
  slice(offset: number, maxBytes: number, upTo: number, atLeast: number): Buffer {
    const first = this.#find(offset)
    const start = this.#ends[first - 1] ?? 0
    let end = Math.min(this.#find(upTo), this.#lastAtMost(start + maxBytes))
    end = Math.max(end, Math.min(first + atLeast, this.#find(upTo)))
    return this.buffer.subarray(start, end > first ? this.#ends[end - 1] : start)
  }

  /** Bytes of the batches below an offset. */
  bytesBelow(offset: number): number {
    return this.#ends[this.#find(offset) - 1] ?? 0
  }

  truncate(offset: number): void {
    const kept = this.#find(offset)
    this.#lastOffsets.length = kept
    this.#ends.length = kept
  }

  /** The first batch whose last offset reaches the wanted one. */
  #find(offset: number): number {
    return countBelow(this.#lastOffsets, offset)
  }

  /** How many batches end at or before a position. */
  #lastAtMost(position: number): number {
    return countBelow(this.#ends, position + 1)
  }
}

export class TailCache {
  /** Oldest first. */
  readonly #slabs = new Map<Slab, PartitionTail>()
  #bytes = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** A copy of the batch, which goes on the end of the partition. */
  add(tail: PartitionTail, batch: Buffer, baseOffset: number, lastOffset: number): Buffer {
    let slab = tail.newest
    if (!slab?.fits(batch.length)) {
      const capacity = Math.min(slabBytesMax, (slab?.buffer.length ?? 0) * 2)
      slab = new Slab(Math.max(slabBytesMin, capacity, batch.length), baseOffset)
      tail.push(slab)
      this.#slabs.set(slab, tail)
      this.#bytes += slab.weight
    }
    const copy = slab.add(lastOffset, batch.length)
    batch.copy(copy)
    this.#bytes += entryBytes
    this.#evict()
    return copy
  }

  /** Drops batches from an offset on: they were never written. */
  truncate(tail: PartitionTail, offset: number): void {
    for (const slab of tail.from(offset)) {
      if (slab.baseOffset >= offset) this.#drop(slab, tail)
      else {
        this.#bytes -= slab.weight
        slab.truncate(offset)
        this.#bytes += slab.weight
      }
    }
  }

  /** Lets go of a partition that is no more. */
  forget(tail: PartitionTail): void {
    for (const slab of tail.from(0)) this.#drop(slab, tail)
  }

  #evict(): void {
    for (const [slab, tail] of this.#slabs) {
      if (this.#bytes <= this.#bytesMax) return
      this.#drop(slab, tail)
    }
  }

  #drop(slab: Slab, tail: PartitionTail): void {
    this.#bytes -= slab.weight
    this.#slabs.delete(slab)
    tail.remove(slab)
  }
}

/** The cached end of one partition. */
export class PartitionTail {
  #slabs: Slab[] = []

  get newest(): Slab | undefined {
    return this.#slabs.at(-1)
  }

  push(slab: Slab): void {
    this.#slabs.push(slab)
  }

  remove(slab: Slab): void {
    this.#slabs = this.#slabs.filter((each) => each !== slab)
  }

  /** The slabs from the one that holds the offset on. */
  from(offset: number): Slab[] {
    const at = this.#slabs.findLastIndex((slab) => slab.baseOffset <= offset)
    return this.#slabs.slice(Math.max(0, at))
  }

  /** Whole batches from the one that holds `offset`, undefined where the cache begins later. */
  read(offset: number, maxBytes: number, upTo: number): Buffer[] | undefined {
    if (!this.#reaches(offset)) return undefined
    const slices: Buffer[] = []
    let left = maxBytes
    for (const slab of this.from(offset)) {
      const slice = slab.slice(offset, Math.max(0, left), upTo, slices.length === 0 ? 1 : 0)
      if (slice.length > 0) slices.push(slice)
      left -= slice.length
      if (slice.length < slab.usedBytes - slab.bytesBelow(offset)) break
    }
    return slices
  }

  /** Bytes of the batches from an offset on and below another. */
  bytesBetween(offset: number, upTo: number): number | undefined {
    if (!this.#reaches(offset)) return undefined
    return this.from(offset).reduce(
      (sum, slab) => sum + Math.max(0, slab.bytesBelow(upTo) - slab.bytesBelow(offset)),
      0,
    )
  }

  #reaches(offset: number): boolean {
    const [oldest] = this.#slabs
    return oldest !== undefined && offset >= oldest.baseOffset
  }
}

/** In an ascending list. */
function countBelow(values: readonly number[], limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) < limit) low = middle + 1
    else high = middle
  }
  return low
}
