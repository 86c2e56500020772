// DescribeProducers, version 0: what a partition knows of the producers with an id, and where their open transactions
// began.

import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeProducers } from '../protocol/messages/transactions.ts'
import { route } from './route.ts'

export default route(describeProducers, ({ topics }, { services: { catalog } }) => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => {
      const log = catalog.byName(name)?.partitions[index]
      const errorCode = log ? errorCodes.NONE : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      return { index, errorCode, errorMessage: null, activeProducers: log ? producersOf(log) : [] }
    }),
  })),
}))

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
