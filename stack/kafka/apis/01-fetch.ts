// Fetch, versions 4-17, with sessions (fetch-sessions.ts).
//
//  4  isolation level    5 log start offset    7 sessions    9 leader epoch check    11 rack, one node: ignored
//  12 flexible, diverging epoch    13 topic ids instead of names    15 replica state: ignored
//
// Whole batches only, starting with the one that contains the offset; the first batch of the first partition that has
// any is returned however large it is (KIP-74). A fetch that finds too little is parked on its partitions until there
// is enough, one has an error, the wait is over or the client is gone. Of several partitions that are limited together
// the first ones are served first: clients rotate the order themselves.

import { messageOf } from '../../base/errors.ts'
import { MiB, KiB } from '../../base/units.ts'
import type { AbortedTransaction } from '../log/aborted-transactions.ts'
import { DamagedBatchError } from '../log/batch-read.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { fetch } from '../protocol/messages/data.ts'
import type { Infer } from '../protocol/types.ts'
import { readBatchHeader } from '../protocol/record-batch.ts'
import { epochFault } from './epoch-fault.ts'
import { route } from './route.ts'
import type { Call } from './route.ts'

type Request = Infer<typeof fetch.request>
type Response = Infer<typeof fetch.response>
type AskedTopic = Request['topics'][number]
type AskedPartition = AskedTopic['partitions'][number]
type PartitionAnswer = Response['responses'][number]['partitions'][number]

/** What one answer may hold, whatever the client asks for; less while clients leave answers unread. */
const answerBytesMax = 16 * MiB
const crowdedAnswerBytesMax = 256 * KiB
const readCommitted = 1

/** One partition as asked for, with what it is here. */
interface Wanted extends AskedPartition {
  log: PartitionLog | undefined
  errorCode: number
}

export default route(fetch, async (request, call) => {
  const begun = call.services.fetchSessions.begin(request)
  if ('errorCode' in begun)
    return { throttleTimeMs: 0, errorCode: begun.errorCode, sessionId: 0, responses: [] }
  const { topics, session } = begun
  const response = await answer({ ...request, topics }, call)
  if (!session) return response
  return { ...response, sessionId: session.id, responses: session.answered(response.responses) }
})

async function answer(request: Request, call: Call): Promise<Response> {
  await untilEnough(request, call)
  const responses: Response['responses'] = []
  const limit = call.answersAreMany ? crowdedAnswerBytesMax : answerBytesMax
  let bytesLeft = Math.min(Math.max(0, request.maxBytes), limit)
  let isFirst = true
  for (const topic of request.topics) {
    const partitions: PartitionAnswer[] = []
    for (const wanted of findAll(topic, call)) {
      const partition = await read(wanted, { ...request, bytesLeft, isFirst, call })
      const bytes = bytesOf(partition.records)
      isFirst &&= bytes === 0
      bytesLeft = Math.max(0, bytesLeft - bytes)
      partitions.push(partition)
    }
    responses.push({ name: topic.name, topicId: topic.topicId, partitions })
  }
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, sessionId: 0, responses }
}

function findAll(topic: AskedTopic, { version, services: { catalog, cluster } }: Call): Wanted[] {
  const found = version >= 13 ? catalog.byId(topic.topicId) : catalog.byName(topic.name)
  const unknown =
    version >= 13 && !found ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  return topic.partitions.map((asked) => {
    const log = found?.partitions[asked.index]
    if (!found || !log) return { ...asked, log, errorCode: unknown }
    const isLedHere = cluster.leads(found, asked.index)
    const errorCode = isLedHere ? faultOf(asked, log) : errorCodes.NOT_LEADER_OR_FOLLOWER
    return { ...asked, log, errorCode }
  })
}

function faultOf({ fetchOffset, currentLeaderEpoch }: AskedPartition, log: PartitionLog): number {
  if (log.isOffline) return errorCodes.KAFKA_STORAGE_ERROR
  const fault = epochFault(currentLeaderEpoch, log)
  if (fault !== errorCodes.NONE) return fault
  const isOutside = fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset
  return isOutside ? errorCodes.OFFSET_OUT_OF_RANGE : errorCodes.NONE
}

function untilEnough(request: Request, call: Call): Promise<void> | undefined {
  const isEnough = () => {
    const wanted = request.topics.flatMap((topic) => findAll(topic, call))
    return (
      wanted.length === 0 ||
      wanted.some((each) => each.errorCode !== errorCodes.NONE || diverging(each) !== undefined) ||
      visibleBytes(wanted, request) >= request.minBytes
    )
  }
  if (request.maxWaitMs <= 0 || isEnough()) return undefined
  return park(request, call, isEnough)
}

function park(request: Request, call: Call, isEnough: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const stop of stops) stop()
      resolve()
    }
    const look = () => {
      if (isEnough()) done()
    }
    const timer = call.services.clock.after(request.maxWaitMs, done)
    const logs = request.topics.flatMap((topic) => findAll(topic, call).map(({ log }) => log))
    const stops = [
      () => timer.cancel(),
      call.onClose(done),
      ...logs.flatMap((log) => (log ? [log.watch(look)] : [])),
    ]
  })
}

