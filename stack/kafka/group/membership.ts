// Who is in a group: members join for the first time, come back with the id they were given, take over from their former
// selves where they are static (KIP-345), and leave. What follows from it is the group's rebalance.

import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { errorCodes } from '../protocol/errors.ts'
import { joinAnswer, refusedJoin, refusedSync, settleJoin, settleSync } from './answers.ts'
import type { Group } from './group.ts'
import type { GroupProtocol, JoinAnswer, Member } from './member.ts'
import { noBytes, ownCopies, sameProtocols } from './member.ts'
import type { Rebalance } from './rebalance.ts'
import type { GroupEntry } from './stored-group.ts'
import { storeGroup } from './stored-group.ts'

export interface JoinRequest {
  groupId: string
  sessionTimeoutMs: number
  /** Negative where the version has none: the session timeout stands for both. */
  rebalanceTimeoutMs: number
  memberId: string
  groupInstanceId: string | null
  protocolType: string
  protocols: GroupProtocol[]
  clientId: string
  clientHost: string
  /** From version 4 on a dynamic member first learns its id (KIP-394). */
  requiresKnownId: boolean
  /** From version 9 on the leader of an unchanged group is told to skip the assignment. */
  canSkipAssignment: boolean
}

export interface LeavingMember {
  memberId: string
  groupInstanceId: string | null
}

export interface MembershipOptions {
  clock: Clock
  membersMax: number
  rebalance: Rebalance
  /** Resolves when the entry is durable. */
  persist(entry: GroupEntry): Promise<void>
}

export class Membership {
  readonly #options: MembershipOptions
  readonly #rebalance: Rebalance

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#rebalance = options.rebalance
  }

  join(group: Group, request: JoinRequest, holder: Member | undefined): Promise<JoinAnswer> {
    return request.memberId === ''
      ? this.#joinNew(group, request, holder)
      : this.#joinKnown(group, request, holder)
  }

  #joinNew(group: Group, request: JoinRequest, holder: Member | undefined): Promise<JoinAnswer> {
    const id = `${request.groupInstanceId ?? request.clientId}-${randomUUID()}`
    if (holder) return this.#replaceStatic(group, request, holder, id)
    if (group.members.size + group.pendingIds.size >= this.#options.membersMax)
      return Promise.resolve(refusedJoin(errorCodes.GROUP_MAX_SIZE_REACHED, ''))
    if (!request.requiresKnownId || request.groupInstanceId !== null)
      return this.#add(group, request, id)
    const timer = this.#options.clock.after(request.sessionTimeoutMs, () => {
      group.pendingIds.delete(id)
      this.#rebalance.tryEndRound(group)
    })
    group.pendingIds.set(id, timer)
    return Promise.resolve(refusedJoin(errorCodes.MEMBER_ID_REQUIRED, id))
  }

  #joinKnown(group: Group, request: JoinRequest, holder: Member | undefined): Promise<JoinAnswer> {
    const { memberId: id, groupInstanceId: instanceId } = request
    const refuse = (errorCode: number) => Promise.resolve(refusedJoin(errorCode, id))
    if (dropPending(group, id)) return this.#add(group, request, id)
    if (holder && holder.id !== id) return refuse(errorCodes.FENCED_INSTANCE_ID)
    const member = instanceId === null ? group.members.get(id) : holder
    if (!member) return refuse(errorCodes.UNKNOWN_MEMBER_ID)
    this.#rebalance.touch(member)
    const isChanged = !sameProtocols(member.protocols, request.protocols)
    // A lost answer is given again; a leader that joins in a stable group wants a new assignment.
    const isRepeat =
      !isChanged &&
      (group.state === 'CompletingRebalance' || (group.state === 'Stable' && id !== group.leaderId))
    if (isRepeat) return Promise.resolve(joinAnswer(group, member))
    return this.#rejoin(group, member, request)
  }

  #add(group: Group, request: JoinRequest, id: string): Promise<JoinAnswer> {
    const member: Member = {
      id,
      instanceId: request.groupInstanceId,
      ...askedOf(request),
      assignment: noBytes,
      aliveUntilMs: 0,
      sessionTimer: undefined,
      join: undefined,
      sync: undefined,
    }
    if (group.members.size === 0) group.protocolType = request.protocolType
    group.members.set(id, member)
    this.#rebalance.watchSession(group, member)
    return this.#rebalance.park(group, member)
  }

  #rejoin(group: Group, member: Member, request: JoinRequest): Promise<JoinAnswer> {
    Object.assign(member, askedOf(request))
    return this.#rebalance.park(group, member)
  }

  /**
   * A static member that came back without its id takes over; in a stable group whose protocol stays nobody else notices.
   * What else it says counts from the next round on: as Kafka does, since a new process owns nothing and says so.
   */
  async #replaceStatic(
    group: Group,
    request: JoinRequest,
    old: Member,
    id: string,
  ): Promise<JoinAnswer> {
    settleJoin(old, refusedJoin(errorCodes.FENCED_INSTANCE_ID, old.id))
    settleSync(old, refusedSync(errorCodes.FENCED_INSTANCE_ID))
    old.sessionTimer?.cancel()
    const member: Member = { ...old, ...askedOf(request), id, sessionTimer: undefined }
    replaceMember(group, old, member)
    this.#rebalance.watchSession(group, member)
    if (group.state !== 'Stable' || group.chooseProtocol() !== group.protocolName)
      return this.#rebalance.park(group, member)
    const answer = returningAnswer(group, member, old, request)
    try {
      await this.#options.persist(storeGroup(group, this.#options.clock.now()))
      return answer
    } catch {
      return refusedJoin(errorCodes.NOT_COORDINATOR, id)
    }
  }

  /** What the member that leaves is answered. */
  leave(group: Group, { memberId, groupInstanceId }: LeavingMember): number {
    if (dropPending(group, memberId)) {
      this.#rebalance.tryEndRound(group)
      return errorCodes.NONE
    }
    const member =
      groupInstanceId === null ? group.members.get(memberId) : group.byInstance(groupInstanceId)
    if (!member) return errorCodes.UNKNOWN_MEMBER_ID
    // An administrator removes a static member by its instance id alone (KIP-345).
    if (memberId !== '' && memberId !== member.id) return errorCodes.FENCED_INSTANCE_ID
    this.#rebalance.remove(group, [member], 'it left')
    return errorCodes.NONE
  }
}

/** What a member says of itself whenever it joins. */
function askedOf(request: JoinRequest) {
  const { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = request
  return {
    clientId,
    clientHost,
    sessionTimeoutMs,
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    protocols: ownCopies(request.protocols),
  }
}

function dropPending(group: Group, memberId: string): boolean {
  group.pendingIds.get(memberId)?.cancel()
  return group.pendingIds.delete(memberId)
}

/** In the same place of the list: assignors may go by order. */
function replaceMember(group: Group, old: Member, member: Member): void {
  const members = [...group.members.values()].map((each) => (each === old ? member : each))
  group.members.clear()
  for (const each of members) group.members.set(each.id, each)
  if (group.unsynced.delete(old.id)) group.unsynced.add(member.id)
  if (group.leaderId === old.id) group.leaderId = member.id
}

/** Before version 9 a returning leader must not assign again: it is told that its old self leads. */
function returningAnswer(
  group: Group,
  member: Member,
  old: Member,
  { canSkipAssignment }: JoinRequest,
): JoinAnswer {
  const answer = joinAnswer(group, member)
  if (member.id !== group.leaderId) return answer
  return canSkipAssignment
    ? { ...answer, skipAssignment: true }
    : { ...answer, leader: old.id, members: [] }
}
