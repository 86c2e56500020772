// For tests of this room: the part of a Kafka port that an import needs, in memory.

import { invariant } from '#stack/base/invariant.ts'
import type { KafkaAdmin, TopicSpec } from '#stack/kafka-client/admin.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import { partitionForKey } from '#stack/kafka-client/partitioner.ts'
import type { KafkaProducer, TopicRecords } from '#stack/kafka-client/producer.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'

export class MemoryKafka {
  readonly partitionsByTopic = new Map<string, OutgoingRecord[][]>()
  /** Called before each send; throws where a test wants the broker gone. */
  onSend: (sends: number) => void = () => {}
  #sends = 0

  /** In the order they were written, partition by partition. */
  records(topic: string): OutgoingRecord[] {
    return (this.partitionsByTopic.get(topic) ?? []).flat()
  }

  get port(): KafkaPort {
    const refuse = () => invariant(false, 'an import reads nothing from Kafka')
    return {
      producer: async () => this.#producer(),
      admin: async () => this.#admin(),
      consume: refuse,
      readPartitions: refuse,
    } as unknown as KafkaPort
  }

  #producer(): KafkaProducer {
    return {
      send: async (batches: readonly TopicRecords[]) => {
        this.onSend(++this.#sends)
        for (const { topic, records } of batches) {
          const partitions = this.#partitions(topic)
          for (const record of records) {
            const { key, partition } = record
            const chosen = partition ?? (key === null ? 0 : partitionForKey(key, partitions.length))
            partitions[chosen]?.push(record)
          }
        }
      },
      partitionCount: async (topic) => this.#partitions(topic).length,
      close: async () => {},
    }
  }

  #admin(): KafkaAdmin {
    const counts = async (topic: string) => this.#partitions(topic).map(({ length }) => length)
    return {
      ensureTopics: async (specs: readonly TopicSpec[]) => {
        for (const { name, partitions } of specs) {
          if (this.partitionsByTopic.has(name)) continue
          this.partitionsByTopic.set(
            name,
            Array.from({ length: partitions }, () => []),
          )
        }
      },
      startOffsets: async (topic: string) => (await counts(topic)).map(() => 0),
      endOffsets: counts,
      close: async () => {},
    } as unknown as KafkaAdmin
  }

  #partitions(topic: string): OutgoingRecord[][] {
    const partitions = this.partitionsByTopic.get(topic)
    invariant(partitions, `topic ${topic}`)
    return partitions
  }
}
