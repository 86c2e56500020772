// JoinGroup, versions 0-9: parked until the round of the group ends.
//
//  1 rebalance timeout    4 a dynamic member first learns its id (KIP-394)    5 group instance id    6 flexible
//  7 protocol type in the answer, null protocol    8 reason: logged by nobody, ignored    9 skip assignment

import { joinGroup } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(
  joinGroup,
  async (request, { version, clientId, clientHost, services }) => {
    const answer = await services.groups.join({
      ...request,
      clientId: clientId ?? '',
      clientHost,
      requiresKnownId: version >= 4,
      canSkipAssignment: version >= 9,
    })
    return {
      throttleTimeMs: 0,
      ...answer,
      // Null is known from version 7 on.
      protocolName: answer.protocolName ?? (version >= 7 ? null : ''),
    }
  },
)
