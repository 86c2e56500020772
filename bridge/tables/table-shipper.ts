// One table on its way: reads what history has behind the last row that landed, and runs the protocol (protocol.ts) for one
// batch at a time; the next one is read and encoded meanwhile. A turn ends when everything is there, when it has sent its
// share, or with the trouble that somebody has to wait for.

import type { Clock } from '#stack/base/clock.ts'
import { OperatingError } from '#stack/base/errors.ts'
import { isoTime } from '#stack/base/units.ts'
import { tables } from '#stack/contract/tables.ts'
import { AppendConnection } from './append-connection.ts'
import { Batcher, without } from './batches.ts'
import type { BadRow, Batch, BatchLimits } from './batches.ts'
import type { HistoryClient, HistoryRow } from '../history-client.ts'
import {
  afterAskingTable,
  afterFinalize,
  afterStreamGone,
  appendVerdict,
  codes,
} from './protocol.ts'
import type { Alarm, AppendReply, Fact, Intent, Ship } from './protocol.ts'
import type { TableResource } from './resources.ts'
import { descriptorOf } from './row-encoding.ts'
import type { StateFile } from './state-file.ts'
import type { CountRow, ShipperCounts } from './table-metrics.ts'
import type { Target } from './target.ts'

/** Where a process may be killed; for tests that do it. */
export type Step = Fact['fact'] | 'sending' | 'replied' | 'created' | 'finalized'

export interface ShipperOptions {
  resource: TableResource
  history: HistoryClient
  target: Target
  state: StateFile
  clock: Clock
  limits: BatchLimits
  /** Rows of one turn. */
  turnRows: number
  replyMs: number
  /** A stream is used no longer than this. */
  streamMs: number
  /** Resolves when this bridge may write; rejects if it may not. */
  holdLease(): Promise<void>
  /** Resolves when the row is durable in the error lane. */
  onBadRow(bad: BadRow & { position: string }): Promise<void>
  onQuota(): void
  count: CountRow
  /** Resolves when so many rows may go. */
  paced(rows: number): Promise<void>
  onStep?: ((step: Step) => void) | undefined
}

/** What cannot be, and stops the table until a person has looked. */
export class ProtocolAlarm extends OperatingError {
  override name = 'ProtocolAlarm'
}

interface Pending {
  batch: Batch
  tries: number
}

export class TableShipper {
  readonly resource: TableResource
  readonly counts: ShipperCounts = {
    sent: 0,
    retries: 0,
    errors: 0,
    dedupHits: 0,
    outOfRange: 0,
    streams: 0,
  }
  /** Everything up to here is there, or was when it was looked at last. */
  position: number | null = null
  /** The time of the first row that is not there, as far as it has been read. */
  unsentSinceMs: number | null = null
  readonly #options: ShipperOptions
  #connection: AppendConnection | undefined
  /** An intent whose bytes are still here. */
  #pending: Pending | undefined
  /** The stream of an earlier life, or one that said something odd: only its row count is believed. */
  #isDoubtful: boolean
  #hasColumns = false

  constructor(options: ShipperOptions) {
    this.#options = options
    this.resource = options.resource
    this.#isDoubtful = true
  }

