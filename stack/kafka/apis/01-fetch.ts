// Fetch, versions 4-17, without sessions (session id 0 is a legal answer to every client; incremental sessions come
// with the next phase).
//
//  4  isolation level; 5 log start offset; 7 sessions; 9 leader epoch check; 11 rack, one node: ignored
//  12 flexible, diverging epoch: left to OffsetForLeaderEpoch; 13 topic ids instead of names; 15 replica state: ignored
//
// Whole batches only, starting with the one that contains the offset; the first batch of the first partition that has
// any is returned however large it is (KIP-74). A fetch that finds too little is parked on its partitions and woken by
// an append, an error or its deadline.

import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { fetch } from '../protocol/messages/data.ts'
import type { Infer } from '../protocol/types.ts'
import { route } from './route.ts'
import type { Call } from './route.ts'

type FetchRequest = Infer<typeof fetch.request>
type FetchResponse = Infer<typeof fetch.response>
type PartitionResponse = FetchResponse['responses'][number]['partitions'][number]

/** What one answer may hold, whatever the client asks for. */
const answerBytesMax = 16 * 1024 * 1024
const readCommitted = 1

interface Wanted {
  topic: { name: string; topicId: string }
  index: number
  offset: number
  maxBytes: number
  log: PartitionLog | undefined
  errorCode: number
}

export default route(fetch, async (request, call) => {
  const wanted = request.topics.flatMap((topic) =>
    topic.partitions.map((partition) => find(topic, partition, call)),
  )
  await untilEnough(wanted, request, call)
  const responses: FetchResponse['responses'] = []
  let bytesLeft = Math.min(request.maxBytes, answerBytesMax)
  let isFirst = true
  for (const each of wanted) {
    const partition = await answer(each, request.isolationLevel, bytesLeft, isFirst)
    const bytes = partition.records.reduce((sum, slice) => sum + slice.length, 0)
    if (bytes > 0) isFirst = false
    bytesLeft = Math.max(0, bytesLeft - bytes)
    const last = responses.at(-1)
    if (last && last.name === each.topic.name && last.topicId === each.topic.topicId)
      last.partitions.push(partition)
    else responses.push({ ...each.topic, partitions: [partition] })
  }
  return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses }
})

function find(
  topic: FetchRequest['topics'][number],
  partition: FetchRequest['topics'][number]['partitions'][number],
  { version, services }: Call,
): Wanted {
  const found =
    version >= 13 ? services.catalog.byId(topic.topicId) : services.catalog.byName(topic.name)
  const log = found?.partitions[partition.index]
  const wanted = {
    topic: { name: topic.name, topicId: topic.topicId },
    index: partition.index,
    offset: partition.fetchOffset,
    maxBytes: partition.maxBytes,
    log,
  }
  return { ...wanted, errorCode: faultOf(partition, log, found !== undefined, version) }
}

function faultOf(
  { fetchOffset, currentLeaderEpoch }: FetchRequest['topics'][number]['partitions'][number],
  log: PartitionLog | undefined,
  topicIsKnown: boolean,
  version: number,
): number {
  if (!log) {
    return version >= 13 && !topicIsKnown
      ? errorCodes.UNKNOWN_TOPIC_ID
      : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  }
  if (log.isOffline) return errorCodes.KAFKA_STORAGE_ERROR
  if (currentLeaderEpoch >= 0 && currentLeaderEpoch < log.leaderEpoch)
    return errorCodes.FENCED_LEADER_EPOCH
  if (currentLeaderEpoch > log.leaderEpoch) return errorCodes.UNKNOWN_LEADER_EPOCH
  const outside = fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset
  return outside ? errorCodes.OFFSET_OUT_OF_RANGE : errorCodes.NONE
}

/** Parks until the visible bytes reach minBytes, something has an error, or the wait is over. */
function untilEnough(
  wanted: readonly Wanted[],
  request: FetchRequest,
  { services }: Call,
): Promise<void> {
  const isEnough = () =>
    wanted.some((each) => each.errorCode !== 0 || each.log?.isOffline) ||
    visible(wanted, request) >= request.minBytes
  if (request.maxWaitMs <= 0 || wanted.length === 0 || isEnough()) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel()
      for (const stop of stops) stop()
      resolve()
    }
    const timer = services.clock.after(request.maxWaitMs, done)
    const look = () => {
      if (isEnough()) done()
    }
    const stops = wanted.flatMap((each) => (each.log ? [each.log.watch(look)] : []))
  })
}

/** A lower bound of what is there to read: one byte counts as soon as there is a record, more by the log's growth. */
function visible(wanted: readonly Wanted[], { isolationLevel, minBytes }: FetchRequest): number {
  let bytes = 0
  for (const { log, offset, maxBytes } of wanted) {
    if (!log || offset >= endOf(log, isolationLevel)) continue
    bytes += minBytes <= 1 ? 1 : Math.min(maxBytes, log.bytesFrom(offset))
  }
  return bytes
}

function endOf(log: PartitionLog, isolationLevel: number): number {
  return isolationLevel === readCommitted ? log.lastStableOffset : log.highWatermark
}

async function answer(
  { log, index, offset, maxBytes, errorCode }: Wanted,
  isolationLevel: number,
  bytesLeft: number,
  isFirst: boolean,
): Promise<PartitionResponse> {
  const isError = errorCode !== 0 || !log || log.isOffline
  const blank = {
    index,
    divergingEpoch: undefined,
    abortedTransactions: isolationLevel === readCommitted ? [] : null,
    preferredReadReplica: -1,
    records: [] as Buffer[],
  }
  if (isError) {
    const code = errorCode === 0 ? errorCodes.KAFKA_STORAGE_ERROR : errorCode
    return {
      ...blank,
      errorCode: code,
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
    }
  }
  const limit = Math.min(maxBytes, bytesLeft)
  const slices =
    limit <= 0 && !isFirst ? [] : await log.read(offset, limit, endOf(log, isolationLevel))
  const fits = isFirst || slices.reduce((sum, slice) => sum + slice.length, 0) <= limit
  return {
    ...blank,
    errorCode: errorCodes.NONE,
    highWatermark: log.highWatermark,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.logStartOffset,
    records: fits ? slices : [],
  }
}
