// The aborted transactions whose markers lie in one segment, in the order of the markers: what a read_committed fetch
// tells its client, who leaves their records out. One line each in `<base>.aborted`, saved with checkpoints; recovery
// adds what the batches behind the checkpoint say. Checked, unlike Kafka's own index: a wrong entry would show records
// that were taken back.
//
// `lastStableOffset` is where the log was stable when the marker came: transactions that end later began there or
// behind it, so a search may stop.

import { checkedText, readChecked } from './checked-file.ts'
import type { FileLayer } from './file-layer.ts'

export interface AbortedTransaction {
  producerId: number
  firstOffset: number
  /** Of the marker. */
  lastOffset: number
  lastStableOffset: number
}

export class AbortedTransactions {
  #entries: AbortedTransaction[] = []
  #isSaved = true

  get count(): number {
    return this.#entries.length
  }

  get isSaved(): boolean {
    return this.#isSaved
  }

  add(entry: AbortedTransaction): void {
    this.#entries.push(entry)
    this.#isSaved = false
  }

  /** Markers from an offset on were never written. */
  truncate(offset: number): void {
    while ((this.#entries.at(-1)?.lastOffset ?? -1) >= offset) {
      this.#entries.pop()
      this.#isSaved = false
    }
  }

  /** Those that overlap [from, upTo) are added to `found`; true when no later one can. */
  collect(from: number, upTo: number, found: AbortedTransaction[]): boolean {
    for (let i = this.#firstEndingAt(from); i < this.#entries.length; i++) {
      const entry = this.#entries[i] as AbortedTransaction
      if (entry.firstOffset < upTo) found.push(entry)
      if (entry.lastStableOffset >= upTo) return true
    }
    return false
  }

  encode(): string {
    this.#isSaved = true
    const lines = this.#entries.map(
      (each) =>
        `${each.producerId} ${each.firstOffset} ${each.lastOffset} ${each.lastStableOffset}\n`,
    )
    return checkedText(lines.join(''))
  }

  /** False where the file is damaged: the batches have to tell. */
  load(files: FileLayer, path: string): boolean {
    if (!files.exists(path)) return true
    const text = readChecked(files, path)
    this.#entries = (text ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map(parse)
    return text !== undefined
  }

  #firstEndingAt(offset: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as AbortedTransaction).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

function parse(line: string): AbortedTransaction {
  const [producerId, firstOffset, lastOffset, lastStableOffset] = line.split(' ').map(Number)
  // The checksum holds, so these are the four numbers that encode wrote.
  return { producerId, firstOffset, lastOffset, lastStableOffset } as AbortedTransaction
}