/** A lower bound of what is there to read: with one byte asked for, one record is enough to know. */
function visibleBytes(wanted: readonly Wanted[], { isolationLevel, minBytes }: Request): number {
  let bytes = 0
  for (const { log, fetchOffset, maxBytes } of wanted) {
    if (!log) continue
    const end = endOf(log, isolationLevel)
    if (fetchOffset >= end) continue
    bytes += minBytes <= 1 ? 1 : Math.min(maxBytes, log.bytesBetween(fetchOffset, end))
  }
  return bytes
}

function endOf(log: PartitionLog, isolationLevel: number): number {
  return isolationLevel === readCommitted ? log.lastStableOffset : log.highWatermark
}

/** Where the client's log left ours: it read records of an epoch that a crash cut (KIP-595, KIP-320). */
function diverging({ log, lastFetchedEpoch, fetchOffset }: Wanted) {
  if (!log || lastFetchedEpoch < 0) return undefined
  const { leaderEpoch, endOffset } = log.epochEnd(lastFetchedEpoch)
  // An epoch before all of ours says nothing: the offset alone decides.
  const isCut = leaderEpoch >= 0 && (leaderEpoch < lastFetchedEpoch || endOffset < fetchOffset)
  return isCut ? { epoch: leaderEpoch, endOffset } : undefined
}

interface ReadOptions {
  isolationLevel: number
  bytesLeft: number
  isFirst: boolean
  call: Call
}

async function read(wanted: Wanted, options: ReadOptions): Promise<PartitionAnswer> {
  const { log, errorCode } = wanted
  if (!log || errorCode !== errorCodes.NONE) return refused(wanted.index, errorCode)
  const divergingEpoch = diverging(wanted)
  try {
    // Before the read: what is deleted meanwhile takes its list along.
    const aborted = abortedFrom(wanted.fetchOffset, log, options)
    const records = divergingEpoch ? [] : await readRecords(wanted, log, options)
    return {
      index: wanted.index,
      errorCode: errorCodes.NONE,
      divergingEpoch,
      abortedTransactions: aborted && overlapping(aborted, records),
      preferredReadReplica: -1,
      records,
      highWatermark: log.highWatermark,
      lastStableOffset: log.lastStableOffset,
      logStartOffset: log.logStartOffset,
    }
  } catch (error) {
    options.call.services.logger.warn('a fetch could not be read', {
      partition: log.name,
      offset: wanted.fetchOffset,
      why: messageOf(error),
    })
    return refused(wanted.index, readFault(error, wanted.fetchOffset, log))
  }
}

function readFault(error: unknown, offset: number, log: PartitionLog): number {
  if (error instanceof DamagedBatchError) return errorCodes.CORRUPT_MESSAGE
  // Retention may have gone past the offset meanwhile.
  return offset < log.logStartOffset
    ? errorCodes.OFFSET_OUT_OF_RANGE
    : errorCodes.KAFKA_STORAGE_ERROR
}

async function readRecords(
  { fetchOffset, maxBytes }: Wanted,
  log: PartitionLog,
  { isolationLevel, bytesLeft, isFirst }: ReadOptions,
): Promise<Buffer[]> {
  const limit = Math.min(maxBytes, bytesLeft)
  if (limit <= 0 && !isFirst) return []
  const slices = log.read(fetchOffset, limit, endOf(log, isolationLevel))
  const records = slices instanceof Promise ? await slices : slices
  return isFirst || bytesOf(records) <= limit ? records : []
}

/** Of everything that may be read from an offset on; null where nobody asks. */
function abortedFrom(
  offset: number,
  log: PartitionLog,
  { isolationLevel }: ReadOptions,
): AbortedTransaction[] | null {
  if (isolationLevel !== readCommitted) return null
  return log.abortedBetween(offset, endOf(log, isolationLevel))
}

function overlapping(
  aborted: AbortedTransaction[],
  records: readonly Buffer[],
): AbortedTransaction[] {
  if (aborted.length === 0) return aborted
  const end = endOfBatches(records)
  return aborted.filter(({ firstOffset }) => firstOffset < end)
}

/** Behind the last offset of the batches; 0 where there are none. */
function endOfBatches(slices: readonly Buffer[]): number {
  const last = slices.at(-1) ?? noBatches
  let end = 0
  for (let at = 0; at < last.length;) {
    const { lastOffset, sizeBytes } = readBatchHeader(last, at)
    end = lastOffset + 1
    at += sizeBytes
  }
  return end
}

const noBatches = Buffer.alloc(0)

function bytesOf(slices: readonly Buffer[]): number {
  return slices.reduce((sum, slice) => sum + slice.length, 0)
}

function refused(index: number, errorCode: number): PartitionAnswer {
  return {
    index,
    errorCode,
    divergingEpoch: undefined,
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: [],
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
  }
}
