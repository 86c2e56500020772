// Puts entries of any number in the order of receipt, in bounded memory: sorted runs on disk, merged when they are
// read. The order is stable: entries of one millisecond keep the order of the files. A run is a file of lines
// `<receivedMs>\t<payload>`; what fits one run never touches the disk.

import { once } from 'node:events'
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { readLines } from './lines.ts'

export interface Sortable {
  receivedMs: number
  /** One line of text. */
  payload: string
}

export const runBytesDefault = 64 * 1024 * 1024

export class SortedRuns implements AsyncDisposable {
  readonly #dir: string
  readonly #runBytes: number
  #held: Sortable[] = []
  #heldBytes = 0
  #runs: string[] = []
  #count = 0

  constructor(dir: string, runBytes = runBytesDefault) {
    this.#dir = dir
    this.#runBytes = runBytes
  }

  get count(): number {
    return this.#count
  }

  async add(entry: Sortable): Promise<void> {
    this.#held.push(entry)
    this.#heldBytes += entry.payload.length
    this.#count++
    if (this.#heldBytes >= this.#runBytes) await this.#spill()
  }

  /** All entries, once each, in order. */
  async *read(): AsyncIterable<Sortable> {
    const last = this.#takeHeld()
    const heads = await Promise.all(
      [...this.#runs.map(runEntries), entriesOf(last)].map(async (run) => {
        const iterator = run[Symbol.asyncIterator]()
        return { iterator, next: await iterator.next() }
      }),
    )
    for (;;) {
      // Runs are few; the first of the earliest keeps the order stable.
      let first: (typeof heads)[number] | undefined
      for (const head of heads) {
        if (head.next.done) continue
        if (!first || head.next.value.receivedMs < (first.next.value as Sortable).receivedMs) {
          first = head
        }
      }
      if (!first || first.next.done) return
      yield first.next.value
      first.next = await first.iterator.next()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #takeHeld(): Sortable[] {
    const held = this.#held.sort((a, b) => a.receivedMs - b.receivedMs)
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  async #spill(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true })
    const path = join(this.#dir, `run-${this.#runs.length}`)
    const file = createWriteStream(path)
    for (const { receivedMs, payload } of this.#takeHeld()) {
      if (!file.write(`${receivedMs}\t${payload}\n`)) {
        await once(file, 'drain')
      }
    }
    file.end()
    await finished(file)
    this.#runs.push(path)
  }
}

async function* entriesOf(entries: readonly Sortable[]): AsyncIterable<Sortable> {
  yield* entries
}

async function* runEntries(path: string): AsyncIterable<Sortable> {
  for await (const lines of readLines(path)) {
    for (const { bytes } of lines) {
      const tab = bytes.indexOf(9)
      yield {
        receivedMs: Number(bytes.toString('latin1', 0, tab)),
        payload: bytes.toString('utf8', tab + 1),
      }
    }
  }
}
