// Producer ids are never used twice: they are handed out from blocks of 1,000, and a block is durable before its first
// id leaves. What is left of a block at a stop is skipped.

import type { Journal, JournalEntry } from './journal/journal.ts'

const blockIds = 1000

interface BlockEntry extends JournalEntry {
  kind: 'producer-ids'
  /** Ids below this may have been handed out. */
  below: number
}

export class ProducerIds {
  readonly #journal: Journal
  #next = 0
  #below = 0
  #reserving: Promise<void> | undefined

  constructor(journal: Journal) {
    this.#journal = journal
    journal.own<BlockEntry>({
      kinds: ['producer-ids'],
      apply: ({ below }) => {
        this.#below = Math.max(this.#below, below)
      },
      dump: () => [{ kind: 'producer-ids', below: this.#below }],
    })
  }

  /** Ids after recovery begin above every block of earlier starts. */
  recovered(): void {
    this.#next = this.#below
  }

  /** A new producer id; rejects where no block could be made durable. */
  async allocate(): Promise<number> {
    while (this.#next >= this.#below) await this.#reserve()
    return this.#next++
  }

  #reserve(): Promise<void> {
    this.#reserving ??= this.#journal
      .append({ kind: 'producer-ids', below: this.#below + blockIds } as BlockEntry)
      .finally(() => (this.#reserving = undefined))
    return this.#reserving
  }
}
