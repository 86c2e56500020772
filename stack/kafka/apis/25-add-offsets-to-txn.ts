// AddOffsetsToTxn, versions 0-4 (2: PRODUCER_FENCED; 3: flexible; 4: more codes): offsets of this group are going to be
// part of the transaction. Durable before the answer.

import { errorCodes } from '../protocol/errors.ts'
import { addOffsetsToTxn } from '../protocol/messages/transactions.ts'
import { spelled } from './fenced.ts'
import { transactionRoute } from './route.ts'

export default transactionRoute(addOffsetsToTxn, async (request, { services, version }) => {
  if (request.transactionalId === '')
    return { throttleTimeMs: 0, errorCode: errorCodes.INVALID_REQUEST }
  const additions = { partitions: [], groups: [request.groupId] }
  const errorCode = await services.transactions.add(request, additions)
  return { throttleTimeMs: 0, errorCode: spelled(errorCode, version, 2) }
})
