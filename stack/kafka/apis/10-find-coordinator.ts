// FindCoordinator, versions 0-6: the node that coordinates a group or a transactional id.
//
//  1 key type (0 group, 1 transactional id, 2 share group)   3 flexible   4 many keys at once
//
// The first who asks for a group brings Kafka's internal topic into being, as in Kafka. Share groups are not served: INVALID_REQUEST.

import { errorCodes } from '../protocol/errors.ts'
import { findCoordinator } from '../protocol/messages/group.ts'
import { offsetsTopic } from '../topics/topic-names.ts'
import { route } from './route.ts'

const groupKey = 0
const keyTypeMax = 1

export default route(findCoordinator, async (request, { version, services }) => {
  const { cluster, catalog } = services
  if (request.keyType === groupKey) await catalog.ensure(offsetsTopic, 1)
  const isServed = request.keyType >= 0 && request.keyType <= keyTypeMax
  const notServed = {
    nodeId: -1,
    host: '',
    port: -1,
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage: `coordinators of type ${request.keyType} are not served`,
  }
  const answerOf = (key: string) => {
    if (!isServed) return notServed
    const { id, host, port } = cluster.coordinatorOf(key)
    return { nodeId: id, host, port, errorCode: errorCodes.NONE, errorMessage: null }
  }
  const keys = version >= 4 ? request.coordinatorKeys : []
  const coordinators = keys.map((key) => ({ key, ...answerOf(key) }))
  return { throttleTimeMs: 0, ...answerOf(request.key), coordinators }
})
