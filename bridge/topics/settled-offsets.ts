// How far a partition is settled: the offset below which every record was acknowledged, or is in the error lane. Records
// are taken in the order of the log and settled in any. Pure.

export interface Taken {
  readonly offset: number
  isSettled: boolean
}

export class SettledOffsets<T extends Taken> {
  /** Taken and, from `#head` on, not all of them settled. */
  #taken: T[] = []
  #head = 0
  /** The offset after the last one taken: control records and records of aborted transactions are nobody's. */
  #next: number

  constructor(position: number) {
    this.#next = position
  }

  /** What a commit may say. */
  get position(): number {
    return this.oldest?.offset ?? this.#next
  }

  /** The first that is not settled. */
  get oldest(): T | undefined {
    return this.#taken[this.#head]
  }

  /** From the first that is not settled to the last one taken. */
  get span(): number {
    return this.#taken.length - this.#head
  }

  take(records: readonly T[], nextOffset: number): void {
    for (const record of records) this.#taken.push(record)
    this.#next = nextOffset
    this.#advance()
  }

  settle(record: T): void {
    record.isSettled = true
    this.#advance()
  }

  #advance(): void {
    while (this.oldest?.isSettled) this.#head++
    if (this.#head < sweepAt || this.#head < this.#taken.length / 2) return
    this.#taken = this.#taken.slice(this.#head)
    this.#head = 0
  }
}

const sweepAt = 1024
