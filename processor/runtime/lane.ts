// One stage as a member of its consumer group: a state for each partition that is assigned, restored from the changelog,
// fed by batches, cut and flushed. At the end of a partition a cut falls when the flush interval has passed; before that,
// where its task says.

import type { Clock, Timer } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import { isoTime, secondMs } from '#stack/base/units.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { KafkaConsumer } from '#stack/kafka-client/consumer.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import type { Position, RecordBatch, TopicPartition } from '#stack/kafka-client/records.ts'
import type { Stage } from '../stage.ts'
import { Restored } from '../state/changelog.ts'
import { Task } from '../task.ts'
import type { DecidedCut } from '../task.ts'
import type { StageDefinition } from '../topology.ts'
import { Flusher } from './flusher.ts'
import type { Flushed } from './flusher.ts'

export interface LaneOptions<S extends Stage> {
  definition: StageDefinition
  kafka: KafkaPort
  producer: KafkaProducer
  clock: Clock
  /** The shop's clock. */
  now(): number
  logger: Logger
  flushMs: number
  create(partition: number): S
  /** How far time has come, for a stage that has it from here and not from its records. */
  watermarkMs?(): number | null
  /** Too much waits behind this stage: it reads no further until that is less. */
  isAhead?(): boolean
  /** A partition is no longer read here. */
  release?(partition: number): void
  onFlushed?(flushed: Flushed): void
  /** The lane cannot go on; whoever started it ends the process. */
  onFailure(error: unknown): void
}

/** A partition that this lane reads. */
export interface Reading<S extends Stage> {
  task: Task<S>
  /** Offset before which everything is written. */
  flushedOffset: number
  /** The end of the partition as the broker told last. */
  endOffset: number
}

/** What counts is the position in the changelog: the committed one is for whoever looks at the group's lag. */
const commitEveryMs = secondMs

/** After a kill -9 the group waits so long for the dead member before its partitions are given out again. */
const sessionTimeoutMs = 6000

export class Lane<S extends Stage> {
  readonly #options: LaneOptions<S>
  readonly #readings = new Map<number, Reading<S>>()
  /** Flushed since the last commit, by partition. */
  readonly #uncommitted = new Map<number, Position>()
  #flusher: Flusher
  #consumer: KafkaConsumer | undefined
  #timers: Timer[] = []
  #isReady = false
  #isHeld = false

  constructor(options: LaneOptions<S>) {
    this.#options = options
    this.#flusher = this.#newFlusher()
  }

  get definition(): StageDefinition {
    return this.#options.definition
  }

