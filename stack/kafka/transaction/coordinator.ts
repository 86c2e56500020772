// The coordinator of transactions (broker.md 3.4). Requests of one transactional id are taken one after another, so
// nobody is ever told CONCURRENT_TRANSACTIONS for a transaction that is about to end. What is decided is durable before
// it is done:
//
//   Prepare in the journal ► a marker in every partition ► offsets and Complete in the journal, in one write
//
// A start that finds Prepare without Complete goes on from there; a marker that was there already ends nothing twice.
// A partition with an open transaction of which nothing is known here (a lost journal) is given an abort marker.

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf, OperatingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { dayMs, minuteMs, secondMs } from '../../base/units.ts'
import type { StoredOffset } from '../group/stored-group.ts'
import type { Journal } from '../journal/journal.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { PendingOffsets } from './pending-offsets.ts'
import type { PendingEntry } from './pending-offsets.ts'
import {
  add,
  complete,
  contains,
  end,
  fence,
  init,
  isEnding,
  mayInit,
  needsNewProducerId,
  newTransaction,
  noProducer,
  verify,
} from './transaction.ts'
import type { Additions, InitRequest, Producer, Step, Transaction } from './transaction.ts'

export interface TransactionOptions {
  clock: Clock
  logger: Logger
  journal: Journal
  /** Grows with each start: markers of an earlier coordinator are refused. */
  coordinatorEpoch: number
  allocateProducerId(): Promise<number>
  logOf(topic: string, partition: number): PartitionLog | undefined
  /** Offsets of a commit; called in the turn in which the commit itself is stored. */
  commitOffsets(group: string, offsets: readonly StoredOffset[]): Promise<void>
  timeoutMsMax?: number
  expiryMs?: number
}

/** Of a request that names a transactional id and its producer. */
export interface ProducerRef extends Producer {
  transactionalId: string
}

interface DeletedEntry {
  kind: 'transaction-deleted'
  id: string
}

type Entry = Transaction | PendingEntry | DeletedEntry

const defaults = { timeoutMsMax: 15 * minuteMs, expiryMs: 7 * dayMs }
const retryMs = secondMs

export class TransactionCoordinator {
  readonly #options: Required<TransactionOptions>
  readonly #transactions = new Map<string, Transaction>()
  readonly #pending = new PendingOffsets()
  /** The last request of each id that is under way. */
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Of open transactions: their time-out. */
  readonly #timers = new Map<string, Timer>()
  #isOpen = false

  constructor(options: TransactionOptions) {
    this.#options = { ...defaults, ...options }
    options.journal.own<Entry>({
      kinds: ['transaction', 'transaction-offsets', 'transaction-deleted'],
      apply: (entry) => this.#apply(entry),
      dump: () => this.#dump(),
    })
  }

  /** After the journal's recovery, with all logs open: ends what was decided, and what nobody knows of. */
  start(logs: Iterable<{ topic: string; partition: number; log: PartitionLog }>): void {
    this.#isOpen = true
    this.#abortUnknown(logs)
    for (const transaction of this.#transactions.values()) {
      this.#watch(transaction)
      if (isEnding(transaction))
        void this.#inTurn(transaction.id, () => this.#finish(transaction.id))
    }
  }

  async close(): Promise<void> {
    this.#isOpen = false
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    await Promise.allSettled(this.#turns.values())
  }

  /** A producer that begins, or goes on after an error: fences every other one of its id. */
  init(id: string, request: Omit<InitRequest, 'nowMs'>): Promise<Producer & { errorCode: number }> {
    const refused = (errorCode: number) => ({ ...noProducer, errorCode })
    const { timeoutMs } = request
    if (timeoutMs <= 0 || timeoutMs > this.#options.timeoutMsMax)
      return Promise.resolve(refused(errorCodes.INVALID_TRANSACTION_TIMEOUT))
    return this.#inTurn(id, async () => {
      const asked = { ...request, nowMs: this.#options.clock.now() }
      let known = this.#transactions.get(id)
      known ??= newTransaction(id, await this.#options.allocateProducerId(), asked.nowMs)
      if (!mayInit(known, asked)) return refused(errorCodes.PRODUCER_FENCED)
      known = await this.#withoutTransaction(known)
      if (isEnding(known)) return refused(errorCodes.CONCURRENT_TRANSACTIONS)
      const newId = needsNewProducerId(known, asked) ? await this.#options.allocateProducerId() : -1
      const step = init(known, asked, newId)
      const errorCode = await this.#take(step)
      if (errorCode !== errorCodes.NONE || !('next' in step)) return refused(errorCode)
      const { producerId, producerEpoch } = step.next
      return { producerId, producerEpoch, errorCode }
    }).catch(() => refused(errorCodes.COORDINATOR_NOT_AVAILABLE))
  }

  add({ transactionalId, ...producer }: ProducerRef, additions: Additions): Promise<number> {
    return this.#inTurn(transactionalId, () => {
      const known = this.#transactions.get(transactionalId)
      return this.#take(add(known, producer, additions, this.#options.clock.now()))
    })
  }

