// Heartbeat, versions 0-4 (3: group instance id; 4: flexible): keeps a member's session alive and tells it of a round.

import { heartbeat } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(heartbeat, (request, { services }) => ({
  throttleTimeMs: 0,
  errorCode: services.groups.heartbeat(request),
}))
