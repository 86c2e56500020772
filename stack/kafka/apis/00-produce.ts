// Produce, versions 3-11 (0-2 are advertised only: librdkafka before 2.11.1 switches compression off without them).
//
//  3  transactional id; record batches of magic 2 only
//  5  log start offset in the answer      7  zstd allowed
//  8  record errors                       9  flexible
//  10 leader hints in the answer: left out, clients ask for metadata instead
//
// Checks in Kafka's order (broker.md 3.2); the first failure wins. A transactional batch that begins a transaction in its
// partition must be part of one that the coordinator knows (KIP-890). With acks=0 nothing is answered, and an error
// closes the connection.

import { messageOf } from '../../base/errors.ts'
import { codecMax, codecs } from '../protocol/compression.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import { produce } from '../protocol/messages/data.ts'
import { MalformedError } from '../protocol/reader.ts'
import {
  batchHeaderBytes,
  batchRecords,
  codecOf,
  isBatchIntact,
  isControl,
  isTransactional,
  readBatchHeader,
} from '../protocol/record-batch.ts'
import type { BatchHeader } from '../protocol/record-batch.ts'
import type { Infer } from '../protocol/types.ts'
import type { AppendResult, PartitionLog } from '../log/partition-log.ts'
import type { Topic } from '../topics/catalog.ts'
import { isInternalTopic } from '../topics/topic-names.ts'
import { unverified } from './fenced.ts'
import { noAnswer, route } from './route.ts'
import type { Call } from './route.ts'

interface PartitionAnswer extends AppendResult {
  index: number
  recordErrors: { batchIndex: number; message: string | null }[]
  errorMessage: string | null
}

interface PartitionAppend {
  answer: PartitionAnswer
  durable: Promise<void>
}

type Request = Infer<typeof produce.request>

export default route(produce, answer, { overlaps: true })

async function answer(request: Request, call: Call) {
  // Everything is appended before the first await: requests that overlap keep their order.
  const appended = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => appendOne(request, name, partition, call)),
  }))
  const responses = []
  for (const { name, partitions } of appended) {
    responses.push({ name, partitions: await Promise.all(partitions.map(whenDurable)) })
  }
  if (request.acks !== 0) return { responses, throttleTimeMs: 0 }
  const failed = responses.flatMap((each) => each.partitions).find((each) => each.errorCode !== 0)
  if (failed) throw new MalformedError(`produce with acks=0 failed: ${errorName(failed.errorCode)}`)
  return noAnswer
}

async function whenDurable({ answer, durable }: PartitionAppend): Promise<PartitionAnswer> {
  try {
    await durable
    return answer
  } catch (error) {
    return {
      ...refused(answer.index, errorCodes.KAFKA_STORAGE_ERROR),
      errorMessage: messageOf(error),
    }
  }
}

interface Produced {
  index: number
  records: Buffer | null
}

function appendOne(
  { acks, transactionalId }: Request,
  topicName: string,
  { index, records }: Produced,
  call: Call,
): PartitionAppend {
  const topic = call.services.catalog.byName(topicName)
  const log = topic?.partitions[index]
  const refuse = (errorCode: number, details: Partial<PartitionAnswer> = {}) => ({
    answer: { ...refused(index, errorCode), ...details },
    durable: Promise.resolve(),
  })
  if (!topic || !log) return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  if (!call.services.cluster.leads(topic, index)) return refuse(errorCodes.NOT_LEADER_OR_FOLLOWER)
  const header = headerOf(records)
  if (header && isTransactional(header)) {
    const place = { topic: topicName, partition: index, log }
    const errorCode = transactionFault(transactionalId, header, place, call)
    if (errorCode !== errorCodes.NONE) return refuse(errorCode)
  }
  if (acks < -1 || acks > 1) return refuse(errorCodes.INVALID_REQUIRED_ACKS)
  if (isInternalTopic(topicName)) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION)
  const fault = checkBatch(records, topic, call)
  if (fault) return refuse(fault.errorCode, fault)
  const { result, durable } = log.append(records as Buffer, acks)
  return { answer: { index, ...result, recordErrors: [], errorMessage: null }, durable }
}

function headerOf(records: Buffer | null): BatchHeader | undefined {
  if (records === null || records.length < batchHeaderBytes) return undefined
  const header = readBatchHeader(records)
  return header.magic === 2 ? header : undefined
}