  get readings(): readonly Reading<S>[] {
    return [...this.#readings.values()]
  }

  /** Its partitions were assigned and restored at least once. */
  get isReady(): boolean {
    return this.#isReady
  }

  async start(): Promise<void> {
    const { definition, kafka, clock, flushMs, onFailure } = this.#options
    this.#consumer = await kafka.consume({
      groupId: definition.groupId,
      topics: [definition.input.name],
      onAssigned: (assigned) => this.#assign(assigned),
      onRevoked: () => this.#revoke(),
      onBatch: (batch) => this.#take(batch),
      onCrash: onFailure,
      sessionTimeoutMs,
    })
    const cut = (): void => {
      this.#holdOrGoOn()
      this.cutAtEnds()
    }
    this.#timers = [
      clock.every(flushMs, cut),
      clock.every(commitEveryMs, () => void this.#commit()),
    ]
  }

  /** Cuts every partition that has been read to its end since its last cut. */
  cutAtEnds(): void {
    for (const { task, endOffset } of this.#readings.values()) {
      if (task.nextOffset > task.cutOffset) this.#cutAtEnd(task, endOffset, false)
    }
  }

  /** Time may have moved: every partition says so. One with more to read does at its next cut, and is not cut for it. */
  handWatermark(): void {
    for (const { task, endOffset } of this.#readings.values()) {
      this.#cutAtEnd(task, endOffset, true)
    }
  }

  #cutAtEnd(task: Task<S>, endOffset: number, handsWatermark: boolean): void {
    if (task.mayBeCut && task.nextOffset >= endOffset) this.#cut(task, handsWatermark)
  }

  /** Writes what is in hand, commits, leaves the group. Far behind it only ends the flush under way: the changelog knows. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    if (this.#isBehind) this.#flusher.stop()
    else this.cutAtEnds()
    await this.#flusher.idle()
    await this.#commit()
    await this.#consumer?.close()
  }

  get #isBehind(): boolean {
    return this.readings.some(({ task, endOffset }) => task.nextOffset < endOffset)
  }

  async #assign(assigned: readonly TopicPartition[]): Promise<Position[]> {
    const { definition, create, logger } = this.#options
    await this.#flusher.idle()
    this.#flusher = this.#newFlusher()
    const changelogs = await this.#readChangelogs(assigned.map(({ partition }) => partition))
    const positions = assigned.map(({ partition }) => {
      const task = new Task(
        partition,
        create(partition),
        changelogs.get(partition) ?? new Restored(),
      )
      const { nextOffset } = task
      this.#readings.set(partition, { task, flushedOffset: nextOffset, endOffset: nextOffset })
      return { topic: definition.input.name, partition, offset: nextOffset }
    })
    for (const { task } of this.#readings.values()) this.#repeat(task, task.nextOffset)
    this.#isReady = true
    const from = positions.map(({ partition, offset }) => `${partition}@${offset}`)
    logger.info('partitions assigned', { stage: definition.name, from: from.join(' ') })
    return positions
  }

  #revoke(): void {
    this.#flusher.stop()
    for (const partition of this.#readings.keys()) this.#options.release?.(partition)
    this.#readings.clear()
    this.#uncommitted.clear()
  }

  async #readChangelogs(partitions: readonly number[]): Promise<Map<number, Restored>> {
    const { kafka, definition } = this.#options
    const topic = definition.changelog.name
    const changelogs = new Map(partitions.map((partition) => [partition, new Restored()]))
    await kafka.readPartitions({
      from: partitions.map((partition) => ({ topic, partition, offset: 0 })),
      onBatch({ partition, records }) {
        for (const { key, value } of records) changelogs.get(partition)?.add(key, value)
      },
    })
    return changelogs
  }

  async #take(batch: RecordBatch): Promise<void> {
    await this.#flusher.room()
    const reading = this.#readings.get(batch.partition)
    if (!reading) return
    const { task } = reading
    for (const record of batch.records) {
      if (task.isRepeating) this.#repeat(task, record.offset)
      task.take(record)
      while (task.isCutDue) this.#cut(task, true)
    }
    task.nextOffset = batch.nextOffset
    reading.endOffset = batch.highWatermark
    this.#repeat(task, task.nextOffset)
    this.#holdOrGoOn()
  }

  /** Said again as long as it holds, since a new round of the consumer has paused nothing. */
  #holdOrGoOn(): void {
    const isHeld = this.#options.isAhead?.() ?? false
    if (!isHeld && !this.#isHeld) return
    this.#isHeld = isHeld
    for (const partition of this.#readings.keys()) {
      const at = { topic: this.definition.input.name, partition }
      if (isHeld) this.#consumer?.pause(at)
      else this.#consumer?.resume(at)
    }
  }

  #cut(task: Task<S>, handsWatermark: boolean): void {
    const watermarkMs = this.#options.watermarkMs?.() ?? null
    this.#submit(task.partition, task.cut({ watermarkMs, handsWatermark, processedAt: this.#now }))
  }

  #repeat(task: Task<S>, offset: number): void {
    for (const cut of task.repeat(offset, this.#now)) this.#submit(task.partition, cut)
  }

  #submit(partition: number, decided: DecidedCut): void {
    if (decided.cut.changelog.length > 0) this.#flusher.submit(partition, decided)
  }

  get #now(): string {
    return isoTime(this.#options.now())
  }

  /** One that meets a rebalance is news, and no failure. */
  async #commit(): Promise<void> {
    const positions = [...this.#uncommitted.values()]
    this.#uncommitted.clear()
    if (positions.length === 0) return
    try {
      await this.#consumer?.commit(positions)
    } catch (error) {
      const { logger, definition } = this.#options
      logger.info('a commit was refused', { stage: definition.name, error: messageOf(error) })
    }
  }

  #newFlusher(): Flusher {
    const { producer, definition, clock, onFlushed, onFailure } = this.#options
    return new Flusher({
      producer,
      clock,
      input: definition.input.name,
      changelog: definition.changelog.name,
      onFlushed: (flushed) => {
        for (const position of flushed.positions) {
          const reading = this.#readings.get(position.partition)
          if (reading) reading.flushedOffset = position.offset
          this.#uncommitted.set(position.partition, position)
        }
        onFlushed?.(flushed)
      },
      onFailure,
    })
  }
}
