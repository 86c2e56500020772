// DeleteGroups, versions 0-2 (2: flexible): only groups without members, each with its own answer.

import { errorCodes } from '../protocol/errors.ts'
import { deleteGroups } from '../protocol/messages/group.ts'
import { route } from './route.ts'

export default route(deleteGroups, async (request, { services: { groups, cluster } }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    request.groups.map(async (groupId) => ({
      groupId,
      errorCode: cluster.coordinates(groupId)
        ? await groups.delete(groupId)
        : errorCodes.NOT_COORDINATOR,
    })),
  ),
}))
