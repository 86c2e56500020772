// What one transaction brings: the records read since the last one, as bytes. They are decoded when they are written, a
// chunk of rows at a time, so that a large transaction costs the memory of its records and no more. A batch is filled
// while the one before it is written; `rows` and `bytes` bound it.

import type { InputPosition, RejectedEvent } from '#stack/contract/events.ts'
import { loadEndHeader, topics } from '#stack/contract/topics.ts'
import type { IncomingRecord, TopicPartition } from '#stack/kafka-client/records.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Cell } from './columns.ts'
import { cartKeyParts, cellsOf, tombstoneOf, versionOf } from './rows/version-row.ts'
import type { Version } from './rows/version-row.ts'

export interface BatchRecord {
  partition: number
  record: IncomingRecord
}

export class Batch {
  /** The next offset of each topic and partition. */
  readonly positions = new Map<string, InputPosition>()
  rows = 0
  bytes = 0
  readonly #records = new Map<string, BatchRecord[]>()

  add(topic: string, partition: number, record: IncomingRecord): void {
    this.rows++
    this.bytes += record.value?.length ?? 0
    const records = this.#records.get(topic)
    if (records) records.push({ partition, record })
    else this.#records.set(topic, [{ partition, record }])
  }

  /** In the order in which they were read. */
  of(topic: string): readonly BatchRecord[] {
    return this.#records.get(topic) ?? []
  }

  advance(at: TopicPartition, nextOffset: number): void {
    const { topic, partition } = at
    this.positions.set(partitionName(at), { topic, partition, offset: nextOffset })
  }

  isEmpty(): boolean {
    return this.positions.size === 0
  }
}

export interface PendingRejection {
  rejected: RejectedEvent
  /** The input position, else the record's own. */
  at: InputPosition
}

export interface PendingVersion {
  version: Version
  /** The record that brought it. */
  at: InputPosition
}

export interface Verdict {
  abandonmentId: string
  cartKey: string
  revision: number
  json: string
  at: InputPosition
}

export interface BridgeFailure {
  /** Of the columns of `bridge_errors`. */
  cells: Cell[]
  /** The record that tells of it. */
  at: InputPosition
}

export interface Decoded {
  rejections: PendingRejection
  loadEnds: InputPosition
  sessions: PendingVersion
  carts: PendingVersion
  verdicts: Verdict
  bridgeErrors: BridgeFailure
}

type Decoder<T> = (record: IncomingRecord, at: InputPosition) => T | undefined

/** Topic by what is decoded from it; events are read in their bytes. Undefined is a record of another kind; what is no JSON, or of another shape, throws. */
export const decoders: {
  readonly [K in keyof Decoded]: { topic: string; decode: Decoder<Decoded[K]> }
} = {
  rejections: {
    topic: topics.rejected.name,
    decode({ value, headers }, at) {
      if (headers[loadEndHeader] !== undefined || value === null) return undefined
      const rejected: RejectedEvent = parse(value)
      return { rejected, at: rejected.input ?? at }
    },
  },
  loadEnds: {
    topic: topics.rejected.name,
    decode: ({ key, headers }) =>
      headers[loadEndHeader] === undefined ? undefined : positionOf(String(key)),
  },
  sessions: {
    topic: topics.sessions.name,
    decode: ({ key, value }, at) => ({
      version:
        value === null
          ? tombstoneOf('sessions', [String(key)])
          : versionOf('sessions', parse(value)),
      at,
    }),
  },
  carts: {
    topic: topics.carts.name,
    decode: ({ key, value }, at) => ({
      version:
        value === null
          ? tombstoneOf('carts', cartKeyParts(String(key)))
          : versionOf('carts', parse(value)),
      at,
    }),
  },
  verdicts: {
    topic: topics.abandonment.name,
    decode({ value }, at) {
      if (value === null) return undefined
      const json = value.toString('utf8')
      const { abandonmentId, cartKey, revision }: Verdict = JSON.parse(json) as Verdict
      return { abandonmentId, cartKey, revision, json, at }
    },
  },
  bridgeErrors: {
    topic: topics.bridgeErrors.name,
    decode: ({ value }, at) =>
      value === null ? undefined : { cells: cellsOf('bridge_errors', parse(value)), at },
  },
}

export const historyTopics: readonly string[] = [
  topics.enriched.name,
  ...new Set(Object.values(decoders).map(({ topic }) => topic)),
]

/** What our own stages wrote is of the type its topic promises. */
function parse(value: Buffer): never {
  return JSON.parse(value.toString('utf8')) as never
}

/** `topic-partition@offset`, the key of a record that tells of a position without an event. */
function positionOf(key: string): InputPosition {
  const at = key.lastIndexOf('@')
  const dash = key.lastIndexOf('-', at)
  return {
    topic: key.slice(0, dash),
    partition: Number(key.slice(dash + 1, at)),
    offset: Number(key.slice(at + 1)),
  }
}
