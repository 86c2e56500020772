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
  /** Every header in its order, those of one name too; absent where `headers` tells it all. */
  headerList?: readonly Header[]
  timestampMs: number
  /** The time is the broker's own of when it was written; absent where it is the producer's. */
  isAppendTime?: true
  offset: number
}

export type Header = readonly [name: string, value: Buffer | null]

export interface TopicPartition {
  topic: string
  partition: number
}

/** `offset` is the next one to read, as Kafka commits it. */
export interface Position extends TopicPartition {
  offset: number
  /** What is kept beside a committed one, in the reader's own words. */
  metadata?: string
}

/** Consecutive records of one partition. */
export interface RecordBatch extends TopicPartition {
  records: IncomingRecord[]
  /** Records among them that are of an earlier time than the reader asked for, and not here. */
  leftOut: number
  /** The offset after the last one of the batch, control records counted. */
  nextOffset: number
  /** End of the partition as the broker told with this batch. */
  highWatermark: number
}

export function partitionName(at: TopicPartition): string {
  return `${at.topic}-${at.partition}`
}