/** Once a transaction is open in a partition, its marker is what ends it: there is nothing more to ask. */
function transactionFault(
  transactionalId: string | null,
  { producerId, producerEpoch }: BatchHeader,
  { topic, partition, log }: { topic: string; partition: number; log: PartitionLog },
  { services, version }: Call,
): number {
  if (transactionalId === null) return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  if (log.isOpen(producerId)) return errorCodes.NONE
  const producer = { transactionalId, producerId, producerEpoch }
  const verdict = services.transactions.verifyPartition(producer, { topic, partition })
  // The transaction before this one is about to end: the client tries again.
  if (verdict === errorCodes.CONCURRENT_TRANSACTIONS) return errorCodes.NOT_ENOUGH_REPLICAS
  return unverified(verdict, version >= 11)
}

function refused(index: number, errorCode: number): PartitionAnswer {
  return {
    index,
    errorCode,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
    errorMessage: null,
  }
}

type Fault = Pick<PartitionAnswer, 'errorCode'> & Partial<PartitionAnswer>

function checkBatch(records: Buffer | null, topic: Topic, call: Call): Fault | undefined {
  if (records === null || records.length < batchHeaderBytes) {
    return { errorCode: errorCodes.CORRUPT_MESSAGE, errorMessage: 'no record batch' }
  }
  const header = readBatchHeader(records)
  const { settings } = topic
  if (header.magic !== 2)
    return { errorCode: errorCodes.INVALID_RECORD, errorMessage: 'magic is not 2' }
  if (header.sizeBytes > records.length) return { errorCode: errorCodes.CORRUPT_MESSAGE }
  if (header.sizeBytes < records.length) {
    return {
      errorCode: errorCodes.INVALID_RECORD,
      errorMessage: 'more than one batch for a partition',
    }
  }
  if (records.length > settings.maxMessageBytes) return { errorCode: errorCodes.MESSAGE_TOO_LARGE }
  if (records.length > settings.segmentBytes) return { errorCode: errorCodes.RECORD_LIST_TOO_LARGE }
  if (!isBatchIntact(records, 0, header.sizeBytes)) return { errorCode: errorCodes.CORRUPT_MESSAGE }
  return checkHeader(header, call) ?? checkKeys(records, topic) ?? checkTime(header, topic, call)
}

function checkHeader(header: BatchHeader, { version }: Call): Fault | undefined {
  const codec = codecOf(header)
  if (codec > codecMax || (codec === codecs.zstd && version < 7)) {
    return { errorCode: errorCodes.UNSUPPORTED_COMPRESSION_TYPE }
  }
  if (isControl(header))
    return { errorCode: errorCodes.INVALID_RECORD, errorMessage: 'a control batch' }
  const isCounted = header.count > 0 && header.lastOffset - header.baseOffset + 1 === header.count
  if (!isCounted)
    return { errorCode: errorCodes.INVALID_RECORD, errorMessage: 'count and offsets differ' }
  if (header.producerId >= 0 && header.baseSequence < 0) {
    return {
      errorCode: errorCodes.INVALID_RECORD,
      errorMessage: 'a producer id without a sequence',
    }
  }
  return undefined
}

/** A record without a key can never be compacted. */
function checkKeys(records: Buffer, { settings }: Topic): Fault | undefined {
  if (!settings.compacts) return undefined
  const recordErrors: PartitionAnswer['recordErrors'] = []
  let batchIndex = 0
  try {
    for (const record of batchRecords(records)) {
      if (record.key === null)
        recordErrors.push({ batchIndex, message: 'a compacted topic needs a key' })
      batchIndex++
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return { errorCode: errorCodes.CORRUPT_MESSAGE, errorMessage: error.message }
  }
  if (recordErrors.length === 0) return undefined
  return {
    errorCode: errorCodes.INVALID_RECORD,
    recordErrors,
    errorMessage: 'records without a key',
  }
}

function checkTime(
  header: BatchHeader,
  { settings }: Topic,
  { services }: Call,
): Fault | undefined {
  if (settings.appendTime) return undefined
  const nowMs = services.clock.now()
  const times = [header.baseTimestampMs, header.maxTimestampMs]
  if (!times.every(Number.isSafeInteger)) return { errorCode: errorCodes.INVALID_TIMESTAMP }
  const tooOld = header.baseTimestampMs < nowMs - settings.timestampBeforeMaxMs
  const tooNew = header.maxTimestampMs > nowMs + settings.timestampAfterMaxMs
  return tooOld || tooNew ? { errorCode: errorCodes.INVALID_TIMESTAMP } : undefined
}
