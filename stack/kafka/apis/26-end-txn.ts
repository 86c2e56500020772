// EndTxn, versions 0-4 (2: PRODUCER_FENCED; 3: flexible; 4: more codes): commits or aborts, answered when every marker
// is written and the offsets hold. Version 5 raises the epoch with each transaction: that is transaction version 2.

import { errorCodes } from '../protocol/errors.ts'
import { endTxn } from '../protocol/messages/transactions.ts'
import { spelled } from './fenced.ts'
import { transactionRoute } from './route.ts'

export default transactionRoute(endTxn, async (request, { services, version }) => {
  if (request.transactionalId === '')
    return { throttleTimeMs: 0, errorCode: errorCodes.INVALID_REQUEST }
  const errorCode = await services.transactions.end(request, request.commits)
  return { throttleTimeMs: 0, errorCode: spelled(errorCode, version, 2) }
})
