// Fetches the partitions of one assignment, one request to a leader at a time, the next while the records of the last
// are being handled. A fetcher lives as long as its assignment: stopped, it hands over nothing more, whatever is still
// on its way. How much waits to be handled is bounded; above it nothing is asked for.

import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { MiB } from '../base/units.ts'
import { errorCodes, errorName } from '../kafka/protocol/errors.ts'
import { fetch } from '../kafka/protocol/messages/data.ts'
import { MalformedError } from '../kafka/protocol/reader.ts'
import type { Infer } from '../kafka/protocol/types.ts'
import type { Cluster } from './cluster.ts'
import { mayPass, refused } from './cluster.ts'
import { decodeRecords, offsetAfter } from './fetched-records.ts'
import type { AbortedTransaction, DecodedRecords } from './fetched-records.ts'
import { firstOffsets, startOffset } from './offsets.ts'
import type { Position, RecordBatch, TopicPartition } from './records.ts'
import { partitionName } from './records.ts'

export interface FetcherOptions {
  /** Of its own: a fetch that is held by the broker would hold up everything else. */
  cluster: Cluster
  logger: Logger
  /** Where each partition starts. */
  from: readonly Position[]
  /** By their names; the owner's, who calls `ask` when one is taken out. */
  paused: ReadonlySet<string>
  /** Where one goes on whose records are gone. */
  whenGone: 'beginning' | 'end'
  maxBytesPerPartition: number
  maxWaitMs: number
  /** Records of an earlier time may be left out. */
  sinceMs?: ((at: TopicPartition) => number) | undefined
}

/** Kafka from 2.3 to 4, Redpanda and the embedded broker all speak it. */
const fetchVersion = 11
const readCommitted = 1
const answerBytesMax = 8 * MiB
/** Received and not handled; one answer more may be on its way. */
const waitingBytesMax = 2 * MiB

interface Reading extends Position {
  /** The offset of a request that is not answered. */
  askedFor: number | undefined
}

interface Fetched {
  at: Position
  bytes: Buffer
  aborted: readonly AbortedTransaction[]
  nextOffset: number
  highWatermark: number
}

type PartitionAnswer = Infer<typeof fetch.response>['responses'][number]['partitions'][number]

export class Fetcher {
  readonly #options: FetcherOptions
  /** In the order in which they are asked for: the broker serves the first ones first. */
  #readings: Reading[]
  #waiting: Fetched[] = []
  #waitingBytes = 0
  #isStopped = false
  #wake: () => void = () => {}

  constructor(options: FetcherOptions) {
    this.#options = options
    this.#readings = options.from.map((position) => ({ ...position, askedFor: undefined }))
    this.ask()
  }

