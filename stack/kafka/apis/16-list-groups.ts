// ListGroups, versions 0-5 (3: flexible; 4: wanted states; 5: wanted types). Those that are coordinated here; states
// and types are compared without regard to case, as in Kafka.

import { errorCodes } from '../protocol/errors.ts'
import { listGroups } from '../protocol/messages/group.ts'
import { route } from './route.ts'

export default route(listGroups, (request, { services }) => {
  const isOneOf = (wanted: readonly string[], text: string) =>
    wanted.length === 0 || wanted.some((each) => each.toLowerCase() === text.toLowerCase())
  const groups = services.groups
    .list()
    .filter(
      ({ groupId, state, type }) =>
        services.cluster.coordinates(groupId) &&
        isOneOf(request.states, state) &&
        isOneOf(request.types, type),
    )
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, groups }
})
