// Answers to JoinGroup and SyncGroup: the one that tells how the group stands, and the one that refuses.

import { errorCodes } from '../protocol/errors.ts'
import type { Group } from './group.ts'
import type { JoinAnswer, Member, SyncAnswer } from './member.ts'
import { noBytes } from './member.ts'

/** Only the leader learns who the members are. */
export function joinAnswer(group: Group, member: Member): JoinAnswer {
  return {
    errorCode: errorCodes.NONE,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    skipAssignment: false,
    memberId: member.id,
    members: member.id === group.leaderId ? group.memberList() : [],
  }
}

export function refusedJoin(errorCode: number, memberId: string): JoinAnswer {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function syncAnswer(group: Group, member: Member): SyncAnswer {
  return {
    errorCode: errorCodes.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  }
}

export function refusedSync(errorCode: number): SyncAnswer {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes }
}

export function settleJoin(member: Member, answer: JoinAnswer): void {
  const { join } = member
  member.join = undefined
  join?.(answer)
}

export function settleSync(member: Member, answer: SyncAnswer): void {
  const { sync } = member
  member.sync = undefined
  sync?.(answer)
}