  /** The next records of some partition; undefined when it was stopped. */
  async next(): Promise<RecordBatch | undefined> {
    while (!this.#isStopped && this.#waiting.length === 0)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    const fetched = this.#isStopped ? undefined : this.#waiting.shift()
    if (!fetched) return undefined
    this.#waitingBytes -= fetched.bytes.length
    this.ask()
    const { at, nextOffset, highWatermark } = fetched
    const { topic, partition } = at
    return { topic, partition, ...this.#decoded(fetched), nextOffset, highWatermark }
  }

  seek({ topic, partition, offset }: Position): void {
    const isOf = (at: Position) => at.topic === topic && at.partition === partition
    for (const reading of this.#readings) if (isOf(reading)) reading.offset = offset
    this.#waiting = this.#waiting.filter(({ at }) => !isOf(at))
    this.#waitingBytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
    this.ask()
  }

  stop(): void {
    this.#isStopped = true
    this.#waiting = []
    this.#options.cluster.disconnect()
    this.#wake()
  }

  /** For all that may be asked for now. */
  ask(): void {
    if (this.#isStopped || this.#waitingBytes > waitingBytesMax) return
    const { cluster, paused } = this.#options
    const free = this.#readings.filter(
      (reading) => reading.askedFor === undefined && !paused.has(partitionName(reading)),
    )
    const byLeader = Map.groupBy(free, (each) => cluster.leaderOf(each.topic, each.partition))
    for (const [leader, readings] of byLeader) void this.#fetch(leader, readings)
  }

  async #fetch(leader: number, readings: readonly Reading[]): Promise<void> {
    for (const reading of readings) reading.askedFor = reading.offset
    const { cluster, logger } = this.#options
    try {
      const faults = await this.#request(leader, readings)
      if (faults > 0) await cluster.startAgain()
    } catch (error) {
      if (this.#isStopped) return
      logger.debug('a fetch failed and is tried again', { error: messageOf(error) })
      await cluster.startAgain()
    }
    for (const reading of readings) reading.askedFor = undefined
    this.ask()
  }

  /** How many partitions could not be read. */
  async #request(leader: number, readings: readonly Reading[]): Promise<number> {
    if (leader < 0) throw refused('a partition', errorCodes.LEADER_NOT_AVAILABLE)
    const { cluster, maxWaitMs } = this.#options
    const connection = await cluster.node(leader)
    const answer = await connection.request(fetch, fetchVersion, {
      replicaId: -1,
      maxWaitMs,
      minBytes: 1,
      maxBytes: answerBytesMax,
      isolationLevel: readCommitted,
      sessionId: 0,
      sessionEpoch: -1,
      topics: this.#asked(readings),
      forgottenTopics: [],
      rackId: '',
    })
    if (this.#isStopped) return 0
    const byName = new Map(readings.map((reading) => [partitionName(reading), reading]))
    let faults = 0
    for (const { name, partitions } of answer.responses) {
      for (const partition of partitions) {
        const reading = byName.get(partitionName({ topic: name, partition: partition.index }))
        // The reader went elsewhere meanwhile.
        if (!reading || reading.askedFor !== reading.offset) continue
        if (partition.errorCode === errorCodes.NONE) this.#take(reading, partition)
        else if (await this.#isFault(reading, partition.errorCode)) faults++
      }
    }
    return faults
  }

  #asked(readings: readonly Reading[]) {
    const byTopic = Map.groupBy(readings, ({ topic }) => topic)
    return [...byTopic].map(([name, partitions]) => ({
      name,
      topicId: '',
      partitions: partitions.map(({ partition, offset }) => ({
        index: partition,
        currentLeaderEpoch: -1,
        fetchOffset: offset,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        maxBytes: this.#options.maxBytesPerPartition,
      })),
    }))
  }

  #take(reading: Reading, { records, abortedTransactions, highWatermark }: PartitionAnswer): void {
    const [bytes] = records
    if (bytes === undefined) return
    const nextOffset = offsetAfter(bytes, reading.offset)
    if (nextOffset === reading.offset) return
    const { topic, partition, offset } = reading
    const at = { topic, partition, offset }
    this.#waiting.push({ at, bytes, aborted: abortedTransactions ?? [], nextOffset, highWatermark })
    this.#waitingBytes += bytes.length
    reading.offset = nextOffset
    // Whoever was served stands behind those that were not.
    this.#readings = [...this.#readings.filter((each) => each !== reading), reading]
    this.#wake()
  }

  async #isFault(reading: Reading, errorCode: number): Promise<boolean> {
    const { cluster, logger, whenGone } = this.#options
    const where = partitionName(reading)
    if (errorCode !== errorCodes.OFFSET_OUT_OF_RANGE) {
      const say = mayPass(errorCode) ? logger.debug : logger.warn
      say('a partition could not be read', { partition: where, error: errorName(errorCode) })
      return true
    }
    const [found] = await firstOffsets(cluster, [reading], startOffset(whenGone))
    logger.warn('records are gone, reading goes on elsewhere', {
      partition: where,
      offset: reading.offset,
      goesOnAt: found?.offset,
    })
    reading.offset = found?.offset ?? reading.offset
    return false
  }

  #decoded({ at, bytes, aborted: abortedTransactions }: Fetched): DecodedRecords {
    const { sinceMs } = this.#options
    try {
      const options = { abortedTransactions, ...(sinceMs && { sinceMs: sinceMs(at) }) }
      return decodeRecords(bytes, at.offset, options)
    } catch (error) {
      throw new MalformedError(`${partitionName(at)}: ${messageOf(error)}`)
    }
  }
}
