// SyncGroup, versions 0-5 (3: group instance id; 4: flexible; 5: protocol type and name are checked): parked until the
// leader of the round has sent the assignment.

import { syncGroup } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(syncGroup, async (request, { services }) => ({
  throttleTimeMs: 0,
  ...(await services.groups.sync(request)),
}))
