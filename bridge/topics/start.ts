// Lane A: topics to Pub/Sub. A member of the consumer group `gcp-bridge.<name>` reads what is committed; each of its
// partitions is mirrored by itself (partition-mirror.ts). Once a second the group learns how far everything is
// settled, so that whoever goes on sends again at most what was under way.

import { messageOf } from '#stack/base/errors.ts'
import { KiB, MiB, hourMs, secondMs } from '#stack/base/units.ts'
import { Random } from '#stack/base/random.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'
import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import type { KafkaConsumer } from '#stack/kafka-client/consumer.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Position, TopicPartition } from '#stack/kafka-client/records.ts'
import { HistoryClient } from '../history-client.ts'
import type { Lane, LaneStatus } from '../lane.ts'
import type { LaneSurroundings, TopicsOptions } from '../options.ts'
import { RightOfWay } from '../right-of-way.ts'
import type { Message } from './message.ts'
import { mirroredTopics, topicAtPubSub } from './mirrored-topics.ts'
import { PartitionMirror } from './partition-mirror.ts'
import { RequestSlots } from './request-slots.ts'
import { SendRate } from './send-rate.ts'
import { beginnings, sinceText, startOffsets } from './start-offsets.ts'
import type { Start } from './start-offsets.ts'
import { topicMetrics } from './topic-metrics.ts'
import type { TopicMetrics } from './topic-metrics.ts'
import { WaitingBytes } from './waiting-bytes.ts'

export type TopicsLaneOptions = LaneSurroundings & TopicsOptions

export function groupIdOf(bridgeName: string): string {
  return `gcp-bridge.${bridgeName}`
}

const commitMs = secondMs
const askForEndsMs = 5 * secondMs
const lookMs = 2 * secondMs
/** What is under way when partitions go to somebody else, or the bridge ends, is waited for this long. */
const finishMs = secondMs
const lastCommitMs = secondMs / 2
const requestTimeoutMs = 30 * secondMs
/** Of all partitions together; what is on its way when it is reached comes on top, 16 MiB in all. */
const waitingBytesMax = 13 * MiB
const requestsInFlightMax = 200
/** Of a partition in one answer: answers are large enough when many partitions are behind, and wait for the collector. */
const fetchBytesMax = 256 * KiB
/** Of partitions that are at their end: on the same connection those that go on must not wait for them. */
const fetchWaitMs = 200

export async function startTopicsLane(options: TopicsLaneOptions): Promise<Lane> {
  const lane = new TopicsLane(options)
  await lane.start()
  return lane
}

interface Mirrored {
  mirror: PartitionMirror
  start: Start
  /** Some record of it is of the mirror's time. Before that it is not read: a past is large, and nothing of it is sent. */
  hasBegun: boolean
}

class TopicsLane implements Lane {
  readonly name = 'topics'
  readonly #options: TopicsLaneOptions
  readonly #topics: readonly string[]
  readonly #groupId: string
  readonly #metrics: TopicMetrics
  readonly #rate = new SendRate()
  readonly #slots = new RequestSlots(requestsInFlightMax)
  readonly #history: HistoryClient
  readonly #way = new RightOfWay()
  readonly #random: Random
  readonly #mirrors = new Map<string, Mirrored>()
  /** What the group was told last. */
  readonly #committed = new Map<string, number>()
  readonly #closing: (() => Promise<unknown> | void)[] = []
  #admin: KafkaAdmin | undefined
  #consumer: KafkaConsumer | undefined
  #publish: ((topic: string, messages: readonly Message[]) => Promise<void>) | undefined
  #committing: Promise<void> | undefined
  #isLooking = false

  constructor(options: TopicsLaneOptions) {
    this.#options = options
    this.#topics = options.names ?? mirroredTopics.map(({ name }) => name)
    this.#groupId = groupIdOf(options.name)
    this.#metrics = topicMetrics(options.metrics)
    this.#random = new Random(options.clock.now())
    this.#history = new HistoryClient(options.history)
  }

