// DescribeGroups, versions 0-6.
//
//  3 authorized operations: not served, always "not asked for"    4 group instance id    5 flexible
//  6 a group that does not exist is an error; before, it is "Dead" without one
//
// Subscription and assignment are told while the group is stable, as in Kafka. A group whose members are assigned by
// the broker does not exist here (69-consumer-group-describe.ts).

import type { Group } from '../group/group.ts'
import { metadataFor, noBytes } from '../group/member.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeGroups } from '../protocol/messages/group.ts'
import { noOperations } from '../protocol/types.ts'
import { route } from './route.ts'

export default route(describeGroups, (request, { version, services: { groups, cluster } }) => ({
  throttleTimeMs: 0,
  groups: request.groups.map((groupId) => {
    const described = { groupId, authorizedOperations: noOperations }
    if (!cluster.coordinates(groupId))
      return { ...described, ...nothing, errorCode: errorCodes.NOT_COORDINATOR }
    const group = groups.describe(groupId)
    const isOther = groups.describeConsumers(groupId) !== undefined
    const why = isOther ? `Group ${groupId} is not a classic group.` : `Group ${groupId} not found.`
    return { ...described, ...(group ? known(group) : dead(why, version)) }
  }),
}))

function known(group: Group) {
  const isStable = group.state === 'Stable'
  const protocol = isStable ? (group.protocolName ?? '') : ''
  return {
    errorCode: errorCodes.NONE as number,
    errorMessage: null,
    state: group.state as string,
    protocolType: group.protocolType ?? '',
    protocol,
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? metadataFor(member, protocol) : noBytes,
      assignment: isStable ? member.assignment : noBytes,
    })),
  }
}

const nothing = { errorMessage: null, state: '', protocolType: '', protocol: '', members: [] }

function dead(why: string, version: number) {
  return {
    ...nothing,
    errorCode: version >= 6 ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.NONE,
    errorMessage: version >= 6 ? why : null,
    state: 'Dead',
  }
}
