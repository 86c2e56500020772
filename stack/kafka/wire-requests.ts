// Requests of the wire client with what rarely matters filled in, and what a client makes of the answers. For tests,
// drills and benchmarks.

import { MiB } from '../base/units.ts'
import type { fetch } from './protocol/messages/data.ts'
import { batchRecords, isControl, readBatchHeader } from './protocol/record-batch.ts'
import type { Infer } from './protocol/types.ts'
import { zeroUuid } from './protocol/types.ts'

export const readCommitted = 1

/** To one partition, acknowledged by all. */
export function produceOf(name: string, records: Buffer, { index = 0, id = noId, acks = -1 } = {}) {
  return {
    transactionalId: id,
    acks,
    timeoutMs: 10_000,
    topics: [{ name, partitions: [{ index, records }] }],
  }
}

const noId: string | null = null

/** From one partition, outside of sessions. */
export function fetchOf(
  name: string,
  { index = 0, offset = 0, maxBytes = MiB, maxWaitMs = 0, minBytes = 1, isolationLevel = 0 } = {},
): Infer<typeof fetch.request> {
  const partition = {
    index,
    currentLeaderEpoch: -1,
    fetchOffset: offset,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    maxBytes,
  }
  return {
    replicaId: -1,
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ name, topicId: zeroUuid, partitions: [partition] }],
    forgottenTopics: [],
    rackId: '',
  }
}

export function newTopicOf(name: string, partitionCount = 1, configs: Record<string, string> = {}) {
  return {
    topics: [
      {
        name,
        partitionCount,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 10_000,
    validateOnly: false,
  }
}

/** Of a group without members. */
export function offsetOf(groupId: string, name: string, index: number, offset: number) {
  return {
    groupId,
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: [{ name, partitions: [{ index, offset, leaderEpoch: -1, metadata: null }] }],
  }
}

type FetchedPartition = Infer<typeof fetch.response>['responses'][number]['partitions'][number]

export interface FetchedRecord {
  offset: number
  value: string
}

/** As a client reads what it fetched from an offset: without markers, and of committed records without aborted ones. */
export function fetchedRecords(
  { records, abortedTransactions }: Pick<FetchedPartition, 'records' | 'abortedTransactions'>,
  from = 0,
): { records: FetchedRecord[]; nextOffset: number } {
  const bytes = Buffer.concat(records)
  const due = [...(abortedTransactions ?? [])]
  const aborting = new Set<number>()
  const found: FetchedRecord[] = []
  let nextOffset = from
  for (let at = 0; at < bytes.length;) {
    const header = readBatchHeader(bytes, at)
    while ((due[0]?.firstOffset ?? Infinity) <= header.lastOffset)
      aborting.add((due.shift() as { producerId: number }).producerId)
    if (isControl(header)) aborting.delete(header.producerId)
    else if (!aborting.has(header.producerId)) {
      for (const { offset, value } of batchRecords(bytes, at))
        if (offset >= from) found.push({ offset, value: String(value) })
    }
    at += header.sizeBytes
    nextOffset = header.lastOffset + 1
  }
  return { records: found, nextOffset }
}
