// What a ConsumerGroupHeartbeat asks, what is wrong with it, and who of the group sent it. Refusals are values with the
// words of Kafka where a client shows them.

import type { ErrorName } from '../protocol/errors.ts'
import type { consumerGroupHeartbeat } from '../protocol/messages/group.ts'
import type { Infer } from '../protocol/types.ts'
import { assignorNames, isAssignor } from './assignors.ts'
import type { ConsumerGroup } from './group.ts'
import type { ConsumerMember } from './member.ts'
import { away, joining, leaving } from './member.ts'
import type { PartitionSet } from './partition-set.ts'
import { noPartitions } from './partition-set.ts'
import { regexFault } from './subscription.ts'

export interface HeartbeatRequest extends Infer<typeof consumerGroupHeartbeat.request> {
  clientId: string
  clientHost: string
  /** From version 1 on a member makes its own id up. */
  requiresMemberId: boolean
}

export interface Refusal {
  error: ErrorName
  message: string
}

export function requestFault(request: HeartbeatRequest): Refusal | undefined {
  const { memberEpoch, instanceId, subscribedTopicRegex: regex, serverAssignor } = request
  const message = shapeFault(request)
  if (message !== undefined) return { error: 'INVALID_REQUEST', message }
  if (serverAssignor !== null && !isAssignor(serverAssignor)) {
    const supported = assignorNames.join(', ')
    return {
      error: 'UNSUPPORTED_ASSIGNOR',
      message: `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${supported}.`,
    }
  }
  if (memberEpoch === away && instanceId === null)
    return { error: 'INVALID_REQUEST', message: "InstanceId can't be null." }
  const fault = regex === null || regex === '' ? undefined : regexFault(regex)
  return fault === undefined ? undefined : { error: 'INVALID_REGULAR_EXPRESSION', message: fault }
}

function shapeFault(request: HeartbeatRequest): string | undefined {
  const { memberEpoch, memberId } = request
  if (request.groupId === '') return "GroupId can't be empty."
  if (request.instanceId === '') return "InstanceId can't be empty."
  if (request.rackId === '') return "RackId can't be empty."
  if (memberId === '' && (memberEpoch !== joining || request.requiresMemberId))
    return "MemberId can't be empty."
  if (memberEpoch < away) return 'MemberEpoch is invalid.'
  return memberEpoch === joining ? joinFault(request) : undefined
}

function joinFault(request: HeartbeatRequest): string | undefined {
  if (request.rebalanceTimeoutMs === -1)
    return 'RebalanceTimeoutMs must be provided in first request.'
  if (request.topicPartitions === null || request.topicPartitions.length > 0)
    return 'TopicPartitions must be empty when (re-)joining.'
  return request.subscribedTopicNames === null && request.subscribedTopicRegex === null
    ? 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.'
    : undefined
}

/** Whoever joins; `replaces` the static member that was away. */
export interface Found {
  member: ConsumerMember
  replaces?: ConsumerMember | undefined
}

export function findMember(
  group: ConsumerGroup,
  request: HeartbeatRequest,
  owned: PartitionSet | undefined,
): Found | Refusal {
  const { memberId, memberEpoch, instanceId } = request
  if (instanceId !== null) return findStatic(group, request, instanceId, owned)
  const known = group.members.get(memberId)
  if (known) return epochFault(known, memberEpoch, owned) ?? { member: known }
  return memberEpoch === joining ? { member: newcomer(request) } : unknownMember(group, memberId)
}

function findStatic(
  group: ConsumerGroup,
  request: HeartbeatRequest,
  instanceId: string,
  owned: PartitionSet | undefined,
): Found | Refusal {
  const { memberId, memberEpoch } = request
  const holder = group.byInstance(instanceId)
  if (memberEpoch === joining) {
    if (!holder) return { member: group.members.get(memberId) ?? newcomer(request) }
    if (holder.epoch !== away)
      return {
        error: 'UNRELEASED_INSTANCE_ID',
        message: `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.id} member.`,
      }
    const member = { ...holder, id: memberId, epoch: 0, previousEpoch: 0 }
    return { member, replaces: holder }
  }
  if (!holder) return unknownInstance(instanceId)
  if (holder.id !== memberId) return fencedInstance(holder, request, instanceId)
  return epochFault(holder, memberEpoch, owned) ?? { member: holder }
}

