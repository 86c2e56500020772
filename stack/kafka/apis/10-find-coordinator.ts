// FindCoordinator, versions 0-6: this node coordinates every group and every transactional id.
//
//  1 key type (0 group, 1 transactional id, 2 share group)   3 flexible   4 many keys at once
//
// Share groups are not served: INVALID_REQUEST.

import { errorCodes } from '../protocol/errors.ts'
import { findCoordinator } from '../protocol/messages/group.ts'
import { route } from './route.ts'

const keyTypeMax = 1

export default route(findCoordinator, (request, { version, services: { node } }) => {
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
