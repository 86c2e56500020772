// Topics in memory, for tests of the whole pipeline without a broker: partitions by key as Kafka's clients choose them,
// offsets, keys, values and headers as bytes. Nothing is compacted; whoever reads takes the last value of a key.

import { partitionForKey } from '#stack/kafka-client/partitioner.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'

export class LocalLog {
  readonly partitionCount: number
  readonly #topics = new Map<string, IncomingRecord[][]>()

  constructor(partitionCount: number) {
    this.partitionCount = partitionCount
  }

  append(topic: string, record: OutgoingRecord): void {
    const key = record.key === null ? null : Buffer.from(record.key)
    const partition =
      record.partition ?? (key === null ? 0 : partitionForKey(key, this.partitionCount))
    const records = this.partition(topic, partition)
    const headers: Record<string, Buffer> = {}
    for (const [name, value] of Object.entries(record.headers ?? {})) {
      headers[name] = Buffer.from(value)
    }
    records.push({
      key,
      value: record.value === null ? null : Buffer.from(record.value),
      headers,
      timestampMs: record.timestampMs ?? 0,
      offset: records.length,
    })
  }

  partition(topic: string, partition: number): IncomingRecord[] {
    let partitions = this.#topics.get(topic)
    if (!partitions) {
      partitions = Array.from({ length: this.partitionCount }, () => [])
      this.#topics.set(topic, partitions)
    }
    return partitions[partition] as IncomingRecord[]
  }

  /** Partition after partition. */
  all(topic: string): IncomingRecord[] {
    return Array.from({ length: this.partitionCount }, (_, p) => this.partition(topic, p)).flat()
  }

  /** The last value of each key, tombstones left out, parsed. */
  compacted<T>(topic: string): Map<string, T> {
    const values = new Map<string, T>()
    for (const { key, value } of this.all(topic)) {
      const name = key?.toString() ?? ''
      if (value === null) values.delete(name)
      // The caller names the type of the topic's records.
      else values.set(name, JSON.parse(value.toString()) as T)
    }
    return values
  }
}
