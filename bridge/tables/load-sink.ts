// Rows by load jobs: what history has goes into a file, and the protocol (load-protocol.ts) brings that file into the table
// once. BigQuery takes 1,500 jobs for a table in a day, and bills none of them, so that a load waits for its time and then
// takes all there is. While a job runs the lane goes on; the next turn looks after it.

import type { Clock } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import type { RowPage } from '#stack/contract/row-pages.ts'
import type { BadRow } from './batches.ts'
import type { LoadFile, LoadFileWriter } from './load-file.ts'
import { afterAskingForLoad, jobIdOf, loadId, loadVerdict } from './load-protocol.ts'
import type { JobAnswer, LoadVerdict, RefusedRow } from './load-protocol.ts'
import { ProtocolAlarm, trouble } from './logbook.ts'
import type { Logbook } from './logbook.ts'
import type { Load } from './protocol.ts'
import { RowLines } from './row-lines.ts'
import type { Sent, TableSink } from './sink.ts'
import type { Target } from './target.ts'

export interface LoadSinkOptions {
  book: Logbook
  target: Pick<Target, 'nameOf' | 'insertLoad' | 'job' | 'hasUnfinishedLoads' | 'ask'>
  clock: Clock
  file: LoadFile
  /** Between the beginnings of two loads. */
  intervalMs: number
  fileBytes: number
  fileRows: number
  /** Resolves when this bridge may write; rejects if it may not. */
  holdLease(): Promise<void>
}

/** So many refusals are followed by the next load at once; after that it waits for its time, too. */
const refusalsAtOnceMax = 40
/** Single rows that are refused one after the other and not by name: then it is no matter of the rows. */
const namelessMax = 20

export class LoadSink implements TableSink {
  readonly #options: LoadSinkOptions
  readonly #book: Logbook
  readonly #lines: RowLines
  /** They are in the error lane; the next file goes without them. */
  readonly #refusedSeqs = new Set<number>()
  /** Of the next file: fewer while it has to be found out which row is refused. */
  #rowsMax = Infinity
  /** There was more than the last file takes. */
  #wasFull = false
  /** Since something landed. */
  #refusals = 0
  #nameless = 0

