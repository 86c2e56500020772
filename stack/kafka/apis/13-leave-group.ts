// LeaveGroup, versions 0-5: one member, from version 3 on several, each with its own answer.
//
//  3 members by id or instance id    4 flexible    5 reason: ignored

import { errorCodes } from '../protocol/errors.ts'
import { leaveGroup } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(leaveGroup, (request, { version, services: { groups } }) => {
  if (version < 3) {
    const [errorCode = errorCodes.NONE] = groups.leave(request.groupId, [
      { memberId: request.memberId, groupInstanceId: null },
    ])
    return { throttleTimeMs: 0, errorCode, members: [] }
  }
  const codes = groups.leave(request.groupId, request.members)
  const members = request.members.map(({ memberId, groupInstanceId }, i) => ({
    memberId,
    groupInstanceId,
    errorCode: codes[i] ?? errorCodes.NONE,
  }))
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, members }
})
