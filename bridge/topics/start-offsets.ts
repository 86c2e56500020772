// Where lane A begins. The first time that is some hours back, by the records' own time; that time is committed with every
// offset, so that it holds for whoever owns the partition later, and for records of an earlier time that are written
// later (past traffic, an import): the mirror holds what happened from then on. Nothing is kept beside the group.

import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Position, TopicPartition } from '#stack/kafka-client/records.ts'

export interface Start extends Position {
  /** Records of an earlier time are left out; 0: none are. */
  sinceMs: number
}

export interface StartOptions {
  admin: KafkaAdmin
  groupId: string
  partitions: readonly TopicPartition[]
  /** Of a group that never committed. */
  firstSinceMs: number
}

export async function startOffsets(options: StartOptions): Promise<Start[]> {
  const { admin, groupId, partitions } = options
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const committed = new Map(
    (await admin.committed(groupId, topics)).map((each) => [partitionName(each), each]),
  )
  const known = [...committed.values()].map(({ metadata }) => sinceMsOf(metadata))
  const sinceMs = known.length > 0 ? Math.min(...known) : Math.max(0, options.firstSinceMs)
  const missing = topics.filter((topic) =>
    partitions.some((each) => each.topic === topic && !committed.has(partitionName(each))),
  )
  const first = new Map<string, readonly number[]>()
  for (const topic of missing) first.set(topic, await firstOffsets(admin, topic, sinceMs))
  return partitions.map(({ topic, partition }) => {
    const found = committed.get(partitionName({ topic, partition }))
    const offset = found?.offset ?? first.get(topic)?.[partition] ?? 0
    return { topic, partition, offset, sinceMs: found ? sinceMsOf(found.metadata) : sinceMs }
  })
}

/**
 * Where the first record of a time is, partition by partition: before `offset` all are earlier. Where there is none yet, that
 * is the end, and may not be behind what is asked in the same moment.
 */
export async function beginnings(
  admin: Pick<KafkaAdmin, 'endOffsets' | 'offsetsAt'>,
  topic: string,
  sinceMs: number,
): Promise<{ offset: number; hasBegun: boolean }[]> {
  const ends = await admin.endOffsets(topic)
  const found = await admin.offsetsAt(topic, sinceMs)
  return ends.map((end, partition) => {
    const offset = Math.min(found[partition] ?? end, end)
    return { offset, hasBegun: offset < end }
  })
}

function firstOffsets(admin: KafkaAdmin, topic: string, sinceMs: number) {
  return sinceMs === 0 ? admin.startOffsets(topic) : admin.offsetsAt(topic, sinceMs)
}

/** What is committed beside an offset. */
export function sinceText(sinceMs: number): string {
  return `${prefix}${new Date(sinceMs).toISOString()}`
}

/** An offset that somebody set by hand has no such text, and leaves nothing out. */
export function sinceMsOf(metadata: string | undefined): number {
  const ms = metadata?.startsWith(prefix) ? Date.parse(metadata.slice(prefix.length)) : Number.NaN
  return Number.isNaN(ms) ? 0 : ms
}

const prefix = 'since '
