// Kafka's two sparse indexes of a segment, an entry about every `index.interval.bytes`:
//   .index      (int32 offset relative to the base, int32 position in the file)
//   .timeindex  (int64 largest timestamp so far, int32 relative offset of the batch that has it)
// Kept in memory while the segment is open, written behind the data, rebuilt by recovery.

const offsetEntryBytes = 8
const timeEntryBytes = 12

export class SparseIndex {
  #relativeOffsets: number[] = []
  #positions: number[] = []
  #timestamps: number[] = []
  #timeRelativeOffsets: number[] = []

  get entries(): number {
    return this.#positions.length
  }

  add(relativeOffset: number, position: number): void {
    this.#relativeOffsets.push(relativeOffset)
    this.#positions.push(position)
  }

  /** Timestamps grow from entry to entry; others are left out. */
  addTime(timestampMs: number, relativeOffset: number): void {
    const last = this.#timestamps.at(-1)
    if (last !== undefined && timestampMs <= last) return
    this.#timestamps.push(timestampMs)
    this.#timeRelativeOffsets.push(relativeOffset)
  }

  /** Position of a batch that begins at or before the offset. */
  positionOf(relativeOffset: number): number {
    const at = lastAtMost(this.#relativeOffsets, relativeOffset)
    return at < 0 ? 0 : (this.#positions[at] as number)
  }

  /** Position before which no record has a timestamp of `timestampMs` or later. */
  positionBefore(timestampMs: number): number {
    const at = lastAtMost(this.#timestamps, timestampMs - 1)
    return at < 0 ? 0 : this.positionOf(this.#timeRelativeOffsets[at] as number)
  }

  encode(): { offsets: Buffer; times: Buffer } {
    const offsets = Buffer.alloc(this.#positions.length * offsetEntryBytes)
    this.#positions.forEach((position, i) => {
      offsets.writeInt32BE(this.#relativeOffsets[i] as number, i * offsetEntryBytes)
      offsets.writeInt32BE(position, i * offsetEntryBytes + 4)
    })
    const times = Buffer.alloc(this.#timestamps.length * timeEntryBytes)
    this.#timestamps.forEach((timestamp, i) => {
      times.writeBigInt64BE(BigInt(timestamp), i * timeEntryBytes)
      times.writeInt32BE(this.#timeRelativeOffsets[i] as number, i * timeEntryBytes + 8)
    })
    return { offsets, times }
  }

  /** Undefined where the bytes are no index of a file of this size: recovery builds it anew. */
  static decode(offsets: Buffer, times: Buffer, fileBytes: number): SparseIndex | undefined {
    if (offsets.length % offsetEntryBytes !== 0 || times.length % timeEntryBytes !== 0)
      return undefined
    const index = new SparseIndex()
    let lastPosition = -1
    for (let at = 0; at < offsets.length; at += offsetEntryBytes) {
      const position = offsets.readInt32BE(at + 4)
      if (position <= lastPosition || position >= fileBytes) return undefined
      lastPosition = position
      index.add(offsets.readInt32BE(at), position)
    }
    for (let at = 0; at < times.length; at += timeEntryBytes) {
      index.addTime(Number(times.readBigInt64BE(at)), times.readInt32BE(at + 8))
    }
    return index
  }
}

/** Index of the last value <= wanted in an ascending list, -1 where there is none. */
function lastAtMost(values: readonly number[], wanted: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
