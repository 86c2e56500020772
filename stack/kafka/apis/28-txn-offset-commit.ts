// TxnOffsetCommit, versions 0-4: offsets that hold with the commit of the transaction, durable before the answer.
//
//  2 leader epoch    3 flexible, member and generation of the consumer (KIP-447)    4 TRANSACTION_ABORTABLE
//
// The group must have been added to the transaction. Before version 3 consumers are not fenced, only producers.

import type { StoredOffset } from '../group/stored-group.ts'
import { metadataFault } from '../group/offsets.ts'
import { errorCodes } from '../protocol/errors.ts'
import { txnOffsetCommit } from '../protocol/messages/transactions.ts'
import type { Infer } from '../protocol/types.ts'
import { unverified } from './fenced.ts'
import { groupRoute } from './route.ts'
import type { Call } from './route.ts'

type Request = Infer<typeof txnOffsetCommit.request>

export default groupRoute(txnOffsetCommit, async (request, call) => {
  const { catalog, clock } = call.services
  const committedMs = clock.now()
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ index, offset, leaderEpoch, metadata }) => {
      const isKnown = catalog.byName(name)?.partitions[index] !== undefined
      const stored = { topic: name, partition: index, offset, leaderEpoch, metadata, committedMs }
      const fault = isKnown ? metadataFault(metadata) : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      return { index, fault, stored }
    }),
  }))
  const accepted = topics.flatMap(({ partitions }) =>
    partitions.filter(({ fault }) => fault === errorCodes.NONE).map(({ stored }) => stored),
  )
  const errorCode = accepted.length === 0 ? errorCodes.NONE : await store(request, accepted, call)
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index, fault }) => ({ index, errorCode: fault || errorCode })),
    })),
  }
})

async function store(
  request: Request,
  offsets: readonly StoredOffset[],
  { services, version }: Call,
): Promise<number> {
  const { groups, transactions } = services
  if (request.transactionalId === '') return errorCodes.INVALID_REQUEST
  if (request.groupId === '') return errorCodes.INVALID_GROUP_ID
  const verdict = transactions.verifyGroup(request, request.groupId)
  if (verdict !== errorCodes.NONE) return unverified(verdict, version >= 4)
  const fault = groups.transactionalCommitFault(request, offsets)
  if (fault !== errorCodes.NONE) return fault
  return transactions.addOffsets(request.transactionalId, request.groupId, offsets)
}