  async start(): Promise<void> {
    const { kafka, clock, target, onFatal, sessionTimeoutMs } = this.#options
    const clients = await connectPubSub(target)
    this.#closing.push(() => clients.close())
    this.#publish = async (topic, messages) => {
      const request = { topic, messages: messages as Message[] }
      await clients.publisher.publish(request, { timeout: requestTimeoutMs, retry: null })
    }
    const admin = await kafka.admin()
    this.#admin = admin
    this.#closing.push(() => admin.close())
    this.#consumer = await kafka.consume({
      groupId: this.#groupId,
      topics: this.#topics,
      ...(sessionTimeoutMs !== undefined && { sessionTimeoutMs }),
      onAssigned: (assigned) => this.#assign(assigned),
      onRevoked: () => this.#revoke(),
      maxBytesPerPartition: fetchBytesMax,
      maxWaitMs: fetchWaitMs,
      sinceMs: (at) => this.#mirrors.get(partitionName(at))?.start.sinceMs ?? 0,
      onBatch: async (batch) => this.#mirrors.get(partitionName(batch))?.mirror.take(batch),
      onCrash: onFatal,
    })
    const timers = [
      clock.every(commitMs, () => void this.#commitNow()),
      clock.every(askForEndsMs, () => void this.#askForEnds()),
      clock.every(lookMs, () => void this.#lookForBeginnings()),
    ]
    this.#closing.push(() => timers.forEach((timer) => timer.cancel()))
  }

  status(): LaneStatus {
    const streams = [...this.#mirrors.values()].map(({ mirror }) => mirror.status())
    return { lane: this.name, streams }
  }

  async close(): Promise<void> {
    await this.#revoke()
    await this.#consumer?.close()
    for (const each of this.#closing.splice(0).reverse()) await each()
  }

  async #assign(assigned: readonly TopicPartition[]): Promise<readonly Position[]> {
    const { domainClock, backHours } = this.#options
    const starts = await startOffsets({
      admin: this.#admin as KafkaAdmin,
      groupId: this.#groupId,
      partitions: assigned,
      firstSinceMs: domainClock.now() - backHours * hourMs,
    })
    this.#mirrors.clear()
    this.#committed.clear()
    const waiting = new WaitingBytes({ bytesMax: waitingBytesMax, partitions: starts.length })
    for (const start of starts)
      this.#mirrors.set(partitionName(start), {
        start,
        mirror: this.#mirrorOf(start, waiting),
        hasBegun: start.sinceMs === 0,
      })
    await this.#lookForBeginnings()
    void this.#askForEnds()
    return [...this.#mirrors.values()].map(({ start, mirror, hasBegun }) => {
      const { topic, partition } = start
      return { topic, partition, offset: mirror.position, isPaused: !hasBegun }
    })
  }

  /** One at a time. */
  async #lookForBeginnings(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const waiting = [...this.#mirrors.values()].filter(({ hasBegun }) => !hasBegun)
      for (const [topic, some] of Map.groupBy(waiting, ({ start }) => start.topic)) {
        const sinceMs = Math.min(...some.map(({ start }) => start.sinceMs))
        const found = await beginnings(this.#admin as KafkaAdmin, topic, sinceMs)
        const mayBegin = found.some(({ hasBegun }) => hasBegun) && (await this.#isOurTurn())
        for (const each of some) this.#begin(each, found[each.start.partition], mayBegin)
      }
    } catch (error) {
      const { logger } = this.#options
      logger.debug('where the mirror begins is not known', { error: messageOf(error) })
    }
    this.#isLooking = false
  }

  /** A past that is being loaded goes first; history that does not answer holds nobody up. */
  async #isOurTurn(): Promise<boolean> {
    const behind = await this.#history.eventsBehind().catch(() => 0)
    return !this.#way.givesWay(behind, this.#options.clock.monotonicMs())
  }

  /** Of a partition that was not begun; another round may have taken it away. */
  #begin(
    each: Mirrored,
    found: { offset: number; hasBegun: boolean } | undefined,
    mayBegin: boolean,
  ): void {
    const { start, mirror } = each
    if (!found || this.#mirrors.get(partitionName(start)) !== each) return
    const { topic, partition } = start
    // One at least is to be sent: who waits is not through.
    mirror.endsAt(found.hasBegun ? found.offset + 1 : found.offset)
    mirror.beginAt(found.offset)
    if (!found.hasBegun || !mayBegin) return
    each.hasBegun = true
    this.#consumer?.seek({ topic, partition, offset: mirror.position })
    this.#consumer?.resume(start)
  }

  #mirrorOf(start: Start, waiting: WaitingBytes): PartitionMirror {
    const { ordering, onError, errors, clock, logger, target } = this.#options
    const { topic, partition, offset, sinceMs } = start
    const at = { topic, partition }
    return new PartitionMirror({
      at,
      position: offset,
      sinceMs,
      target: topicAtPubSub(target.projectId, topic),
      publish: (name, messages) => this.#publish?.(name, messages) ?? Promise.resolve(),
      ordering,
      onError,
      waiting,
      pause: () => this.#consumer?.pause(at),
      resume: () => this.#consumer?.resume(at),
      rate: this.#rate,
      slots: this.#slots,
      chance: () => this.#random.float(),
      errors,
      metrics: this.#metrics,
      clock,
      logger,
    })
  }

  /** The round is over: whoever goes on is to find how far it went. */
  async #revoke(): Promise<void> {
    const mirrors = [...this.#mirrors.values()]
    await Promise.all(mirrors.map(({ mirror }) => mirror.stop(finishMs)))
    // A broker that is away must not hold up whoever waits for the end.
    await Promise.race([this.#commitLast(), this.#options.clock.sleep(lastCommitMs)])
    this.#mirrors.clear()
  }

  /** One at a time: while the broker is away it may take long. */
  async #commitNow(): Promise<void> {
    if (this.#committing) return
    this.#committing = this.#commitNews()
    await this.#committing
    this.#committing = undefined
  }

  async #commitLast(): Promise<void> {
    await this.#committing
    await this.#commitNews()
  }

  async #commitNews(): Promise<void> {
    try {
      const news = [...this.#mirrors.values()].flatMap(({ mirror, start }) => {
        const { topic, partition, sinceMs } = start
        const offset = mirror.position
        const isNew = this.#committed.get(partitionName(start)) !== offset
        return isNew ? [{ topic, partition, offset, metadata: sinceText(sinceMs) }] : []
      })
      if (news.length === 0) return
      await this.#consumer?.commit(news)
      for (const each of news) this.#committed.set(partitionName(each), each.offset)
    } catch (error) {
      // Whoever goes on sends again what was not committed.
      this.#options.logger.info('positions could not be committed', { error: messageOf(error) })
    }
  }

  async #askForEnds(): Promise<void> {
    const topics = new Set([...this.#mirrors.values()].map(({ start }) => start.topic))
    try {
      for (const topic of topics) {
        const ends = await this.#admin?.endOffsets(topic)
        ends?.forEach((offset, partition) =>
          this.#mirrors.get(partitionName({ topic, partition }))?.mirror.endsAt(offset),
        )
      }
    } catch (error) {
      this.#options.logger.debug('the ends of topics are not known', { error: messageOf(error) })
    }
  }
}
