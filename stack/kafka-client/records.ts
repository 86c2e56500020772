// The words of the port: records in, records out, positions. Offsets and times are numbers (safe to 2^53).

export interface OutgoingRecord {
  key: string | Buffer | null
  /** Null is a tombstone. */
  value: string | Buffer | null
  headers?: Record<string, string | Buffer>
  timestampMs?: number
  /** Chosen by the key (murmur2, as Java's clients do) unless given. */
  partition?: number
}

export interface IncomingRecord {
  key: Buffer | null
  value: Buffer | null
  headers: Readonly<Record<string, Buffer | undefined>>
  timestampMs: number
  offset: number
}

export interface TopicPartition {
  topic: string
  partition: number
}

/** `offset` is the next one to read, as Kafka commits it. */
export interface Position extends TopicPartition {
  offset: number
}

/** Consecutive records of one partition. */
export interface RecordBatch extends TopicPartition {
  records: IncomingRecord[]
  /** The offset after the last one of the batch, control records counted. */
  nextOffset: number
  /** End of the partition as the broker told with this batch. */
  highWatermark: number
}

export function partitionName(at: TopicPartition): string {
  return `${at.topic}-${at.partition}`
}