  /** True: there is more. */
  async turn(epoch: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#hasColumns) {
      await this.#options.target.ensureColumns(this.resource)
      this.#hasColumns = true
    }
    await this.#settle(epoch)
    const { turnRows } = this.#options
    const { shippedSeq } = this.#ship
    this.position = Math.max(this.position ?? 0, shippedSeq)
    const range = { epoch, afterSeq: this.position, limit: turnRows }
    const { toSeq, rows } = await this.#options.history.rows(this.resource.source, range, signal)
    this.#checkHistory(toSeq)
    const count = await this.#sendAll(epoch, rows)
    this.unsentSinceMs = null
    if (count >= turnRows) return true
    this.position = Math.max(this.position, toSeq)
    return false
  }

  /** The history was rebuilt: what is said of `_seq` counts no more. */
  forget(): void {
    this.position = null
    this.#pending = undefined
  }

  /** What was read of the rows beyond is forgotten; what is under way is waited for by `turn`. */
  close(): void {
    this.#disconnect()
  }

  get #ship(): Ship {
    const ship = this.#options.state.ships.get(this.resource.name)
    if (!ship) throw new Error(`nothing is known of ${this.resource.tableId}`)
    return ship
  }

  /** Brings what an earlier turn or an earlier life left open to its end, and this epoch to its beginning. */
  async #settle(epoch: number): Promise<void> {
    const known = this.#options.state.ships.get(this.resource.name)
    if (known?.epoch !== epoch) this.#pending = undefined
    if (known && this.#isDoubtful) await this.#resolveDoubt(known)
    this.#isDoubtful = false
    if (this.#options.state.ships.get(this.resource.name)?.epoch !== epoch) {
      if (known?.stream) await this.#closeStream(this.#ship)
      await this.#askTable(epoch)
    }
    if (this.#pending) await this.#send(this.#pending)
  }

  async #sendAll(epoch: number, rows: AsyncGenerator<HistoryRow[]>): Promise<number> {
    const { clock, limits, resource } = this.#options
    const batcher = new Batcher(resource.name, epoch, limits)
    const { time } = tables[resource.name]
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
      for await (const some of rows) {
        const nowIso = isoTime(clock.now())
        count += some.length
        for (const { row, text } of some) {
          const rowTime = row[time]
          if (typeof rowTime === 'string') this.unsentSinceMs ??= Date.parse(rowTime)
          const full = batcher.add(row, text, nowIso)
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
    await this.#tellBad(pending.batch.bad.splice(0))
    while (this.#pending) {
      const { batch } = this.#pending
      if (batch.rows.length === 0) {
        this.#record({ fact: 'skipped', seqTo: batch.seqTo })
        this.#pending = undefined
        break
      }
      if (this.#pending.tries === 0) await this.#options.paced(batch.rows.length)
      await this.#options.holdLease()
      const intent = await this.#intentFor(batch)
      await this.#try(this.#pending, intent)
    }
    this.position = this.#ship.shippedSeq
    this.unsentSinceMs = null
  }

  /** One request, and what its reply means. */
  async #try(pending: Pending, intent: Intent): Promise<void> {
    const { batch } = pending
    pending.tries++
    if (pending.tries > 1) this.#count('retries')
    const reply = await this.#append(intent, batch)
    this.#step('replied')
    const means = appendVerdict(intent, reply, pending.tries)
    switch (means.verdict) {
      case 'landed':
        if (means.wasThere) this.#count('dedupHits')
        return this.#landed(batch)
      case 'without':
        this.#record({ fact: 'not-landed' })
        await this.#takeOut(batch, means.rowErrors)
        return
      case 'finalize':
        if (reply.kind !== 'accepted' && reply.code === codes.outOfRange) this.#count('outOfRange')
        await this.#resolveDoubt(this.#ship)
        // A request that is refused for what it is would be refused at once again.
        if (this.#pending) throw trouble(means.reason, this.resource.tableId)
        return
      case 'again':
        if (means.isQuota) this.#options.onQuota()
        throw trouble(means.reason, this.resource.tableId)
    }
  }

  #landed(batch: Batch): void {
    this.#record({ fact: 'landed' })
    this.#count('sent', batch.rows.length)
    this.#pending = undefined
  }

  async #takeOut(batch: Batch, rowErrors: readonly { index: number; message: string }[]) {
    const indexes = new Set(rowErrors.map(({ index }) => index))
    const bad = rowErrors.flatMap(({ index, message }): BadRow[] => {
      const row = batch.rows[index]
      return row
        ? [{ seq: row.seq, text: row.text, code: 'INVALID_ARGUMENT', reason: message }]
        : []
    })
    if (bad.length === 0) throw trouble('rows were refused that were not sent', batch)
    await this.#tellBad(bad)
    this.#pending = { batch: without(batch, indexes), tries: 0 }
  }

  /** The stream's end tells whether the batch is in it; what is not goes into a new one. */
  async #resolveDoubt(ship: Ship): Promise<void> {
    this.#isDoubtful = true
    await this.#closeStream(ship)
    this.#isDoubtful = false
    const { shippedSeq } = this.#ship
    const batch = this.#pending?.batch
    if (!batch) return
    if (shippedSeq < batch.seqFrom) {
      this.#pending = { batch, tries: 0 }
      return
    }
    this.#pending = undefined
    // The table holds a part of it, by a way that is not in the file: what is behind that is read again.
    if (shippedSeq < batch.seqTo) throw trouble('the table is ahead', this.resource.tableId)
    this.#count('dedupHits')
    this.#count('sent', batch.rows.length)
  }

  async #append({ offset }: Intent, batch: Batch): Promise<AppendReply> {
    const { target, clock, replyMs, resource } = this.#options
    const stream = this.#ship.stream?.name ?? ''
    if (!this.#connection || this.#connection.isOver) {
      const { writer } = target
      const descriptor = descriptorOf(resource.name)
      await writer.initialize()
      this.#connection = new AppendConnection({ writer, clock, stream, descriptor, replyMs })
    }
    const reply = this.#connection.append(
      offset,
      batch.rows.map(({ bytes }) => bytes),
    )
    this.#step('sending')
    return reply
  }

  /** The open intent of this batch, or a new one at the end of the stream. */
  async #intentFor(batch: Batch): Promise<Intent> {
    const { intent } = this.#ship
    if (intent) return intent
    const { next } = await this.#stream()
    const { rows, seqFrom, seqTo } = batch
    const made = { offset: next, rows: rows.length, seqFrom, seqTo }
    this.#record({ fact: 'intent', ...made })
    return made
  }

  async #stream(): Promise<{ next: number }> {
    const { clock, target, streamMs } = this.#options
    const { stream } = this.#ship
    if (stream && clock.now() - stream.createdMs < streamMs) return stream
    if (stream) await this.#closeStream(this.#ship)
    const name = await target.createStream(this.resource.tableId)
    this.#step('created')
    this.#record({ fact: 'stream', name, createdMs: clock.now() })
    this.#count('streams')
    return { next: 0 }
  }

  /** Finalized, the stream says what landed; gone, the table does. */
  async #closeStream(ship: Ship): Promise<void> {
    this.#disconnect()
    const { stream } = ship
    if (!stream) return
    const { target } = this.#options
    const reply = await target.finalize(stream.name)
    this.#step('finalized')
    const facts =
      reply.kind === 'finalized'
        ? afterFinalize(ship, reply.rowCount)
        : await this.#afterStreamGone(ship)
    if (facts === 'ask the table') return this.#askTable(ship.epoch)
    this.#recordAll(facts)
  }

  async #afterStreamGone(ship: Ship): Promise<Fact[] | Alarm> {
    const { epoch, intent } = ship
    if (!intent) return [{ fact: 'closed' }]
    const { seqFrom, seqTo } = intent
    const answer = await this.#options.target.ask(this.resource.tableId, { epoch, seqFrom, seqTo })
    return afterStreamGone(ship, answer)
  }

  async #askTable(epoch: number): Promise<void> {
    const all = { epoch, seqFrom: 0, seqTo: Number.MAX_SAFE_INTEGER }
    const answer = await this.#options.target.ask(this.resource.tableId, all)
    this.#recordAll(afterAskingTable(epoch, answer))
    this.position = this.#ship.shippedSeq
  }

  async #tellBad(rows: readonly BadRow[]): Promise<void> {
    for (const bad of rows) {
      const position = `${this.resource.tableId}/${this.#ship.epoch}@${bad.seq}`
      await this.#options.onBadRow({ ...bad, position })
      this.#count('errors')
    }
  }

  /** Rows that were shipped are gone from history: their numbers are given out again, to others. */
  #checkHistory(toSeq: number): void {
    if (toSeq >= this.#ship.shippedSeq) return
    throw new ProtocolAlarm(
      `history ends at _seq ${toSeq}, and rows up to ${this.#ship.shippedSeq} were shipped`,
      {
        where: this.resource.tableId,
        hint: 'its file lost its end; `slipway rebuild` gives it a new epoch, which is shipped anew',
      },
    )
  }

  #recordAll(facts: Fact[] | Alarm): void {
    if ('alarm' in facts) {
      throw new ProtocolAlarm(facts.alarm, {
        where: this.resource.tableId,
        hint: '`slipway bridge verify` names what differs',
      })
    }
    for (const fact of facts) this.#record(fact)
  }

  #record(fact: Fact): void {
    this.#options.state.record(this.resource.name, fact)
    this.#step(fact.fact)
  }

  #count(what: keyof ShipperCounts, by = 1): void {
    this.counts[what] += by
    this.#options.count(this.resource.tableId, what, by)
  }

  #step(step: Step): void {
    this.#options.onStep?.(step)
  }

  #disconnect(): void {
    this.#connection?.close()
    this.#connection = undefined
  }
}

function trouble(what: string, where: unknown): OperatingError {
  return new OperatingError(what, {
    where: typeof where === 'string' ? where : 'rows',
    retriable: true,
  })
}
