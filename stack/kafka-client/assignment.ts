// How a group shares out partitions: what members say of themselves, what the leader gives them (the consumer protocol's
// version 0, which every client reads), and the assignor "range": of each topic every member gets consecutive
// partitions, the first members one more where they do not divide evenly.

import { Reader } from '../kafka/protocol/reader.ts'
import { Writer } from '../kafka/protocol/writer.ts'
import type { TopicPartition } from './records.ts'

const version = 0
const noUserData = 0

export interface Subscription {
  memberId: string
  topics: readonly string[]
}

// int16 version, int32 count of topics, each with int16 length, and int32 length of user data.
export function encodeSubscription(topics: readonly string[]): Buffer {
  const writer = new Writer()
  writer.int16(version)
  writer.int32(topics.length)
  for (const topic of topics) writeText(writer, topic)
  writer.int32(noUserData)
  return Buffer.concat(writer.buffers())
}

export function decodeSubscription(bytes: Buffer): string[] {
  const reader = new Reader(bytes)
  reader.int16()
  return Array.from({ length: reader.int32() }, () => reader.text(reader.int16()))
}

// int16 version, int32 count of topics, each with its name and its partitions, and int32 length of user data.
export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  const writer = new Writer()
  writer.int16(version)
  writer.int32(byTopic.size)
  for (const [topic, list] of byTopic) {
    writeText(writer, topic)
    writer.int32(list.length)
    for (const { partition } of list) writer.int32(partition)
  }
  writer.int32(noUserData)
  return Buffer.concat(writer.buffers())
}

/** Empty bytes are what a member gets that was left out. */
export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  reader.int16()
  return Array.from({ length: reader.int32() }, () => {
    const topic = reader.text(reader.int16())
    return Array.from({ length: reader.int32() }, () => ({ topic, partition: reader.int32() }))
  }).flat()
}

export function assignRange(
  subscriptions: readonly Subscription[],
  partitionCount: (topic: string) => number,
): { memberId: string; partitions: TopicPartition[] }[] {
  const members = subscriptions
    .map(({ memberId, topics }) => ({ memberId, topics, partitions: [] as TopicPartition[] }))
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  for (const topic of new Set(members.flatMap(({ topics }) => topics)).values()) {
    const takers = members.filter(({ topics }) => topics.includes(topic))
    const count = partitionCount(topic)
    takers.forEach(({ partitions }, i) => {
      const [from, to] = [i, i + 1].map((n) => Math.ceil((count * n) / takers.length))
      for (let partition = from as number; partition < (to as number); partition++)
        partitions.push({ topic, partition })
    })
  }
  return members
}

function writeText(writer: Writer, text: string): void {
  const length = Buffer.byteLength(text)
  writer.int16(length)
  writer.text(text, length)
}
