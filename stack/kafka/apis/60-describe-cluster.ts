// DescribeCluster, versions 0-2: the nodes, one of which is the controller.
//
//  1 endpoint type: brokers (1) are told, controllers (2) have no endpoint of their own   2 fenced brokers: none
//
// Authorized operations are not served: the field holds the protocol's "not asked for".

import { errorCodes } from '../protocol/errors.ts'
import { describeCluster } from '../protocol/messages/cluster.ts'
import { noOperations } from '../protocol/types.ts'
import { route } from './route.ts'

const brokers = 1

export default route(describeCluster, ({ endpointType }, { services: { cluster, clusterId } }) => {
  const isServed = endpointType === brokers
  return {
    throttleTimeMs: 0,
    errorCode: isServed ? errorCodes.NONE : errorCodes.UNSUPPORTED_ENDPOINT_TYPE,
    errorMessage: isServed ? null : 'only brokers have an endpoint',
    endpointType,
    clusterId,
    controllerId: cluster.controller.id,
    brokers: isServed
      ? cluster.nodes.map(({ id, host, port }) => ({
          nodeId: id,
          host,
          port,
          rack: null,
          isFenced: false,
        }))
      : [],
    authorizedOperations: noOperations,
  }
})
