// History as a running thing: the current file, what feeds it, and what its readers ask. A rebuild reads everything
// again into a file beside the current one, with a new epoch, and changes over when it has come as far.

import { randomUUID } from 'node:crypto'
import type { Clock, DomainClock } from '#stack/base/clock.ts'
import type { Logger } from '#stack/base/logger.ts'
import type { Metrics } from '#stack/base/metrics.ts'
import { secondMs } from '#stack/base/units.ts'
import { topics } from '#stack/contract/topics.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import type { KafkaConsumer } from '#stack/kafka-client/consumer.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import { historyTopics } from './batch.ts'
import type { DatabaseLimits } from './database.ts'
import { HistoryDirectory, isDamage, openHistory } from './history-file.ts'
import type { History } from './history-file.ts'
import { newestOfSlowestMs } from './input-ledger.ts'
import { Intake } from './intake.ts'
import type { Settings } from '#stack/contract/settings.ts'

export interface ServiceOptions {
  dataDir: string
  kafka: KafkaPort
  settings: Settings
  limits: DatabaseLimits
  clock: Clock
  domainClock: DomainClock
  logger: Logger
  metrics: Metrics
  onFatal(error: unknown): void
}

export type RebuildState =
  | { state: 'idle' }
  | { state: 'running'; done: number; total: number; epoch: number }
  | { state: 'failed'; error: string }

/** Partitions may be added to a topic while it is read. */
const lookForPartitionsMs = 30 * secondMs

export class HistoryService {
  readonly #options: ServiceOptions
  readonly #directory: HistoryDirectory
  readonly admin: KafkaAdmin
  /** At this start the file was damaged or of another version, and everything is read once more. */
  isReadAgain = false
  #history: History
  #intake: Intake | undefined
  #consumer: KafkaConsumer | undefined
  #rebuild: RebuildState = { state: 'idle' }
  #watermarkMs: number | null = null
  #watch: { cancel(): void } | undefined
  #partitionCount = 0

  private constructor(
    options: ServiceOptions,
    opened: { directory: HistoryDirectory; history: History; admin: KafkaAdmin },
  ) {
    this.#options = options
    this.#directory = opened.directory
    this.#history = opened.history
    this.admin = opened.admin
  }

  static async open(options: ServiceOptions): Promise<HistoryService> {
    const { dataDir, kafka, logger, clock, settings, limits } = options
    const directory = new HistoryDirectory(dataDir, { logger, nowMs: () => clock.now() })
    const opened = await directory.open({ settings, limits })
    const admin = await kafka.admin()
    const service = new HistoryService(options, { directory, history: opened, admin })
    service.isReadAgain = opened.isReadAgain
    await service.#startReading()
    service.#watch = clock.every(lookForPartitionsMs, () => service.#lookForPartitions())
    return service
  }

  get history(): History {
    return this.#history
  }

  get rebuild(): RebuildState {
    return this.#rebuild
  }

