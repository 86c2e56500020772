// Rows by Storage Write: one batch at a time by the protocol (protocol.ts); the next one is read and encoded meanwhile.

import type { Clock } from '#stack/base/clock.ts'
import type { RowPage } from '#stack/contract/row-pages.ts'
import { AppendConnection } from './append-connection.ts'
import { Batcher, without } from './batches.ts'
import type { BadRow, Batch, BatchLimits } from './batches.ts'
import { trouble } from './logbook.ts'
import type { Logbook } from './logbook.ts'
import { afterFinalize, afterStreamGone, appendVerdict, codes } from './protocol.ts'
import type { Alarm, AppendReply, Fact, Intent, Ship } from './protocol.ts'
import { descriptorOf, RowEncoder } from './row-encoding.ts'
import { RowLines } from './row-lines.ts'
import type { Sent, TableSink } from './sink.ts'
import type { Target } from './target.ts'

export interface StreamSinkOptions {
  book: Logbook
  target: Target
  clock: Clock
  limits: BatchLimits
  /** Rows of one turn. */
  turnRows: number
  replyMs: number
  /** A stream is used no longer than this. */
  streamMs: number
  /** Resolves when this bridge may write; rejects if it may not. */
  holdLease(): Promise<void>
  onQuota(): void
  /** Resolves when so many rows may go. */
  paced(rows: number): Promise<void>
}

interface Pending {
  batch: Batch
  tries: number
}

export class StreamSink implements TableSink {
  readonly turnRows: number
  readonly restsUntilMs = 0
  readonly #options: StreamSinkOptions
  readonly #book: Logbook
  readonly #encoder: RowEncoder
  readonly #lines: RowLines
  #connection: AppendConnection | undefined
  /** An intent whose bytes are still here. */
  #pending: Pending | undefined
  /** The stream of an earlier life, or one that said something odd: only its row count is believed. */
  #isDoubtful = true

  constructor(options: StreamSinkOptions) {
    this.#options = options
    this.#book = options.book
    this.#encoder = new RowEncoder(options.book.resource.name)
    this.#lines = new RowLines(options.book.resource.name)
    this.turnRows = options.turnRows
  }