  /** Answers when every marker is there and the offsets hold. */
  end({ transactionalId, ...producer }: ProducerRef, commits: boolean): Promise<number> {
    return this.#inTurn(transactionalId, async () => {
      const known = this.#transactions.get(transactionalId)
      const step = end(known, producer, commits, this.#options.clock.now())
      const errorCode = await this.#take(step)
      // Decided is decided: where markers cannot be written now, they will be.
      if ('next' in step && errorCode === errorCodes.NONE) await this.#finish(transactionalId)
      return errorCode
    })
  }

  /** Durable, and visible with the commit. */
  addOffsets(id: string, group: string, offsets: readonly StoredOffset[]): Promise<number> {
    return this.#inTurn(id, () => this.#store({ kind: 'transaction-offsets', id, group, offsets }))
  }

  verifyPartition(
    { transactionalId, ...producer }: ProducerRef,
    partition: { topic: string; partition: number },
  ): number {
    const known = this.#transactions.get(transactionalId)
    return verify(known, producer, (open) => contains(open, partition))
  }

  verifyGroup({ transactionalId, ...producer }: ProducerRef, group: string): number {
    const known = this.#transactions.get(transactionalId)
    return verify(known, producer, (open) => open.groups.includes(group))
  }

  hasPendingOffset(group: string, topic: string, partition: number): boolean {
    return this.#pending.has(group, topic, partition)
  }

  list(): Readonly<Transaction>[] {
    return [...this.#transactions.values()]
  }

  describe(id: string): Readonly<Transaction> | undefined {
    return this.#transactions.get(id)
  }

  /** Lets go of ids that nobody has used for long. */
  expire(nowMs: number): void {
    for (const { id, state, changedMs } of this.#transactions.values()) {
      const isIdle = state !== 'Ongoing' && !state.startsWith('Prepare')
      if (!isIdle || this.#turns.has(id) || nowMs - changedMs < this.#options.expiryMs) continue
      void this.#inTurn(id, () => this.#store({ kind: 'transaction-deleted', id }))
    }
  }

  // --- one after another ---

  #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const done = turn
      .catch(() => {})
      .finally(() => {
        if (this.#turns.get(id) === done) this.#turns.delete(id)
      })
    this.#turns.set(id, done)
    return turn
  }

  async #take(step: Step): Promise<number> {
    return 'next' in step ? this.#store(step.next) : step.errorCode
  }

  async #store(entry: Entry): Promise<number> {
    if (!this.#isOpen) return errorCodes.COORDINATOR_NOT_AVAILABLE
    try {
      await this.#options.journal.append(entry)
      return errorCodes.NONE
    } catch {
      return errorCodes.COORDINATOR_NOT_AVAILABLE
    }
  }

  /** The state behind an open transaction, which is aborted. */
  async #withoutTransaction(known: Transaction): Promise<Transaction> {
    if (known.state === 'Ongoing') {
      await this.#take({ next: fence(known, this.#options.clock.now()) })
      await this.#finish(known.id)
    } else if (isEnding(known)) await this.#finish(known.id)
    return this.#transactions.get(known.id) ?? known
  }

  /** From Prepare to Complete. */
  async #finish(id: string): Promise<void> {
    const known = this.#transactions.get(id)
    if (!known || !isEnding(known)) return
    try {
      await this.#writeMarkers(known)
      const stored = known.state === 'PrepareCommit' ? this.#commitOffsets(id) : []
      const next = complete(known, this.#options.clock.now())
      await Promise.all([...stored, this.#options.journal.append(next)])
    } catch (error) {
      if (!this.#isOpen) return
      this.#options.logger.warn('a transaction could not be ended yet and will be tried again', {
        transactionalId: id,
        why: messageOf(error),
      })
      const again = () => void this.#inTurn(id, () => this.#finish(id))
      this.#setTimer(id, this.#options.clock.after(retryMs, again))
    }
  }

  async #writeMarkers(known: Transaction): Promise<void> {
    const { coordinatorEpoch, logOf } = this.#options
    const { producerId, producerEpoch, state } = known
    const marker = { commits: state === 'PrepareCommit', coordinatorEpoch }
    const written = known.partitions.flatMap(({ topic, partition }) => {
      const log = logOf(topic, partition)
      if (!log) return []
      const { result, durable } = log.appendMarker(producerId, producerEpoch, marker)
      if (result.errorCode === errorCodes.KAFKA_STORAGE_ERROR)
        throw new OperatingError(`${log.name} is offline`)
      return [durable]
    })
    await Promise.all(written)
  }

  /** Queued now, so that they and what is stored next are one write. */
  #commitOffsets(id: string): Promise<void>[] {
    const { commitOffsets, logOf } = this.#options
    return this.#pending.of(id).map(({ group, offsets }) => {
      const ofLiving = offsets.filter(({ topic, partition }) => logOf(topic, partition))
      return commitOffsets(group, ofLiving)
    })
  }

  #abortUnknown(logs: Iterable<{ topic: string; partition: number; log: PartitionLog }>): void {
    const known = new Map(this.list().map((each) => [each.producerId, each]))
    const { coordinatorEpoch, logger } = this.#options
    for (const { topic, partition, log } of logs) {
      for (const { producerId, epoch, openFrom } of log.producers) {
        if (openFrom === undefined) continue
        const transaction = known.get(producerId)
        if (transaction && contains(transaction, { topic, partition })) continue
        logger.warn('an open transaction that nobody knows of is aborted', {
          partition: log.name,
          producerId,
          offset: openFrom,
        })
        const { durable } = log.appendMarker(producerId, epoch, {
          commits: false,
          coordinatorEpoch,
        })
        durable.catch(() => {})
      }
    }
  }

  // --- time ---

  #watch(transaction: Transaction): void {
    const { id, state, startedMs, timeoutMs } = transaction
    if (state !== 'Ongoing' || !this.#isOpen) return
    const { clock } = this.#options
    const leftMs = Math.max(0, startedMs + timeoutMs - clock.now())
    const look = () => void this.#inTurn(id, () => this.#timeOut(id, startedMs))
    this.#setTimer(id, clock.after(leftMs, look))
  }

  #setTimer(id: string, timer: Timer): void {
    this.#timers.get(id)?.cancel()
    this.#timers.set(id, timer)
  }

  async #timeOut(id: string, startedMs: number): Promise<void> {
    const known = this.#transactions.get(id)
    if (known?.state !== 'Ongoing' || known.startedMs !== startedMs) return
    this.#options.logger.info('a transaction took too long and is aborted', {
      transactionalId: id,
      timeoutMs: known.timeoutMs,
    })
    await this.#withoutTransaction(known)
  }

  // --- the journal's side ---

  #apply(entry: Entry): void {
    if (entry.kind === 'transaction-offsets') return this.#pending.add(entry)
    const before = this.#transactions.get(entry.id)
    if (entry.kind === 'transaction-deleted') this.#transactions.delete(entry.id)
    else this.#transactions.set(entry.id, entry)
    const isOpen = entry.kind === 'transaction' && (entry.state === 'Ongoing' || isEnding(entry))
    if (!isOpen) this.#pending.delete(entry.id)
    if (!isOpen || entry.state !== 'Ongoing') {
      this.#timers.get(entry.id)?.cancel()
      this.#timers.delete(entry.id)
    } else if (before?.startedMs !== entry.startedMs) this.#watch(entry)
  }

  *#dump(): Generator<Entry> {
    yield* this.#transactions.values()
    yield* this.#pending.entries()
  }
}
