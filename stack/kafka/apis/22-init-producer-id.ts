// InitProducerId, versions 0-5, for idempotent producers: a fresh id with epoch 0 whatever is sent along.
//
//  2 flexible   3 own id and epoch, to raise the epoch: only transactional producers do
//
// A transactional id is refused: transactions come with their own phase. An empty one is an error in itself.

import { errorCodes } from '../protocol/errors.ts'
import { initProducerId } from '../protocol/messages/data.ts'
import { route } from './route.ts'

const refused = (errorCode: number) => ({
  throttleTimeMs: 0,
  errorCode,
  producerId: -1,
  producerEpoch: -1,
})

export default route(initProducerId, async ({ transactionalId }, { services, clientId }) => {
  if (transactionalId === '') return refused(errorCodes.INVALID_REQUEST)
  if (transactionalId !== null) {
    services.logger.warn('a transactional producer was refused: transactions are not served yet', {
      transactionalId,
      clientId,
    })
    return refused(errorCodes.UNSUPPORTED_VERSION)
  }
  const producerId = await services.producerIds.allocate()
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, producerId, producerEpoch: 0 }
})
