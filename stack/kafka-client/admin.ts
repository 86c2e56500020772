// Topics and offsets: what start-up, restores and /v1/positions ask.

import type { Kafka } from 'kafkajs'
import type { Clock } from '../base/clock.ts'
import { secondMs } from '../base/units.ts'
import type { Position } from './records.ts'

export interface TopicSpec {
  name: string
  partitions: number
  config: Record<string, string>
}

export interface KafkaAdmin {
  /** Creates what is missing with explicit settings and waits until it can be used; what exists is left as it is. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>
  partitionCount(topic: string): Promise<number>
  /** Per partition the offset of the first record that is still there. */
  startOffsets(topic: string): Promise<number[]>
  /** Per partition the offset after the last record. */
  endOffsets(topic: string): Promise<number[]>
  /** Per partition the first offset whose record's time is at or after; the end where there is none. */
  offsetsAt(topic: string, timestampMs: number): Promise<number[]>
  committed(groupId: string, topics: readonly string[]): Promise<Position[]>
  deleteGroups(groupIds: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** A cluster makes topics at its leisure: for a while a new one is unknown to some nodes, or led by nobody. */
const settling: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
])
const settlingLimitMs = 30 * secondMs
const askAgainMs = 50

export async function createAdmin(kafka: Kafka, clock: Clock): Promise<KafkaAdmin> {
  const admin = kafka.admin({ retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 40 } })
  await admin.connect()

  /** Asked again while the topic settles. */
  const settled = async <T>(ask: () => Promise<T>): Promise<T> => {
    const untilMs = clock.monotonicMs() + settlingLimitMs
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        const { type = '' } = error as { type?: string }
        if (!settling.has(type) || clock.monotonicMs() > untilMs) throw error
        await clock.sleep(askAgainMs)
      }
    }
  }
  const offsets = async (topic: string) =>
    (await settled(() => admin.fetchTopicOffsets(topic))).sort((a, b) => a.partition - b.partition)
  const ordered = (entries: readonly { partition: number; offset: string }[]): number[] =>
    [...entries].sort((a, b) => a.partition - b.partition).map((entry) => Number(entry.offset))

  return {
    async ensureTopics(topics) {
      const existing = new Set(await admin.listTopics())
      const missing = topics.filter((topic) => !existing.has(topic.name))
      if (missing.length === 0) return
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map(({ name, partitions, config }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: -1,
          configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        })),
      })
      for (const { name } of missing) await offsets(name)
    },
    async partitionCount(topic) {
      const metadata = await settled(() => admin.fetchTopicMetadata({ topics: [topic] }))
      return metadata.topics[0]?.partitions.length ?? 0
    },
    startOffsets: async (topic) => (await offsets(topic)).map(({ low }) => Number(low)),
    endOffsets: async (topic) => (await offsets(topic)).map(({ high }) => Number(high)),
    offsetsAt: async (topic, timestampMs) =>
      ordered(await settled(() => admin.fetchTopicOffsetsByTimestamp(topic, timestampMs))),
    async committed(groupId, topics) {
      const answers = await admin.fetchOffsets({ groupId, topics: [...topics] })
      return answers.flatMap(({ topic, partitions }) =>
        partitions
          .map(({ partition, offset, metadata }) => ({
            topic,
            partition,
            offset: Number(offset),
            ...(metadata !== null && metadata !== '' && { metadata }),
          }))
          .filter(({ offset }) => offset >= 0),
      )
    },
    async deleteGroups(groupIds) {
      await admin.deleteGroups([...groupIds])
    },
    close: () => admin.disconnect(),
  }
}