/** Whoever leaves, for good or for a while. */
export function findLeaving(
  group: ConsumerGroup,
  request: HeartbeatRequest,
): { member: ConsumerMember } | Refusal {
  const { memberId, instanceId } = request
  if (instanceId === null) {
    const member = group.members.get(memberId)
    return member ? { member } : unknownMember(group, memberId)
  }
  const holder = group.byInstance(instanceId)
  if (!holder) return unknownInstance(instanceId)
  return holder.id === memberId ? { member: holder } : fencedInstance(holder, request, instanceId)
}

/** The epoch before is good too, from a member that has nothing but what is its own: an answer was lost. Joining is always. */
function epochFault(
  member: ConsumerMember,
  epoch: number,
  owned: PartitionSet | undefined,
): Refusal | undefined {
  const lostAnswer =
    epoch === member.previousEpoch && owned !== undefined && owned.isSubsetOf(member.assigned)
  if (epoch === joining || epoch === member.epoch) return undefined
  if (epoch < member.epoch && lostAnswer) return undefined
  const how = epoch > member.epoch ? 'greater' : 'smaller'
  return {
    error: 'FENCED_MEMBER_EPOCH',
    message: `The consumer group member has a ${how} member epoch (${epoch}) than the one known by the group coordinator (${member.epoch}). The member must abandon all its partitions and rejoin.`,
  }
}

function unknownMember(group: ConsumerGroup, memberId: string): Refusal {
  return {
    error: 'UNKNOWN_MEMBER_ID',
    message: `Member ${memberId} is not a member of group ${group.id}.`,
  }
}

function unknownInstance(instanceId: string): Refusal {
  return { error: 'UNKNOWN_MEMBER_ID', message: `Instance id ${instanceId} is unknown.` }
}

function fencedInstance(
  holder: ConsumerMember,
  { memberId }: HeartbeatRequest,
  instanceId: string,
): Refusal {
  return {
    error: 'FENCED_INSTANCE_ID',
    message: `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holder.id}.`,
  }
}

function newcomer(request: HeartbeatRequest): ConsumerMember {
  return {
    id: request.memberId,
    instanceId: request.instanceId,
    rackId: null,
    clientId: '',
    clientHost: '',
    rebalanceTimeoutMs: 0,
    topicNames: [],
    topicRegex: null,
    assignor: null,
    epoch: 0,
    previousEpoch: 0,
    assigned: noPartitions,
    assignedIn: new Map(),
    revoking: noPartitions,
  }
}

/** The member as the heartbeat says it is; what it leaves out stays. */
export function asSaid(member: ConsumerMember, request: HeartbeatRequest): ConsumerMember {
  const { subscribedTopicNames: names, subscribedTopicRegex: regex } = request
  const { rackId, serverAssignor, rebalanceTimeoutMs } = request
  return {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: rackId ?? member.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? member.rebalanceTimeoutMs : rebalanceTimeoutMs,
    topicNames: names === null ? member.topicNames : [...new Set(names)].sort(),
    topicRegex: regex === null ? member.topicRegex : regex === '' ? null : regex,
    assignor: serverAssignor ?? member.assignor,
  }
}

/** Members that begin, and after any trouble, say everything and are told everything. */
export function isFull(request: HeartbeatRequest): boolean {
  const saysTopics = request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null
  return (
    request.memberEpoch === joining ||
    (request.rebalanceTimeoutMs !== -1 && saysTopics && request.topicPartitions !== null)
  )
}

export function isLeaving({ memberEpoch }: HeartbeatRequest): boolean {
  return memberEpoch === leaving || memberEpoch === away
}
