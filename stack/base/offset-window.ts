// Which records have been here, by partition and offset, so that copies are dropped exactly, in whatever order records
// come: whatever a publisher, Pub/Sub or a seek sent again (every message of lane A carries its topic, partition and
// offset), whatever a processor wrote twice (every record of it names its input). Pure.
//
// Of a partition everything below a watermark counts as seen; above it, runs of offsets. A run that touches the watermark
// joins it. Offsets that never come (control records, compacted ones, aborted transactions) leave gaps between runs: when
// there are more runs than `runsMax` the lowest gap is given up, and counted.

/** Offsets from `start` on, `end` not among them. */
interface Run {
  start: number
  end: number
}

export interface OffsetWindowOptions {
  /** Of a partition; each gap that stays open costs one. */
  runsMax?: number
}

export class OffsetWindow {
  readonly #runsMax: number
  readonly #partitions = new Map<string, Partition>()
  /** Offsets that were given up: a record of one would count as a copy. */
  givenUp = 0

  constructor({ runsMax = 10_000 }: OffsetWindowOptions = {}) {
    this.#runsMax = runsMax
  }

  /** Whether the record was here before; from now on it was. Partitions are told apart by any name. */
  seen(partition: string, offset: number): boolean {
    let window = this.#partitions.get(partition)
    if (!window) {
      // Whoever begins in the middle of a partition will see nothing of what is before.
      window = new Partition(offset)
      this.#partitions.set(partition, window)
    }
    const isNew = window.add(offset)
    if (window.runs > this.#runsMax) this.givenUp += window.closeLowestGap()
    return !isNew
  }

  /** Everything below it was here; undefined before the first record. */
  watermark(partition: string): number | undefined {
    return this.#partitions.get(partition)?.watermark
  }
}

class Partition {
  /** In their order, no two touching. */
  readonly #runs: Run[]

  constructor(offset: number) {
    this.#runs = [{ start: offset, end: offset }]
  }

  get watermark(): number {
    return (this.#runs[0] as Run).end
  }

  get runs(): number {
    return this.#runs.length
  }

  /** Whether it was not here before. */
  add(offset: number): boolean {
    const at = this.#firstAfter(offset)
    const before = this.#runs[at - 1]
    const after = this.#runs[at]
    if (before && offset < before.end) return false
    const below = before?.end === offset ? before : undefined
    const above = after?.start === offset + 1 ? after : undefined
    if (below) below.end = above ? above.end : offset + 1
    if (below && above) this.#runs.splice(at, 1)
    else if (above) above.start = offset
    else if (!below) this.#runs.splice(at, 0, { start: offset, end: offset + 1 })
    return true
  }

  /** How many offsets it was wide. */
  closeLowestGap(): number {
    const [first, second] = this.#runs as [Run, Run]
    const width = second.start - first.end
    first.end = second.end
    this.#runs.splice(1, 1)
    return width
  }

  /** Index of the first run that starts after the offset. */
  #firstAfter(offset: number): number {
    let [low, high] = [0, this.#runs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#runs[middle] as Run).start > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
