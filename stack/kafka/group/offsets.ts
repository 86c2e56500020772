// Committed offsets of all groups, and when they expire (KIP-211): a week after the group lost its last member, or
// after the commit where a consumer keeps its positions without being a member, or for a topic that nobody in the
// group reads any more.

import { errorCodes } from '../protocol/errors.ts'
import type { Group } from './group.ts'
import type { GroupEntry, StoredOffset } from './stored-group.ts'

export interface CommittedOffset {
  offset: number
  leaderEpoch: number
  metadata: string | null
  committedMs: number
}

export interface TopicPartition {
  topic: string
  partition: number
}

export const metadataBytesMax = 4096

/** What a commit of this metadata string is answered with. */
export function metadataFault(metadata: string | null): number {
  return metadata !== null && Buffer.byteLength(metadata) > metadataBytesMax
    ? errorCodes.OFFSET_METADATA_TOO_LARGE
    : errorCodes.NONE
}

export class GroupOffsets {
  /** group → topic → partition → offset; no level is ever left empty. */
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>()

  apply(entry: GroupEntry): void {
    if (entry.kind === 'offsets') for (const offset of entry.offsets) this.#put(entry.id, offset)
    else if (entry.kind === 'offsets-deleted')
      for (const each of entry.partitions) this.#delete(entry.id, each)
    else if (entry.kind === 'group-deleted') this.#groups.delete(entry.id)
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  all(groupId: string): StoredOffset[] {
    return [...(this.#groups.get(groupId) ?? [])].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, committed]) => ({ topic, partition, ...committed })),
    )
  }

  ofTopic(groupId: string, topic: string): TopicPartition[] {
    const partitions = this.#groups.get(groupId)?.get(topic)
    return [...(partitions?.keys() ?? [])].map((partition) => ({ topic, partition }))
  }

  #put(groupId: string, { topic, partition, ...committed }: StoredOffset): void {
    const topics = getOrAdd(this.#groups, groupId, () => new Map())
    getOrAdd(topics, topic, () => new Map()).set(partition, committed)
  }

  #delete(groupId: string, { topic, partition }: TopicPartition): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    if (!topics || !partitions?.delete(partition)) return
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(groupId)
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

export interface ExpiryRule {
  nowMs: number
  retentionMs: number
  /** When the group got its members or lost the last one. */
  changedMs: number
}

export function expiredOffsets(
  group: Group,
  offsets: readonly StoredOffset[],
  { nowMs, retentionMs, changedMs }: ExpiryRule,
): TopicPartition[] {
  const isOld = ({ committedMs }: StoredOffset, sinceMs: number) =>
    nowMs - Math.max(committedMs, sinceMs) >= retentionMs
  if (group.state === 'Empty') {
    const sinceMs = group.protocolType === null ? 0 : changedMs
    return offsets.filter((offset) => isOld(offset, sinceMs))
  }
  if (group.state !== 'Stable') return []
  const read = subscribedTopics(group)
  return offsets.filter((offset) => read && !read.has(offset.topic) && isOld(offset, 0))
}

/** Topics that the members of a consumer group read; undefined where their metadata is not a subscription. */
export function subscribedTopics(group: Group): Set<string> | undefined {
  if (group.protocolType !== 'consumer') return undefined
  const topics = new Set<string>()
  for (const { metadata } of group.memberList()) {
    const read = topicsOf(metadata)
    if (!read) return undefined
    for (const topic of read) topics.add(topic)
  }
  return topics
}

/** ConsumerProtocolSubscription: int16 version, then an array of strings, then what later versions added. */
function topicsOf(metadata: Buffer): string[] | undefined {
  if (metadata.length < 6) return undefined
  const topics: string[] = []
  let at = 6
  for (let left = metadata.readInt32BE(2); left > 0; left--) {
    if (at + 2 > metadata.length) return undefined
    const length = metadata.readInt16BE(at)
    if (length < 0 || at + 2 + length > metadata.length) return undefined
    topics.push(metadata.toString('utf8', at + 2, at + 2 + length))
    at += 2 + length
  }
  return topics
}