  async settle(epoch: number): Promise<boolean> {
    const { known } = this.#book
    if (known?.epoch !== epoch) this.#pending = undefined
    if (known && this.#isDoubtful) await this.#resolveDoubt(known)
    this.#isDoubtful = false
    if (known && known.epoch !== epoch) await this.#closeStream(this.#book.ship)
    if (this.#pending) await this.#send(this.#pending)
    return true
  }

  async begin(): Promise<boolean> {
    return true
  }

  async send(epoch: number, pages: AsyncIterable<RowPage>): Promise<Sent> {
    return { rows: await this.#sendAll(epoch, pages), isWhole: true, isSettled: true }
  }

  forget(): void {
    this.#pending = undefined
  }

  close(): void {
    this.#disconnect()
  }

  async #sendAll(epoch: number, pages: AsyncIterable<RowPage>): Promise<number> {
    const { clock, limits } = this.#options
    const batcher = new Batcher({ encoder: this.#encoder, lines: this.#lines, epoch, limits })
    let count = 0
    let sending = Promise.resolve()
    const next = async (batch: Batch | undefined): Promise<void> => {
      await sending
      if (!batch) return
      sending = this.#send({ batch, tries: 0 })
      // It is awaited with the next batch; until then a failure is nobody's.
      sending.catch(() => {})
    }
    try {
      for await (const page of pages) {
        const nowMs = clock.now()
        count += page.rows
        for (let row = 0; row < page.rows; row++) {
          this.#book.notice(page, row)
          const full = batcher.add(page, row, nowMs)
          if (full) await next(full)
        }
      }
      await next(batcher.take())
    } finally {
      await sending
    }
    return count
  }

  /** Until the batch has landed; throws when it has to wait, and remembers it. */
  async #send(pending: Pending): Promise<void> {
    this.#pending = pending
    await this.#book.tellBad(pending.batch.bad.splice(0))
    while (this.#pending) {
      const { batch } = this.#pending
      if (batch.rows.length === 0) {
        this.#book.record({ fact: 'skipped', seqTo: batch.seqTo })
        this.#pending = undefined
        break
      }
      if (this.#pending.tries === 0) await this.#options.paced(batch.rows.length)
      await this.#options.holdLease()
      const intent = await this.#intentFor(batch)
      await this.#try(this.#pending, intent)
    }
    this.#book.settled()
  }

  /** One request, and what its reply means. */
  async #try(pending: Pending, intent: Intent): Promise<void> {
    const { batch } = pending
    pending.tries++
    if (pending.tries > 1) this.#book.count('retries')
    const reply = await this.#append(intent, batch)
    this.#book.step('replied')
    const means = appendVerdict(intent, reply, pending.tries)
    switch (means.verdict) {
      case 'landed':
        if (means.wasThere) this.#book.count('dedupHits')
        return this.#landed(batch)
      case 'without':
        this.#book.record({ fact: 'not-landed' })
        await this.#takeOut(batch, means.rowErrors)
        return
      case 'finalize':
        if (reply.kind !== 'accepted' && reply.code === codes.outOfRange)
          this.#book.count('outOfRange')
        await this.#resolveDoubt(this.#book.ship)
        // A request that is refused for what it is would be refused at once again.
        if (this.#pending) throw trouble(means.reason, this.#book.resource.tableId)
        return
      case 'again':
        if (means.isQuota) this.#options.onQuota()
        throw trouble(means.reason, this.#book.resource.tableId)
    }
  }

  #landed(batch: Batch): void {
    this.#book.record({ fact: 'landed' })
    this.#book.count('sent', batch.rows.length)
    this.#pending = undefined
  }

  async #takeOut(batch: Batch, rowErrors: readonly { index: number; message: string }[]) {
    const indexes = new Set(rowErrors.map(({ index }) => index))
    const bad = rowErrors.flatMap(({ index, message }): BadRow[] => {
      const row = batch.rows[index]
      return row
        ? [
            {
              seq: row.seq,
              text: this.#lines.text(row.page, row.row),
              code: 'INVALID_ARGUMENT',
              reason: message,
            },
          ]
        : []
    })
    if (bad.length === 0) throw trouble('rows were refused that were not sent', 'rows')
    await this.#book.tellBad(bad)
    this.#pending = { batch: without(batch, indexes), tries: 0 }
  }

  /** The stream's end tells whether the batch is in it; what is not goes into a new one. */
  async #resolveDoubt(ship: Ship): Promise<void> {
    this.#isDoubtful = true
    await this.#closeStream(ship)
    this.#isDoubtful = false
    const { shippedSeq } = this.#book.ship
    const batch = this.#pending?.batch
    if (!batch) return
    if (shippedSeq < batch.seqFrom) {
      this.#pending = { batch, tries: 0 }
      return
    }
    this.#pending = undefined
    // The table holds a part of it, by a way that is not in the file: what is behind that is read again.
    if (shippedSeq < batch.seqTo) throw trouble('the table is ahead', this.#book.resource.tableId)
    this.#book.count('dedupHits')
    this.#book.count('sent', batch.rows.length)
  }

  async #append({ offset }: Intent, batch: Batch): Promise<AppendReply> {
    const { target, clock, replyMs } = this.#options
    const stream = this.#book.ship.stream?.name ?? ''
    if (!this.#connection || this.#connection.isOver) {
      const { writer } = target
      const descriptor = descriptorOf(this.#book.resource.name)
      await writer.initialize()
      this.#connection = new AppendConnection({ writer, clock, stream, descriptor, replyMs })
    }
    const reply = this.#connection.append(
      offset,
      batch.rows.map(({ bytes }) => bytes),
    )
    this.#book.step('sending')
    return reply
  }

  /** The open intent of this batch, or a new one at the end of the stream. */
  async #intentFor(batch: Batch): Promise<Intent> {
    const { intent } = this.#book.ship
    if (intent) return intent
    const { next } = await this.#stream()
    const { rows, seqFrom, seqTo } = batch
    const made = { offset: next, rows: rows.length, seqFrom, seqTo }
    this.#book.record({ fact: 'intent', ...made })
    return made
  }

  async #stream(): Promise<{ next: number }> {
    const { clock, target, streamMs } = this.#options
    const { stream } = this.#book.ship
    if (stream && clock.now() - stream.createdMs < streamMs) return stream
    if (stream) await this.#closeStream(this.#book.ship)
    const name = await target.createStream(this.#book.resource.tableId)
    this.#book.step('created')
    this.#book.record({ fact: 'stream', name, createdMs: clock.now() })
    this.#book.count('streams')
    return { next: 0 }
  }

  /** Finalized, the stream says what landed; gone, the table does. */
  async #closeStream(ship: Ship): Promise<void> {
    this.#disconnect()
    const { stream } = ship
    if (!stream) return
    const { target } = this.#options
    const reply = await target.finalize(stream.name)
    this.#book.step('finalized')
    const facts =
      reply.kind === 'finalized'
        ? afterFinalize(ship, reply.rowCount)
        : await this.#afterStreamGone(ship)
    if (facts === 'ask the table') return this.#book.askTable(ship.epoch)
    this.#book.recordAll(facts)
  }

  async #afterStreamGone(ship: Ship): Promise<Fact[] | Alarm> {
    const { epoch, intent } = ship
    if (!intent) return [{ fact: 'closed' }]
    const { seqFrom, seqTo } = intent
    const answer = await this.#options.target.ask(this.#book.resource.tableId, {
      epoch,
      seqFrom,
      seqTo,
    })
    return afterStreamGone(ship, answer)
  }

  #disconnect(): void {
    this.#connection?.close()
    this.#connection = undefined
  }
}
