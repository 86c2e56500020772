// ConsumerGroupHeartbeat, versions 0-1 (1: expressions for topics, members make up their ids): everything that a member
// whom the broker assigns has to say, joining and leaving among it (KIP-848).

import { consumerGroupHeartbeat } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(consumerGroupHeartbeat, async (request, call) => ({
  throttleTimeMs: 0,
  ...(await call.services.groups.consumerHeartbeat({
    ...request,
    clientId: call.clientId ?? '',
    clientHost: call.clientHost,
    requiresMemberId: call.version >= 1,
  })),
}))
