// From record batches to transactions: records are gathered into a batch while the one before it is written, and the
// batch is written when no more of them come, or when it is old or large enough: a transaction costs much more than a
// record. At most two batches are in memory; whoever brings more waits.

import type { Clock } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import type { Metrics } from '#stack/base/metrics.ts'
import { MiB, secondMs } from '#stack/base/units.ts'
import type { RecordBatch } from '#stack/kafka-client/records.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import { Batch } from './batch.ts'
import type { History } from './history-file.ts'
import type { BrokenRecord } from './writer.ts'

export interface IntakeOptions {
  history: History
  clock: Clock
  logger: Logger
  metrics: Metrics
  /** The history can take no more: memory and file may differ now. */
  onFatal(error: unknown): void
}

/** Group commit: a batch is written when nothing was added for so long, */
const batchPauseMs = 500
/** at this age, */
const batchAgeMsMax = 4 * secondMs
/** or at this size. */
const batchRowsMax = 20_000
const batchBytesMax = 12 * MiB
/** A WAL this long is folded in when nothing else is to do. */
const quietWalBytes = 8 * MiB
const quietMs = 5 * secondMs

export class Intake {
  readonly #options: IntakeOptions
  readonly #timer: { cancel(): void }
  readonly #lag = new Map<string, number>()
  #pending = new Batch()
  #pendingSinceMs = 0
  #lastTakenMs = 0
  #lastRecordMs: number
  #writing: Promise<void> | undefined
  #isClosed = false
  readonly #rows
  readonly #commitMs
  readonly #broken

  constructor(options: IntakeOptions) {
    this.#options = options
    const { clock, metrics } = options
    this.#lastRecordMs = clock.monotonicMs()
    this.#rows = metrics.counter('slipway_history_records_total', 'records written')
    this.#broken = metrics.counter(
      'slipway_history_broken_records_total',
      'records that are no JSON',
    )
    this.#commitMs = metrics.histogram(
      'slipway_history_commit_ms',
      'time of one transaction',
      [5, 10, 25, 50, 100, 250, 500, 1000, 2500],
    )
    this.#timer = clock.every(batchPauseMs / 10, () => this.#tick())
  }

  /** Resolves when there is room for more. */
  async take(records: RecordBatch): Promise<void> {
    const { topic, partition, nextOffset, highWatermark } = records
    this.#lag.set(partitionName(records), highWatermark - nextOffset)
    const nowMs = this.#options.clock.monotonicMs()
    this.#lastTakenMs = nowMs
    if (this.#pending.isEmpty()) this.#pendingSinceMs = nowMs
    if (records.records.length > 0) this.#lastRecordMs = nowMs
    for (const record of records.records) this.#pending.add(topic, partition, record)
    this.#pending.advance({ topic, partition }, nextOffset)
    const { rows, bytes } = this.#pending
    if (rows >= batchRowsMax || bytes >= batchBytesMax) await this.flush()
  }

  /** Resolves when everything taken so far is written. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing
    if (this.#pending.isEmpty() || this.#isClosed) return
    const batch = this.#pending
    this.#pending = new Batch()
    const writing = this.#write(batch).finally(() => {
      this.#writing = undefined
    })
    this.#writing = writing
    await writing
  }

  /** What is in hand does not wait for more, unless more is on its way. Resolves when it is written. */
  async flushAtEnd(): Promise<void> {
    if (!this.#isBehind) await this.flush()
  }

  /** Read to the end everywhere, and nothing came for so long. */
  quietMs(): number {
    const isBusy = this.#isBehind || !this.#pending.isEmpty() || this.#writing !== undefined
    return isBusy ? 0 : this.#options.clock.monotonicMs() - this.#lastRecordMs
  }

  get #isBehind(): boolean {
    return [...this.#lag.values()].some((records) => records > 0)
  }

  async close(): Promise<void> {
    this.#timer.cancel()
    await this.flush()
    this.#isClosed = true
  }

  #tick(): void {
    const { clock, history } = this.#options
    if (this.#writing) return
    const nowMs = clock.monotonicMs()
    const isDue =
      nowMs - this.#lastTakenMs >= batchPauseMs || nowMs - this.#pendingSinceMs >= batchAgeMsMax
    if (isDue && !this.#pending.isEmpty()) {
      void this.flush()
    } else if (this.quietMs() > quietMs && history.database.walBytes() > quietWalBytes) {
      this.#writing = this.#guard(history.database.checkpoint()).finally(() => {
        this.#writing = undefined
      })
    }
  }

  #write(batch: Batch): Promise<void> {
    const { clock, history } = this.#options
    const startMs = clock.monotonicMs()
    const work = async () => {
      this.#report(await history.commit(batch))
      this.#rows.add(batch.rows)
      this.#commitMs.observe(clock.monotonicMs() - startMs)
      if (history.database.isWalLong()) await history.database.checkpoint()
    }
    return this.#guard(work())
  }

  #report(broken: readonly BrokenRecord[]): void {
    for (const { at, error } of broken) {
      this.#broken.add()
      this.#options.logger.warn('a record that is no JSON is left out', {
        ...at,
        error: messageOf(error),
      })
    }
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#isClosed = true
      this.#options.onFatal(error)
    }
  }
}
