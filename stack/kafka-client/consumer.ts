// Reading, as a member of a group. The reader keeps positions of its own: `onAssigned` says where each partition is
// to start (from a database, a changelog), records below are skipped, and what was handled is committed only when
// the caller says so. While a batch is handled, however long, the member keeps sending heartbeats.

import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import { AssignerProtocol } from 'kafkajs'
import type { PartitionAssigner } from 'kafkajs'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { KiB, MiB } from '../base/units.ts'
import type { IncomingRecord, Position, RecordBatch, TopicPartition } from './records.ts'
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
  onAssigned?(assigned: readonly TopicPartition[]): Promise<readonly Position[] | void>
  /** Called when a rebalance begins, with what was owned until now. */
  onRevoked?(revoked: readonly TopicPartition[]): Promise<void> | void
  /** One batch of one partition at a time; batches of different partitions follow one another. */
  onBatch(batch: RecordBatch): Promise<void>
  /** The consumer ended for a reason that retries did not mend. */
  onCrash(error: Error): void
  maxBytesPerPartition?: number
  /** How long the broker may hold a fetch that finds nothing. */
  maxWaitMs?: number
  sessionTimeoutMs?: number
}

export interface KafkaConsumer {
  commit(positions: readonly Position[]): Promise<void>
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /** The offset after the last handled one; undefined before the first batch. */
  position(at: TopicPartition): number | undefined
  assigned(): readonly TopicPartition[]
  close(): Promise<void>
}

interface Surroundings {
  logger: Logger
  clock: Clock
}

export async function startConsumer(
  kafka: Kafka,
  options: ConsumeOptions,
  { logger, clock }: Surroundings,
): Promise<KafkaConsumer> {
  const heartbeatMs = 2000
  const consumer = kafka.consumer({
    groupId: options.groupId,
    maxBytesPerPartition: options.maxBytesPerPartition ?? 512 * KiB,
    maxBytes: 8 * MiB,
    minBytes: 1,
    maxWaitTimeInMs: options.maxWaitMs ?? 1000,
    sessionTimeout: options.sessionTimeoutMs ?? 15_000,
    rebalanceTimeout: 30_000,
    heartbeatInterval: heartbeatMs,
    allowAutoTopicCreation: false,
    retry: {
      initialRetryTime: 50,
      maxRetryTime: 1000,
      retries: 40,
      // Always start again: a broker that comes back finds us waiting.
      restartOnFailure: async (error) => {
        logger.warn('the consumer starts again', { groupId: options.groupId, error: error.message })
        return true
      },
    },
    ...(options.assign ? { partitionAssigners: [fixedAssigner(options.assign)] } : {}),
  })

  let assigned: TopicPartition[] = []
  let ready: Promise<void> = Promise.resolve()
  let generation = 0
  const positions = new Map<string, number>()

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    positions.clear()
    generation++
    ready = prepare(generation)
    ready.catch(() => {})
  })
  consumer.on(consumer.events.REBALANCING, () => revoke())
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    revoke()
    if (!payload.restart) options.onCrash(payload.error)
  })

  const prepare = async (of: number): Promise<void> => {
    const own = await options.onAssigned?.(assigned)
    if (of !== generation) return
    for (const position of own ?? []) {
      positions.set(partitionName(position), position.offset)
      consumer.seek({ ...position, offset: String(position.offset) })
    }
  }
  const revoke = (): void => {
    const revoked = assigned
    assigned = []
    if (revoked.length > 0) void options.onRevoked?.(revoked)
  }

  const handle = async (payload: EachBatchPayload): Promise<void> => {
    const { batch } = payload
    const of = generation
    const heartbeat = () => payload.heartbeat()
    await whileBeating(clock, heartbeatMs, heartbeat, ready)
    if (of !== generation) return
    const name = partitionName(batch)
    const from = positions.get(name) ?? 0
    const nextOffset = Number(batch.lastOffset()) + 1
    if (nextOffset > from) {
      const records: IncomingRecord[] = []
      for (const message of batch.messages) {
        const offset = Number(message.offset)
        if (offset >= from) records.push(incoming(message, offset))
      }
      const { topic, partition } = batch
      const handed = {
        topic,
        partition,
        records,
        nextOffset,
        highWatermark: Number(batch.highWatermark),
      }
      await whileBeating(clock, heartbeatMs, heartbeat, options.onBatch(handed))
      positions.set(name, nextOffset)
    }
    payload.resolveOffset(batch.lastOffset())
    await heartbeat()
  }

  await consumer.connect()
  await consumer.subscribe({
    topics: [...options.topics],
    fromBeginning: (options.from ?? 'beginning') === 'beginning',
  })
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: handle })

  return {
    commit: (list) =>
      consumer.commitOffsets(
        list.map((position) => ({ ...position, offset: String(position.offset) })),
      ),
    pause: (list) => consumer.pause(grouped(list)),
    resume: (list) => consumer.resume(grouped(list)),
    position: (at) => positions.get(partitionName(at)),
    assigned: () => assigned,
    close: () => stop(consumer),
  }
}

/** kafkajs waits for the batch in hand and leaves the group. */
async function stop(consumer: Consumer): Promise<void> {
  await consumer.stop()
  await consumer.disconnect()
}

type KafkajsMessage = EachBatchPayload['batch']['messages'][number]

function incoming(message: KafkajsMessage, offset: number): IncomingRecord {
  return {
    key: message.key,
    value: message.value,
    headers: (message.headers ?? {}) as Record<string, Buffer | undefined>,
    timestampMs: Number(message.timestamp),
    offset,
  }
}

async function whileBeating(
  clock: Clock,
  everyMs: number,
  heartbeat: () => Promise<void>,
  work: Promise<void>,
): Promise<void> {
  // A heartbeat that finds a rebalance throws; the batch in hand is finished first, kafkajs rejoins after it.
  const timer = clock.every(everyMs, () => void heartbeat().catch(() => {}))
  try {
    await work
  } finally {
    timer.cancel()
  }
}

function grouped(list: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of list) {
    const partitions = byTopic.get(topic) ?? []
    partitions.push(partition)
    byTopic.set(topic, partitions)
  }
  return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
}

/** kafkajs knows no manual assignment; an assigner that gives the one member what it asked for is the same. */
function fixedAssigner(assign: readonly TopicPartition[]): PartitionAssigner {
  const name = 'SlipwayFixed'
  return () => ({
    name,
    version: 1,
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: 1,
        topics,
        userData: Buffer.alloc(0),
      }),
    }),
    assign: async ({ members }) =>
      members.map(({ memberId }, i) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment:
            i === 0
              ? Object.fromEntries(
                  grouped(assign).map(({ topic, partitions }) => [topic, partitions]),
                )
              : {},
          userData: Buffer.alloc(0),
        }),
      })),
  })
}
