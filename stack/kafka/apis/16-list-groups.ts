// ListGroups, versions 0-5 (3: flexible; 4: wanted states; 5: wanted types). Those that are
// coordinated here; every group is a classic one; states are
// compared without regard to case, as in Kafka.

import { errorCodes } from '../protocol/errors.ts'
import { listGroups } from '../protocol/messages/group.ts'
import { route } from './route.ts'

const type = 'classic'

export default route(listGroups, (request, { services }) => {
  const states = request.states.map((state) => state.toLowerCase())
  const types = request.types.map((each) => each.toLowerCase())
  const isWanted = (state: string) =>
    (states.length === 0 || states.includes(state.toLowerCase())) &&
    (types.length === 0 || types.includes(type))
  const groups = services.groups
    .list()
    .filter(({ groupId, state }) => services.cluster.coordinates(groupId) && isWanted(state))
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    groups: groups.map((group) => ({ ...group, type })),
  }
})
