// Reading, as a member of a group. The reader keeps positions of its own: `onAssigned` says where each partition is
// to start (from a database, a changelog), records below are skipped, and what was handled is committed only when
// the caller says so. While a batch is handled, however long, the member keeps sending heartbeats.
//
// One round follows another: join, learn the positions, hand over batches until the group is shared out anew, the
// broker forgets the member, or the caller fails; then give up and join again.

import type { Clock } from '../base/clock.ts'
import { messageOf, OperatingError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { KiB } from '../base/units.ts'
import { Cluster } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'
import { Fetcher } from './fetcher.ts'
import { fixedMember, GroupMember } from './membership.ts'
import type { Membership } from './membership.ts'
import { firstOffsets, startOffset } from './offsets.ts'
import type { Position, RecordBatch, TopicPartition } from './records.ts'
import { partitionName } from './records.ts'

export interface ConsumeOptions {
  groupId: string
  topics: readonly string[]
  /** Where a partition without a position of its own and without a commit starts. Default: at the beginning. */
  from?: 'beginning' | 'end'
  /** Exactly these partitions for this one member, whatever the group would say (live views, restores). */
  assign?: readonly TopicPartition[]
  /**
   * Called after each rebalance, before any record of it. Positions that it returns win over committed ones.
   * Handling waits for it, heartbeats go on.
   */
  onAssigned?(assigned: readonly TopicPartition[]): Promise<readonly StartPosition[] | void>
  /** Called when a round is over, with what was owned until now; the batch in hand is finished before. */
  onRevoked?(revoked: readonly TopicPartition[]): Promise<void> | void
  /** One batch of one partition at a time; batches of different partitions follow one another. */
  onBatch(batch: RecordBatch): Promise<void>
  /** The consumer ended for a reason that no other try mends. */
  onCrash(error: Error): void
  /** Records of an earlier time may be left out, as far as that is seen without decoding them. */
  sinceMs?(at: TopicPartition): number
  maxBytesPerPartition?: number
  /** How long the broker may hold a fetch that finds nothing. */
  maxWaitMs?: number
  sessionTimeoutMs?: number
}

export interface StartPosition extends Position {
  /** Nothing is asked of it until it is resumed. */
  isPaused?: boolean
}

export interface KafkaConsumer {
  commit(positions: readonly Position[]): Promise<void>
  /** The offset after the last handled one; undefined before the first batch of a round. */
  position(at: TopicPartition): number | undefined
  /** Nothing more of it is asked for, until its next round at most; what was received is still handed over. */
  pause(at: TopicPartition): void
  resume(at: TopicPartition): void
  /** Reading goes on there. What was received of the partition and not handed over is dropped. */
  seek(to: Position): void
  /** The batch in hand is finished first. */
  close(): Promise<void>
}

export interface ConsumerSurroundings extends ClusterOptions {
  logger: Logger
  clock: Clock
}

const retryMostMs = 1000
const retryLeastMs = 50
const leaveMs = 1000

/** Resolves when the first round has begun. */
export async function startConsumer(
  options: ConsumeOptions,
  surroundings: ConsumerSurroundings,
): Promise<KafkaConsumer> {
  const consumer = new Consumer(options, surroundings)
  await consumer.joined
  return consumer
}

class Consumer implements KafkaConsumer {
  readonly joined: Promise<void>
  readonly #options: ConsumeOptions
  readonly #surroundings: ConsumerSurroundings
  /** For everything but fetches, which a broker holds back. */
  readonly #cluster: Cluster
  readonly #membership: Membership
  readonly #running: Promise<void>
  readonly #stop = new AbortController()
  #fetcher: Fetcher | undefined
  readonly #handled = new Map<string, number>()
  /** Of this round. */
  readonly #paused = new Set<string>()
  #isLost = false

  constructor(options: ConsumeOptions, surroundings: ConsumerSurroundings) {
    this.#options = options
    this.#surroundings = surroundings
    this.#cluster = new Cluster(surroundings)
    this.#membership = this.#newMembership()
    const joined = Promise.withResolvers<void>()
    this.joined = joined.promise
    this.#running = this.#run(joined)
  }

  commit(positions: readonly Position[]): Promise<void> {
    return this.#membership.commit(positions)
  }

  position(at: TopicPartition): number | undefined {
    return this.#handled.get(partitionName(at))
  }

  pause(at: TopicPartition): void {
    this.#paused.add(partitionName(at))
  }

  resume(at: TopicPartition): void {
    if (this.#paused.delete(partitionName(at))) this.#fetcher?.ask()
  }

  seek(to: Position): void {
    this.#fetcher?.seek(to)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    if (this.#fetcher) this.#fetcher.stop()
    else this.#cluster.disconnect()
    await this.#running
    const { clock } = this.#surroundings
    // A broker that is away gives the member up by itself.
    await Promise.race([this.#membership.leave().catch(() => {}), clock.sleep(leaveMs)])
    this.#cluster.disconnect()
  }

  #newMembership(): Membership {
    const { groupId, topics, assign, sessionTimeoutMs = 15_000 } = this.#options
    if (assign) return fixedMember(this.#cluster, groupId, assign)
    const onLost = () => {
      this.#isLost = true
      this.#fetcher?.stop()
    }
    const { clock } = this.#surroundings
    return new GroupMember({
      cluster: this.#cluster,
      clock,
      groupId,
      topics,
      sessionTimeoutMs,
      onLost,
    })
  }

  async #run(joined: PromiseWithResolvers<void>): Promise<void> {
    let retryInMs = retryLeastMs
    while (!this.#isStopped) {
      try {
        const assigned = await this.#membership.join()
        joined.resolve()
        await this.#round(assigned)
        retryInMs = retryLeastMs
      } catch (error) {
        if (this.#isStopped) return
        if (error instanceof OperatingError && !error.retriable) {
          joined.reject(error)
          return this.#options.onCrash(error)
        }
        await this.#pause(retryInMs, error)
        retryInMs = Math.min(retryMostMs, retryInMs * 2)
      }
    }
  }

  async #pause(ms: number, error: unknown): Promise<void> {
    const { logger, clock } = this.#surroundings
    const { groupId } = this.#options
    // A broker that is away is news; anything else is a fault of whoever handles the records.
    const say = error instanceof OperatingError ? logger.info : logger.warn
    say('the consumer starts again', { groupId, error: messageOf(error) })
    this.#cluster.disconnect()
    await clock.sleep(ms, this.#stop.signal).catch(() => {})
  }

  async #round(assigned: readonly TopicPartition[]): Promise<void> {
    this.#isLost = false
    this.#handled.clear()
    this.#paused.clear()
    try {
      const from = await this.#positions(assigned)
      if (this.#isStopped || this.#isLost) return
      await this.#handOver(from)
    } finally {
      if (!this.#isStopped && assigned.length > 0) await this.#options.onRevoked?.(assigned)
    }
  }

  async #handOver(from: readonly Position[]): Promise<void> {
    const { maxBytesPerPartition = 512 * KiB, maxWaitMs = 1000 } = this.#options
    const cluster = new Cluster(this.#surroundings)
    await cluster.refresh([...new Set(from.map(({ topic }) => topic))])
    const { logger } = this.#surroundings
    const whenGone = this.#options.from ?? 'beginning'
    const fetcher = new Fetcher({
      cluster,
      logger,
      from,
      paused: this.#paused,
      whenGone,
      maxBytesPerPartition,
      maxWaitMs,
      sinceMs: this.#options.sinceMs,
    })
    this.#fetcher = fetcher
    try {
      // What was lost or closed meanwhile could not stop it.
      if (this.#isStopped || this.#isLost) return
      for (let batch = await fetcher.next(); batch; batch = await fetcher.next()) {
        await this.#options.onBatch(batch)
        this.#handled.set(partitionName(batch), batch.nextOffset)
        // Batches that are there already would follow one another without a turn for timers, heartbeats among them.
        await this.#surroundings.clock.sleep(0)
      }
    } finally {
      fetcher.stop()
      this.#fetcher = undefined
    }
  }

  /** The reader's own first, then what was committed, then an end of the log. */
  async #positions(assigned: readonly TopicPartition[]): Promise<Position[]> {
    const positions = new Map<string, Position>()
    const add = (list: readonly Position[]) => {
      for (const position of list) positions.set(partitionName(position), position)
    }
    const without = () => assigned.filter((each) => !positions.has(partitionName(each)))
    const own = (await this.#options.onAssigned?.(assigned)) ?? []
    for (const each of own) if (each.isPaused) this.pause(each)
    add(own)
    if (without().length > 0) add(await this.#membership.committed(without()))
    if (without().length > 0) {
      const start = startOffset(this.#options.from ?? 'beginning')
      add(await firstOffsets(this.#cluster, without(), start))
    }
    return [...positions.values()].map(({ topic, partition, offset }) => ({
      topic,
      partition,
      offset,
    }))
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted
  }
}
