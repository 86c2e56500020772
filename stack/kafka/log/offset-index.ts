// Kafka's two sparse indexes of a segment, an entry for a batch whenever more than `index.interval.bytes` of log lie
// behind the last one:
//
//   .index      int32 last offset of the batch, relative to the base    int32 position of the batch in the file
//   .timeindex  int64 largest timestamp so far    int32 relative last offset of the batch that has it
//
// The last entry of a sealed segment's time index is its largest timestamp. Kept in typed arrays; saved at checkpoints,
// built anew by recovery.

const offsetEntryBytes = 8
const timeEntryBytes = 12
const twoTo32 = 4294967296

export class SparseIndex {
  #offsets = new Int32Array(16)
  #positions = new Int32Array(16)
  #offsetCount = 0
  #timestamps = new Float64Array(16)
  #timeOffsets = new Int32Array(16)
  #timeCount = 0

  add(relativeOffset: number, position: number): void {
    if (this.#offsetCount === this.#offsets.length) {
      this.#offsets = grown(this.#offsets, Int32Array)
      this.#positions = grown(this.#positions, Int32Array)
    }
    this.#offsets[this.#offsetCount] = relativeOffset
    this.#positions[this.#offsetCount++] = position
  }

  /** Timestamps grow from entry to entry; others are left out. */
  addTime(timestampMs: number, relativeOffset: number): void {
    const before = this.#timestamps[this.#timeCount - 1]
    if (before !== undefined && timestampMs <= before) return
    if (this.#timeCount === this.#timestamps.length) {
      this.#timestamps = grown(this.#timestamps, Float64Array)
      this.#timeOffsets = grown(this.#timeOffsets, Int32Array)
    }
    this.#timestamps[this.#timeCount] = timestampMs
    this.#timeOffsets[this.#timeCount++] = relativeOffset
  }

  /** The last entry at or before the offset; undefined stands for the beginning of the file. */
  floor(relativeOffset: number): { relativeOffset: number; position: number } | undefined {
    const at = lastAtMost(this.#offsets, this.#offsetCount, relativeOffset)
    return at < 0
      ? undefined
      : {
          relativeOffset: this.#offsets[at] as number,
          position: this.#positions[at] as number,
        }
  }

  /** Position before which no record has a timestamp of `timestampMs` or later. */
  positionBefore(timestampMs: number): number {
    const at = lastAtMost(this.#timestamps, this.#timeCount, timestampMs - 1)
    return at < 0 ? 0 : (this.floor(this.#timeOffsets[at] as number)?.position ?? 0)
  }

  /** Forgets entries of batches at or behind the position. */
  truncate(position: number): void {
    while (
      this.#offsetCount > 0 &&
      (this.#positions[this.#offsetCount - 1] as number) >= position
    ) {
      this.#offsetCount--
    }
  }

  encode(): { offsets: Buffer; times: Buffer } {
    const offsets = Buffer.alloc(this.#offsetCount * offsetEntryBytes)
    for (let i = 0; i < this.#offsetCount; i++) {
      offsets.writeInt32BE(this.#offsets[i] as number, i * offsetEntryBytes)
      offsets.writeInt32BE(this.#positions[i] as number, i * offsetEntryBytes + 4)
    }
    const times = Buffer.alloc(this.#timeCount * timeEntryBytes)
    for (let i = 0; i < this.#timeCount; i++) {
      const timestampMs = this.#timestamps[i] as number
      times.writeInt32BE(Math.floor(timestampMs / twoTo32), i * timeEntryBytes)
      times.writeUInt32BE(timestampMs - Math.floor(timestampMs / twoTo32) * twoTo32, i * 12 + 4)
      times.writeInt32BE(this.#timeOffsets[i] as number, i * timeEntryBytes + 8)
    }
    return { offsets, times }
  }

  /** Undefined where the bytes are no indexes of a file of this size: they are built anew. */
  static decode(offsets: Buffer, times: Buffer, fileBytes: number): SparseIndex | undefined {
    if (offsets.length % offsetEntryBytes !== 0 || times.length % timeEntryBytes !== 0) return
    const index = new SparseIndex()
    let [lastOffset, lastPosition] = [-1, 0]
    for (let at = 0; at < offsets.length; at += offsetEntryBytes) {
      const [offset, position] = [offsets.readInt32BE(at), offsets.readInt32BE(at + 4)]
      if (offset <= lastOffset || position <= lastPosition || position >= fileBytes) return
      ;[lastOffset, lastPosition] = [offset, position]
      index.add(offset, position)
    }
    let [lastTime, lastTimeOffset] = [-Infinity, -1]
    for (let at = 0; at < times.length; at += timeEntryBytes) {
      const time = timeAt(times, at)
      const offset = times.readInt32BE(at + 8)
      if (time <= lastTime || offset < lastTimeOffset) return
      ;[lastTime, lastTimeOffset] = [time, offset]
      index.addTime(time, offset)
    }
    return index
  }
}

/** The largest timestamp of a sealed segment, without reading the whole index. */
export function lastTimestamp(times: Buffer): number | undefined {
  const isWhole = times.length > 0 && times.length % timeEntryBytes === 0
  return isWhole ? timeAt(times, times.length - timeEntryBytes) : undefined
}

function timeAt(times: Buffer, at: number): number {
  return times.readInt32BE(at) * twoTo32 + times.readUInt32BE(at + 4)
}

function grown<T extends Int32Array | Float64Array>(values: T, make: new (length: number) => T): T {
  const larger = new make(values.length * 2)
  larger.set(values)
  return larger
}

/** Index of the last value <= wanted in an ascending list, -1 where there is none. */
function lastAtMost(values: ArrayLike<number>, count: number, wanted: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
