// Which leader epoch began at which offset (KIP-101): one line `epoch startOffset` per epoch that wrote something.
// A node of its own gets a new epoch with each start, so a client can see that a crash cut the tail.

import { join } from 'node:path'
import type { FileLayer } from './file-layer.ts'

interface EpochStart {
  epoch: number
  startOffset: number
}

export class LeaderEpochs {
  #entries: EpochStart[]
  readonly #files: FileLayer
  readonly #path: string

  constructor(files: FileLayer, dir: string) {
    this.#files = files
    this.#path = join(dir, 'leader-epochs')
    this.#entries = files.exists(this.#path) ? parse(files.read(this.#path).toString()) : []
  }

  /** Takes note of the epoch's first batch. */
  note(epoch: number, startOffset: number): void {
    const last = this.#entries.at(-1)
    if (last && last.epoch >= epoch) return
    this.#entries.push({ epoch, startOffset })
    this.#save()
  }

  /** After recovery cut the tail, epochs that began behind it never were. */
  truncate(endOffset: number): void {
    const kept = this.#entries.filter((entry) => entry.startOffset < endOffset)
    if (kept.length === this.#entries.length) return
    this.#entries = kept
    this.#save()
  }

  endOf(epoch: number, logEndOffset: number): { leaderEpoch: number; endOffset: number } {
    const at = this.#entries.findLastIndex((entry) => entry.epoch <= epoch)
    const found = this.#entries[at]
    if (!found) return { leaderEpoch: -1, endOffset: -1 }
    return {
      leaderEpoch: found.epoch,
      endOffset: this.#entries[at + 1]?.startOffset ?? logEndOffset,
    }
  }

  #save(): void {
    const lines = this.#entries.map((entry) => `${entry.epoch} ${entry.startOffset}\n`)
    this.#files.writeWhole(this.#path, lines.join(''))
  }
}

function parse(text: string): EpochStart[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [epoch, startOffset] = line.split(' ').map(Number)
      return { epoch: epoch as number, startOffset: startOffset as number }
    })
}
