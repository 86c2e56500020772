// DescribeTransactions, version 0: the state of transactional ids. Groups whose offsets are part of a transaction are
// not listed: Kafka names partitions of its internal topic for them, which is not here.

import { errorCodes } from '../protocol/errors.ts'
import { describeTransactions } from '../protocol/messages/transactions.ts'
import type { Infer } from '../protocol/types.ts'
import type { Transaction } from '../transaction/transaction.ts'
import { route } from './route.ts'

type Described = Infer<typeof describeTransactions.response>['transactions'][number]

export default route(describeTransactions, ({ transactionalIds }, { services }) => ({
  throttleTimeMs: 0,
  transactions: transactionalIds.map((id) => {
    if (!services.cluster.coordinates(id)) return refused(id, errorCodes.NOT_COORDINATOR)
    const known = services.transactions.describe(id)
    if (known) return describe(known)
    const isEmpty = id === ''
    return refused(id, isEmpty ? errorCodes.INVALID_REQUEST : errorCodes.TRANSACTIONAL_ID_NOT_FOUND)
  }),
}))

function describe(known: Readonly<Transaction>): Described {
  const byTopic = Map.groupBy(known.partitions, ({ topic }) => topic)
  return {
    errorCode: errorCodes.NONE,
    transactionalId: known.id,
    state: known.state,
    timeoutMs: known.timeoutMs,
    startTimeMs: known.startedMs,
    producerId: known.producerId,
    producerEpoch: known.producerEpoch,
    topics: [...byTopic].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition }) => partition),
    })),
  }
}

function refused(transactionalId: string, errorCode: number): Described {
  return {
    errorCode,
    transactionalId,
    state: '',
    timeoutMs: 0,
    startTimeMs: 0,
    producerId: 0,
    producerEpoch: 0,
    topics: [],
  }
}
