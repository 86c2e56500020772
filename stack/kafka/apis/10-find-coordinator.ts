// FindCoordinator, versions 0-6: this node coordinates every group and every transactional id.
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

export default route(findCoordinator, async (request, { version, services: { node, catalog } }) => {
  if (request.keyType === groupKey) await catalog.ensure(offsetsTopic, 1)
  const isServed = request.keyType >= 0 && request.keyType <= keyTypeMax
  const answer = isServed
    ? { nodeId: node.id, host: node.host, port: node.port, errorCode: 0, errorMessage: null }
    : {
        nodeId: -1,
        host: '',
        port: -1,
        errorCode: errorCodes.INVALID_REQUEST,
        errorMessage: `coordinators of type ${request.keyType} are not served`,
      }
  const keys = version >= 4 ? request.coordinatorKeys : []
  return { throttleTimeMs: 0, ...answer, coordinators: keys.map((key) => ({ key, ...answer })) }
})
