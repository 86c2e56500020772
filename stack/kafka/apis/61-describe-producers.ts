// DescribeProducers, version 0: what a partition knows of the producers with an id, and where their open transactions
// began.

import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeProducers } from '../protocol/messages/transactions.ts'
import { topicNameFault } from '../topics/topic-names.ts'
import { route } from './route.ts'

export default route(describeProducers, ({ topics }, { services: { catalog, cluster } }) => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => {
      const topic = catalog.byName(name)
      const log = topic?.partitions[index]
      const answer = { index, errorMessage: null, activeProducers: [] }
      if (!topic || !log) return { ...answer, errorCode: unknown(name) }
      return cluster.leads(topic, index)
        ? { ...answer, errorCode: errorCodes.NONE, activeProducers: producersOf(log) }
        : { ...answer, errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER }
    }),
  })),
}))

function unknown(name: string): number {
  return topicNameFault(name) === undefined
    ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    : errorCodes.INVALID_TOPIC_EXCEPTION
}

function producersOf(log: PartitionLog) {
  return log.producers.map(
    ({ producerId, epoch, batches, lastMs, coordinatorEpoch, openFrom }) => ({
      producerId,
      producerEpoch: epoch,
      lastSequence: batches.at(-1)?.lastSequence ?? -1,
      lastTimestampMs: lastMs,
      coordinatorEpoch: coordinatorEpoch ?? -1,
      currentTxnStartOffset: openFrom ?? -1,
    }),
  )
}