  constructor(options: LoadSinkOptions) {
    this.#options = options
    this.#book = options.book
    this.#lines = new RowLines(options.book.resource.name)
    if (!this.#book.known?.load) options.file.remove()
  }

  get turnRows(): number {
    return Math.min(this.#options.fileRows, this.#rowsMax)
  }

  /** What is behind a full file need not wait, nor what was refused. */
  get restsUntilMs(): number {
    const isSearching = this.#refusals > 0 && this.#refusals <= refusalsAtOnceMax
    if (this.#wasFull || isSearching) return 0
    return (this.#book.known?.lastLoadMs ?? 0) + this.#options.intervalMs
  }

  async settle(): Promise<boolean> {
    const load = this.#book.known?.load
    if (!load) return true
    const answer = await this.#ask(load)
    const means = loadVerdict(load, answer)
    if (means.verdict !== 'insert' && means.verdict !== 'anew') return this.#conclude(load, means)
    const next = means.verdict === 'anew' ? this.#nextTry(load, means.reason) : load
    this.#book.count('retries')
    return this.#conclude(next, loadVerdict(next, await this.#insert(next)))
  }

  /** The table does not tell of jobs that run. */
  async begin(): Promise<boolean> {
    return !(await this.#options.target.hasUnfinishedLoads(this.#book.resource.tableId))
  }

  async send(epoch: number, pages: AsyncIterable<RowPage>): Promise<Sent> {
    const { clock, holdLease } = this.#options
    const limit = this.turnRows
    const { load, taken, isWhole } = await this.#write(epoch, pages)
    this.#wasFull = !isWhole || taken >= limit
    if (load.rows === 0) {
      if (taken > 0) this.#book.record({ fact: 'skipped', seqTo: load.seqTo })
      this.#book.settled()
      return { rows: taken, isWhole, isSettled: true }
    }
    this.#book.step('filed')
    await holdLease()
    this.#book.count('loads')
    const begun = { ...load, atMs: clock.now() }
    this.#book.record({ fact: 'load', ...begun })
    const means = loadVerdict(begun, await this.#insert(begun))
    const isSettled = await this.#conclude(begun, means)
    // What was not loaded is still to be sent.
    return { rows: taken, isWhole: isWhole && means.verdict === 'loaded', isSettled }
  }

  forget(): void {
    this.#refusedSeqs.clear()
    this.#rowsMax = Infinity
  }

  close(): void {}

  /** The file of the next load; without rows there is none. */
  async #write(
    epoch: number,
    pages: AsyncIterable<RowPage>,
  ): Promise<{ load: Omit<Load, 'atMs'>; taken: number; isWhole: boolean }> {
    const { clock, file, fileBytes, target } = this.#options
    const { tableId } = this.#book.resource
    const writer = file.write(target.nameOf(tableId))
    const nowMs = clock.now()
    let seqFrom = 0
    let seqTo = 0
    let taken = 0
    let isWhole = true
    try {
      for await (const page of pages) {
        if (taken === 0) seqFrom = page.seqAt(0)
        const stamp = RowLines.stamp({ batch: `${epoch}-${seqFrom}`, nowMs })
        let row = 0
        for (; row < page.rows && writer.bytes < fileBytes; row++) {
          await this.#add(writer, { page, row, stamp })
        }
        taken += row
        if (row > 0) seqTo = page.seqAt(row - 1)
        isWhole = row === page.rows
        if (!isWhole) break
      }
      const id = writer.rows > 0 ? loadId(tableId, { seqFrom, seqTo }, writer.finish()) : ''
      return { load: { id, retry: 0, rows: writer.rows, seqFrom, seqTo }, taken, isWhole }
    } finally {
      writer.discard()
    }
  }

  async #add(
    writer: LoadFileWriter,
    { page, row, stamp }: { page: RowPage; row: number; stamp: string },
  ): Promise<void> {
    const seq = page.seqAt(row)
    this.#book.notice(page, row)
    if (this.#refusedSeqs.has(seq)) return
    try {
      writer.add(this.#lines.encode(page, row, stamp))
    } catch (error) {
      const text = this.#lines.text(page, row)
      await this.#book.tellBad([{ seq, text, code: 'NOT_ENCODABLE', reason: messageOf(error) }])
    }
  }

  /** The same file under the next id. A job that failed is one of the day's, too. */
  #nextTry(load: Load, reason: string): Load {
    const { clock, intervalMs } = this.#options
    const atMs = clock.now()
    if (atMs < load.atMs + intervalMs) throw trouble(reason, this.#book.resource.tableId)
    const next = { ...load, retry: load.retry + 1, atMs }
    this.#book.count('loads')
    this.#book.record({ fact: 'load', ...next })
    return next
  }

  /** One try, and how the job stands then. */
  async #insert(load: Load): Promise<JobAnswer> {
    const { target, file, holdLease } = this.#options
    const { tableId } = this.#book.resource
    await holdLease()
    file.ensure()
    const inserting = target.insertLoad(tableId, jobIdOf(load), file.path)
    this.#book.step('sending')
    const reply = await inserting
    this.#book.step('replied')
    if (reply.kind !== 'unknown') return reply
    // Its id is taken, or the answer was lost.
    const answer = await this.#ask(load)
    if (answer.kind === 'absent') throw trouble(reply.reason, tableId)
    if (answer.kind === 'done') this.#book.count('dedupHits')
    return answer
  }

  async #ask(load: Load): Promise<JobAnswer> {
    const answer = await this.#options.target.job(jobIdOf(load))
    this.#book.step('asked')
    return answer
  }

  /** False: the job runs. */
  async #conclude(load: Load, means: LoadVerdict): Promise<boolean> {
    switch (means.verdict) {
      case 'loaded':
        this.#loaded(load)
        return true
      case 'wait':
        return false
      case 'refused':
        await this.#refused(load, means.rows, means.reason)
        return true
      case 'ask the table':
        await this.#askTable(load)
        return true
      case 'insert':
      case 'anew':
        throw trouble(means.reason, this.#book.resource.tableId)
    }
  }

  #loaded({ rows, seqTo }: Load): void {
    this.#book.record({ fact: 'loaded' })
    this.#book.count('sent', rows)
    this.#book.settled()
    this.#options.file.remove()
    for (const seq of this.#refusedSeqs) if (seq <= seqTo) this.#refusedSeqs.delete(seq)
    this.#rowsMax *= 2
    this.#refusals = 0
    this.#nameless = 0
  }

  /** Rows that are named go to the error lane. Where none is, half as many are tried, until the one is alone. */
  async #refused(load: Load, named: readonly RefusedRow[], reason: string): Promise<void> {
    this.#refusals++
    const bad = this.#rowsOf(named)
    if (bad.length === 0 && load.rows === 1) {
      if (++this.#nameless > namelessMax) throw this.#refusesEverything(reason)
      bad.push(...this.#rowsOf([{ position: 0, message: reason }]))
    }
    await this.#book.tellBad(bad)
    for (const { seq } of bad) this.#refusedSeqs.add(seq)
    if (bad.length === 0) this.#rowsMax = Math.ceil(load.rows / 2)
    this.#book.record({ fact: 'not-loaded' })
    this.#options.file.remove()
  }

  #rowsOf(refused: readonly RefusedRow[]): BadRow[] {
    return refused.flatMap(({ position, message }) => {
      const text = this.#options.file.rowAt(position)
      if (text === undefined) return []
      const { _seq: seq } = JSON.parse(text) as { _seq: number }
      return [{ seq, text, code: 'INVALID_ARGUMENT', reason: message }]
    })
  }

  #refusesEverything(reason: string): ProtocolAlarm {
    return new ProtocolAlarm(`${namelessMax} rows in a row were refused: ${reason}`, {
      where: this.#book.resource.tableId,
      hint: 'this is no matter of single rows; `slipway bridge plan` tells what differs',
    })
  }

  async #askTable(load: Load): Promise<void> {
    const { target } = this.#options
    const { epoch } = this.#book.ship
    const { seqFrom, seqTo } = load
    const answer = await target.ask(this.#book.resource.tableId, { epoch, seqFrom, seqTo })
    const facts = afterAskingForLoad(load, answer)
    this.#book.recordAll(facts)
    this.#options.file.remove()
  }
}
