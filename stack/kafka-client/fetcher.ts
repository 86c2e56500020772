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
import type { AbortedTransaction } from './fetched-records.ts'
import { firstOffsets, startOffset } from './offsets.ts'
import type { IncomingRecord, Position, RecordBatch, TopicPartition } from './records.ts'
import { partitionName } from './records.ts'

export interface FetcherOptions {
  /** Of its own: a fetch that is held by the broker would hold up everything else. */
  cluster: Cluster
  logger: Logger
  /** Where each partition starts. */
  from: readonly Position[]
  /** Where one goes on whose records are gone. */
  whenGone: 'beginning' | 'end'
  maxBytesPerPartition: number
  maxWaitMs: number
}

/** Kafka from 2.3 to 4, Redpanda and the embedded broker all speak it. */
const fetchVersion = 11
const readCommitted = 1
const answerBytesMax = 8 * MiB
/** Received and not handled; one answer more may be on its way. */
const waitingBytesMax = 2 * MiB

interface Reading extends Position {
  /** Part of a request that is not answered. */
  isAskedFor: boolean
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
  readonly #paused = new Set<string>()
  #isStopped = false
  #wake: () => void = () => {}

  constructor(options: FetcherOptions) {
    this.#options = options
    this.#readings = options.from.map((position) => ({ ...position, isAskedFor: false }))
    this.#ask()
  }

  /** The next records of some partition; undefined when it was stopped. */
  async next(): Promise<RecordBatch | undefined> {
    while (!this.#isStopped && this.#waiting.length === 0)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    const fetched = this.#isStopped ? undefined : this.#waiting.shift()
    if (!fetched) return undefined
    this.#waitingBytes -= fetched.bytes.length
    this.#ask()
    const { at, nextOffset, highWatermark } = fetched
    const records = decoded(fetched)
    return { topic: at.topic, partition: at.partition, records, nextOffset, highWatermark }
  }

  pause(at: TopicPartition): void {
    this.#paused.add(partitionName(at))
  }

  resume(at: TopicPartition): void {
    if (this.#paused.delete(partitionName(at))) this.#ask()
  }

  stop(): void {
    this.#isStopped = true
    this.#waiting = []
    this.#options.cluster.disconnect()
    this.#wake()
  }

  #ask(): void {
    if (this.#isStopped || this.#waitingBytes > waitingBytesMax) return
    const free = this.#readings.filter(
      (reading) => !reading.isAskedFor && !this.#paused.has(partitionName(reading)),
    )
    const { cluster } = this.#options
    const byLeader = Map.groupBy(free, (each) => cluster.leaderOf(each.topic, each.partition))
    for (const [leader, readings] of byLeader) void this.#fetch(leader, readings)
  }

  async #fetch(leader: number, readings: readonly Reading[]): Promise<void> {
    for (const reading of readings) reading.isAskedFor = true
    const { cluster, logger } = this.#options
    try {
      const faults = await this.#request(leader, readings)
      if (faults > 0) await cluster.startAgain()
    } catch (error) {
      if (this.#isStopped) return
      logger.debug('a fetch failed and is tried again', { error: messageOf(error) })
      await cluster.startAgain()
    }
    for (const reading of readings) reading.isAskedFor = false
    this.#ask()
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
        if (!reading) continue
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
}

function decoded({ at, bytes, aborted }: Fetched): IncomingRecord[] {
  try {
    return decodeRecords(bytes, at.offset, aborted)
  } catch (error) {
    throw new MalformedError(`${partitionName(at)}: ${messageOf(error)}`)
  }
}
