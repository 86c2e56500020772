// Which leader epoch began at which offset (KIP-101): one line `epoch startOffset` per epoch that wrote something.
// A node of its own gets a new epoch with each start, so a client can see that a crash cut the tail. The file is
// written with each checkpoint; recovery adds what the batches behind it say.

import { join } from 'node:path'
import { checkedText, readChecked } from './checked-file.ts'
import type { FileLayer } from './file-layer.ts'

interface EpochStart {
  epoch: number
  startOffset: number
}

const fileName = 'leader-epochs'

/** Undefined where the file is damaged or missing: what it said has to be found in the batches. */
export function readEpochs(files: FileLayer, dir: string): string | undefined {
  return readChecked(files, join(dir, fileName))
}

export class LeaderEpochs {
  #entries: EpochStart[]
  #isSaved = true
  readonly #files: FileLayer
  readonly #path: string

  constructor(files: FileLayer, dir: string, saved: string) {
    this.#files = files
    this.#path = join(dir, fileName)
    this.#entries = parse(saved)
  }

  /** Takes note of a batch: it may be the first of its epoch. */
  note(epoch: number, startOffset: number): void {
    const last = this.#entries.at(-1)
    if (last && last.epoch >= epoch) return
    this.#entries.push({ epoch, startOffset })
    this.#isSaved = false
  }

  /** After recovery cut the tail, epochs that began behind it never were. */
  truncate(endOffset: number): void {
    const kept = this.#entries.filter((entry) => entry.startOffset < endOffset)
    if (kept.length < this.#entries.length) this.#isSaved = false
    this.#entries = kept
  }

  /** The end of the newest epoch that is not newer than the asked one; -1 where there is none. */
  endOf(epoch: number, logEndOffset: number): { leaderEpoch: number; endOffset: number } {
    const at = this.#entries.findLastIndex((entry) => entry.epoch <= epoch)
    const found = this.#entries[at]
    if (!found) return { leaderEpoch: -1, endOffset: -1 }
    return {
      leaderEpoch: found.epoch,
      endOffset: this.#entries[at + 1]?.startOffset ?? logEndOffset,
    }
  }

  save(): void {
    if (this.#isSaved) return
    const lines = this.#entries.map((entry) => `${entry.epoch} ${entry.startOffset}\n`)
    this.#files.writeWhole(this.#path, checkedText(lines.join('')))
    this.#isSaved = true
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