  /** T2 as far as history has read; in silence at the end of everything it follows the shop's clock. */
  watermarkMs(): number | null {
    const { settings, domainClock } = this.#options
    const newestMs = newestOfSlowestMs(this.#history.state.outcomes)
    if (newestMs === null) return null
    const isIdle = (this.#intake?.quietMs() ?? 0) >= settings.idleTimeoutMs
    const nowMs = isIdle ? Math.max(newestMs, domainClock.now()) : newestMs
    this.#watermarkMs = Math.max(this.#watermarkMs ?? 0, nowMs - settings.watermarkDelayMs)
    return this.#watermarkMs
  }

  /** What was read is written now, unless more is on its way. */
  async flushAtEnd(): Promise<void> {
    await this.#intake?.flushAtEnd()
  }

  /** How far a partition was handed over, written or not. */
  fetched(at: { topic: string; partition: number }): number | undefined {
    return this.#consumer?.position(at)
  }

  /** Ends the process; a file that is broken is not opened again. */
  fail(error: unknown): void {
    if (isDamage(error)) this.#directory.condemn()
    this.#options.onFatal(error)
  }

  /** Starts to read everything again. The present history answers until the new one has come as far. */
  startRebuild(): RebuildState {
    if (this.#rebuild.state === 'running') return this.#rebuild
    const target = this.#directory.next()
    this.#rebuild = { state: 'running', done: 0, total: 0, epoch: target.epoch }
    this.#runRebuild(target).catch((error: unknown) => {
      this.#options.logger.error('the rebuild failed', { error })
      const text = error instanceof Error ? error.message : String(error)
      this.#rebuild = { state: 'failed', error: text }
    })
    return this.#rebuild
  }

  async close(): Promise<void> {
    this.#watch?.cancel()
    await this.#stopReading()
    await this.admin.close()
    await this.#history.close()
  }

  async #startReading(): Promise<void> {
    const { kafka, clock, logger, metrics } = this.#options
    const history = this.#history
    await this.#noteStarts(history)
    const intake = new Intake({
      history,
      clock,
      logger,
      metrics,
      onFatal: (error) => this.fail(error),
    })
    this.#intake = intake
    const from = await this.#positionsOf(history)
    this.#partitionCount = from.length
    // The directory's lock makes this the only reader, and the file knows the positions: with a group of its own a
    // process does not wait until the broker has given up the one that was killed before it.
    this.#consumer = await kafka.consume({
      groupId: `slipway-history-${randomUUID()}`,
      topics: historyTopics,
      assign: from,
      maxWaitMs: 250,
      onAssigned: async () =>
        from.map((at) => history.state.positions.get(partitionName(at)) ?? at),
      onBatch: (batch) => intake.take(batch),
      onCrash: this.#options.onFatal,
    })
  }

  async #stopReading(): Promise<void> {
    await this.#consumer?.close()
    this.#consumer = undefined
    await this.#intake?.close()
    this.#intake = undefined
  }

  /** Input records that the broker no longer has will have no outcome. */
  async #noteStarts(history: History): Promise<void> {
    const starts = await this.admin.startOffsets(topics.events.name)
    starts.forEach((offset, partition) => history.state.ledger.startAt(partition, offset))
  }

  async #runRebuild(target: ReturnType<HistoryDirectory['next']>): Promise<void> {
    const { settings, limits, logger } = this.#options
    const path = this.#directory.pathOf(target)
    const next = await openHistory(path, target.epoch, { settings, limits })
    try {
      await this.#noteStarts(next)
      await this.#readInto(next)
      await this.#stopReading()
      await this.#readInto(next)
    } catch (error) {
      await next.close()
      this.#directory.remove(path)
      if (this.#consumer === undefined) await this.#startReading()
      throw error
    }
    const before = this.#history
    this.#directory.pointTo(target)
    this.#history = next
    await this.#startReading()
    await before.close()
    this.#directory.remove(before.database.path)
    this.#rebuild = { state: 'idle' }
    logger.info('history was rebuilt', { epoch: target.epoch })
  }

  /** Everything up to the ends that the topics have now. */
  async #readInto(next: History): Promise<void> {
    const { kafka, clock, logger, metrics } = this.#options
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => {})
    const intake = new Intake({ history: next, clock, logger, metrics, onFatal: failed.reject })
    const from = await this.#positionsOf(next)
    const ends = await this.#ends()
    const total = [...ends.values()].reduce((sum, { offset }) => sum + offset, 0)
    let done = from.reduce((sum, { offset }) => sum + offset, 0)
    const reading = kafka.readPartitions({
      from,
      onBatch: async (batch) => {
        await intake.take(batch)
        done += batch.records.length
        this.#rebuild = { state: 'running', done, total, epoch: next.epoch }
      },
    })
    await Promise.race([reading, failed.promise])
    await Promise.race([intake.close(), failed.promise])
  }

  async #positionsOf(history: History): Promise<Position[]> {
    const ends = await this.#ends()
    return [...ends].map(([name, { topic, partition }]) => ({
      topic,
      partition,
      offset: history.state.positions.get(name)?.offset ?? 0,
    }))
  }

  async #ends(): Promise<Map<string, Position>> {
    const ends = new Map<string, Position>()
    for (const topic of historyTopics) {
      const offsets = await this.admin.endOffsets(topic)
      offsets.forEach((offset, partition) =>
        ends.set(partitionName({ topic, partition }), { topic, partition, offset }),
      )
    }
    return ends
  }

  #lookForPartitions(): void {
    const look = async () => {
      const { size } = await this.#ends()
      if (size === this.#partitionCount || this.#rebuild.state === 'running') return
      this.#options.logger.info('topics have more partitions now', { partitions: size })
      await this.#stopReading()
      await this.#startReading()
    }
    look().catch((error: unknown) => {
      this.#options.logger.debug('the partitions could not be counted', { error })
    })
  }
}
