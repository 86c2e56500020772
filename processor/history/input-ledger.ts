// Which input positions have their outcome, per partition of `ecommerce-events`. Outcomes come on two topics, which
// are read at different speeds, and may come twice; so each partition has an offset below which all is there, and a
// set of those above it that have come already. The set is as large as the two topics are apart.

export type OutcomeKind = 'enriched' | 'rejected' | 'duplicate' | 'loadEnd'

export interface PartitionOutcomes {
  partition: number
  /** Every offset below has its outcome. */
  completeTo: number
  enriched: number
  rejected: number
  duplicate: number
  /** Positions that end a load; they are no events. */
  loadEnd: number
  late: number
  /** Newest event time seen, in milliseconds; of what is no event, nothing. */
  maxEventMs: number | null
}

interface Entry extends PartitionOutcomes {
  above: Set<number>
}

export class InputLedger {
  readonly #partitions = new Map<number, Entry>()

  /** False when that position has an outcome already: a repeated write changes nothing. */
  take(partition: number, offset: number, kind: OutcomeKind): boolean {
    const entry = this.#entry(partition)
    if (offset < entry.completeTo || entry.above.has(offset)) return false
    entry.above.add(offset)
    entry[kind]++
    while (entry.above.delete(entry.completeTo)) entry.completeTo++
    return true
  }

  /** What was taken for enriched turned out to be a copy of an event that is there. */
  turnIntoDuplicate(partition: number): void {
    const entry = this.#entry(partition)
    entry.enriched--
    entry.duplicate++
  }

  seen(partition: number, eventMs: number, isLate: boolean): void {
    const entry = this.#entry(partition)
    if (entry.maxEventMs === null || eventMs > entry.maxEventMs) entry.maxEventMs = eventMs
    if (isLate) entry.late++
  }

  restore(outcomes: PartitionOutcomes, above: Iterable<number>): void {
    this.#partitions.set(outcomes.partition, { ...outcomes, above: new Set(above) })
  }

  /** Offsets that the broker no longer has, or never had an outcome to wait for. */
  startAt(partition: number, offset: number): void {
    if (!this.#partitions.has(partition)) this.#entry(partition).completeTo = offset
  }

  /** By partition, as it is now. */
  snapshot(): PartitionOutcomes[] {
    return [...this.#partitions.values()]
      .map(({ above: _above, ...outcomes }) => outcomes)
      .sort((a, b) => a.partition - b.partition)
  }

  #entry(partition: number): Entry {
    let entry = this.#partitions.get(partition)
    if (!entry) {
      entry = {
        partition,
        completeTo: 0,
        enriched: 0,
        rejected: 0,
        duplicate: 0,
        loadEnd: 0,
        late: 0,
        maxEventMs: null,
        above: new Set(),
      }
      this.#partitions.set(partition, entry)
    }
    return entry
  }
}

/** T2 without idle advance: the newest time of the partition that is furthest behind. */
export function newestOfSlowestMs(outcomes: readonly PartitionOutcomes[]): number | null {
  const known = outcomes.flatMap(({ maxEventMs }) => (maxEventMs === null ? [] : [maxEventMs]))
  return known.length === 0 ? null : Math.min(...known)
}
