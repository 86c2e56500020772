// InitProducerId, versions 0-5: a producer id with an epoch.
//
//  2 flexible   3 own id and epoch, to go on after an error (KIP-360)   4 PRODUCER_FENCED
//
// Without a transactional id a fresh one with epoch 0, whatever is sent along. With one the id's own, and an epoch that
// fences whoever had it before; a transaction that is open is aborted. An empty one is an error in itself.

import { errorCodes } from '../protocol/errors.ts'
import { initProducerId } from '../protocol/messages/data.ts'
import { noProducer } from '../transaction/transaction.ts'
import { spelled } from './fenced.ts'
import { transactionRoute } from './route.ts'

export default transactionRoute(initProducerId, async (request, { services, version }) => {
  const { transactionalId, producerId, producerEpoch } = request
  const refused = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, ...noProducer })
  const isHalf = producerId < 0 !== producerEpoch < 0
  if (transactionalId === '' || isHalf) return refused(errorCodes.INVALID_REQUEST)
  if (transactionalId === null) {
    const fresh = await services.producerIds.allocate()
    return { throttleTimeMs: 0, errorCode: errorCodes.NONE, producerId: fresh, producerEpoch: 0 }
  }
  const answer = await services.transactions.init(transactionalId, {
    expected: { producerId, producerEpoch },
    timeoutMs: request.transactionTimeoutMs,
  })
  return { throttleTimeMs: 0, ...answer, errorCode: spelled(answer.errorCode, version, 4) }
})
