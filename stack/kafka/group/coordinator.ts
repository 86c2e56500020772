// The coordinator of classic consumer groups (broker.md 3.7). Every transition is synchronous; what a member waits for
// is a parked answer in its `join` or `sync`. Timers are the group's round and one per member, re-armed lazily. A
// generation that becomes stable, and every committed offset, is durable before it is answered, so that a restarted
// broker lets its clients carry on.

import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { errorCodes } from '../protocol/errors.ts'
import { Group } from './group.ts'
import type { GroupProtocol, JoinAnswer, Member, SyncAnswer } from './member.ts'
import { noBytes, sameProtocols } from './member.ts'
import { applyEntry, metadataFault, putOffset, storeGroup, storeOffsets } from './stored-group.ts'
import type { GroupEntry, StoredOffset } from './stored-group.ts'

export interface CoordinatorOptions {
  clock: Clock
  logger: Logger
  /** Resolves when the entry is durable. */
  persist(entry: GroupEntry): Promise<void>
  /** The first join of an empty group waits this long for others. */
  initialRebalanceDelayMs?: number
  sessionTimeoutMsMin?: number
  sessionTimeoutMsMax?: number
  offsetsRetentionMs?: number
}

export interface JoinRequest {
  groupId: string
  sessionTimeoutMs: number
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

export interface MemberRef {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
}

export interface SyncRequest extends MemberRef {
  protocolType: string | null
  protocolName: string | null
  assignments: { memberId: string; assignment: Buffer }[]
}

export interface LeavingMember {
  memberId: string
  groupInstanceId: string | null
}

const defaults = {
  initialRebalanceDelayMs: 0,
  sessionTimeoutMsMin: 6000,
  sessionTimeoutMsMax: 30 * 60_000,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
}

export class GroupCoordinator {
  readonly #groups = new Map<string, Group>()
  readonly #options: Required<CoordinatorOptions>
  #closed = false

  constructor(options: CoordinatorOptions) {
    this.#options = { ...defaults, ...options }
  }

  // --- membership ---

  join(request: JoinRequest): Promise<JoinAnswer> {
    const refuse = (errorCode: number, memberId = request.memberId) =>
      Promise.resolve(refusedJoin(errorCode, memberId))
    const { sessionTimeoutMsMin: min, sessionTimeoutMsMax: max } = this.#options
    if (request.groupId === '') return refuse(errorCodes.INVALID_GROUP_ID)
    if (request.sessionTimeoutMs < min || request.sessionTimeoutMs > max) {
      return refuse(errorCodes.INVALID_SESSION_TIMEOUT)
    }
    let group = this.#groups.get(request.groupId)
    if (!group) {
      if (request.memberId !== '') return refuse(errorCodes.UNKNOWN_MEMBER_ID)
      group = new Group(request.groupId)
      this.#groups.set(group.id, group)
    }
    const replaced =
      request.groupInstanceId === null ? undefined : group.byInstance(request.groupInstanceId)
    if (
      !group.supports(request.protocolType, request.protocols, request.memberId || replaced?.id)
    ) {
      return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
    }
    return request.memberId === ''
      ? this.#joinNew(group, request, replaced)
      : this.#joinKnown(group, request, replaced)
  }

  sync(request: SyncRequest): Promise<SyncAnswer> {
    const refuse = (errorCode: number) => Promise.resolve(refusedSync(errorCode))
    const { group, member, errorCode } = this.#find(request)
    if (!group || !member) return refuse(errorCode)
    if (request.generationId !== group.generationId) return refuse(errorCodes.ILLEGAL_GENERATION)
    const isOther =
      (request.protocolType !== null && request.protocolType !== group.protocolType) ||
      (request.protocolName !== null && request.protocolName !== group.protocolName)
    if (isOther) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
    this.#touch(member)
    if (group.state === 'Empty') return refuse(errorCodes.UNKNOWN_MEMBER_ID)
    if (group.state === 'PreparingRebalance') return refuse(errorCodes.REBALANCE_IN_PROGRESS)
    if (group.state === 'Stable') return Promise.resolve(syncAnswer(group, member))
    return new Promise((resolve) => {
      member.sync = resolve
      if (member.id === group.leaderId) this.#stabilize(group, request.assignments)
    })
  }

  heartbeat(request: MemberRef): number {
    const { group, member, errorCode } = this.#find(request)
    if (!group || !member) return errorCode
    if (request.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION
    this.#touch(member)
    return group.state === 'PreparingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE
  }

  leave(groupId: string, leaving: readonly LeavingMember[]): number[] {
    const group = this.#groups.get(groupId)
    return leaving.map(({ memberId, groupInstanceId }) => {
      if (!group) return errorCodes.UNKNOWN_MEMBER_ID
      if (this.#dropPending(group, memberId)) {
        this.#tryEndRound(group)
        return errorCodes.NONE
      }
      const member =
        groupInstanceId === null ? group.members.get(memberId) : group.byInstance(groupInstanceId)
      if (!member) return errorCodes.UNKNOWN_MEMBER_ID
      if (memberId !== '' && memberId !== member.id) return errorCodes.FENCED_INSTANCE_ID
      this.#remove(group, member, 'it left')
      return errorCodes.NONE
    })
  }

  // --- offsets ---

  async commitOffsets(
    request: MemberRef,
    offsets: readonly StoredOffset[],
  ): Promise<Map<StoredOffset, number>> {
    const fault = this.#commitFault(request)
    const codes = new Map(offsets.map((each) => [each, fault || metadataFault(each.metadata)]))
    const accepted = offsets.filter((each) => codes.get(each) === errorCodes.NONE)
    if (accepted.length > 0) {
      await this.#options.persist({ kind: 'offsets', id: request.groupId, offsets: [...accepted] })
      const group = this.#groups.get(request.groupId) ?? new Group(request.groupId)
      this.#groups.set(request.groupId, group)
      for (const each of accepted) putOffset(group, each)
      if (group.state === 'Empty') group.emptySinceMs = this.#options.clock.now()
    }
    return codes
  }

  /** Undefined: nothing committed. */
  committed(
    groupId: string,
    topic: string,
    partition: number,
  ): Omit<StoredOffset, 'topic' | 'partition'> | undefined {
    return this.#groups.get(groupId)?.offsets.get(topic)?.get(partition)
  }

  committedPartitions(groupId: string): { topic: string; partitions: number[] }[] {
    const group = this.#groups.get(groupId)
    return [...(group?.offsets ?? [])].map(([topic, partitions]) => ({
      topic,
      partitions: [...partitions.keys()],
    }))
  }

  /** A group may drop offsets only of topics that no member reads. */
  async deleteOffsets(
    groupId: string,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<{ errorCode: number; codes: number[] }> {
    const group = this.#groups.get(groupId)
    if (!group) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, codes: [] }
    const read = subscribedTopics(group)
    const codes = partitions.map(({ topic }) =>
      read.has(topic) ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE,
    )
    const dropped = partitions.filter((_, i) => codes[i] === errorCodes.NONE)
    await this.#options.persist({ kind: 'offsets-deleted', id: groupId, partitions: dropped })
    for (const { topic, partition } of dropped) group.offsets.get(topic)?.delete(partition)
    return { errorCode: errorCodes.NONE, codes }
  }

  /** Offsets of a deleted topic mean nothing to one of the same name. */
  forgetTopic(topic: string): void {
    for (const group of this.#groups.values()) {
      const partitions = [...(group.offsets.get(topic)?.keys() ?? [])].map((partition) => ({
        topic,
        partition,
      }))
      if (!group.offsets.delete(topic)) continue
      void this.#options.persist({ kind: 'offsets-deleted', id: group.id, partitions })
    }
  }

  // --- looking and deleting ---

  list(): { groupId: string; protocolType: string; state: string }[] {
    return [...this.#groups.values()].map((group) => ({
      groupId: group.id,
      protocolType: group.protocolType ?? '',
      state: group.state,
    }))
  }

  describe(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  async delete(groupId: string): Promise<number> {
    const group = this.#groups.get(groupId)
    if (!group) return errorCodes.GROUP_ID_NOT_FOUND
    if (group.members.size > 0) return errorCodes.NON_EMPTY_GROUP
    this.#groups.delete(groupId)
    await this.#options.persist({ kind: 'group-deleted', id: groupId })
    return errorCodes.NONE
  }

  /** Offsets go a week after their group became empty; groups without any go at once. */
  expire(nowMs: number): void {
    for (const group of this.#groups.values()) {
      if (group.state !== 'Empty' || group.pendingIds.size > 0) continue
      group.emptySinceMs ??= nowMs
      const isOld = nowMs - group.emptySinceMs >= this.#options.offsetsRetentionMs
      if (group.offsets.size === 0 || isOld) void this.delete(group.id)
    }
  }

  // --- the journal's side ---

  restore(entry: GroupEntry): void {
    applyEntry(this.#groups, entry)
  }

  /** After the last entry: members get a fresh session each. */
  start(): void {
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) this.#watchSession(group, member)
    }
  }

  snapshot(): GroupEntry[] {
    return [...this.#groups.values()].flatMap((group) => [storeGroup(group), storeOffsets(group)])
  }

  /** Parked answers are let go: clients find another connection closed and come again. */
  close(): void {
    this.#closed = true
    for (const group of this.#groups.values()) {
      group.roundTimer?.cancel()
      for (const timer of group.pendingIds.values()) timer.cancel()
      for (const member of group.members.values()) {
        member.sessionTimer?.cancel()
        this.#answerJoin(member, refusedJoin(errorCodes.NOT_COORDINATOR, member.id))
        this.#answerSync(member, refusedSync(errorCodes.NOT_COORDINATOR))
      }
    }
  }

  // --- joining ---

  #joinNew(group: Group, request: JoinRequest, replaced: Member | undefined): Promise<JoinAnswer> {
    const id = `${request.groupInstanceId ?? request.clientId}-${randomUUID()}`
    if (replaced) return this.#replaceStatic(group, request, replaced, id)
    if (request.requiresKnownId && request.groupInstanceId === null) {
      const timer = this.#options.clock.after(request.sessionTimeoutMs, () => {
        group.pendingIds.delete(id)
        this.#tryEndRound(group)
      })
      group.pendingIds.set(id, timer)
      return Promise.resolve(refusedJoin(errorCodes.MEMBER_ID_REQUIRED, id))
    }
    return this.#addAndWait(group, request, id)
  }

  #joinKnown(
    group: Group,
    request: JoinRequest,
    replaced: Member | undefined,
  ): Promise<JoinAnswer> {
    if (this.#dropPending(group, request.memberId))
      return this.#addAndWait(group, request, request.memberId)
    if (replaced && replaced.id !== request.memberId) {
      return Promise.resolve(refusedJoin(errorCodes.FENCED_INSTANCE_ID, request.memberId))
    }
    const member = group.members.get(request.memberId)
    if (!member) return Promise.resolve(refusedJoin(errorCodes.UNKNOWN_MEMBER_ID, request.memberId))
    this.#touch(member)
    const isChanged = !sameProtocols(member.protocols, request.protocols)
    const answersNow =
      (group.state === 'CompletingRebalance' && !isChanged) ||
      (group.state === 'Stable' && !isChanged && member.id !== group.leaderId)
    if (answersNow) return Promise.resolve(joinAnswer(group, member))
    return this.#update(group, member, request)
  }

  #addAndWait(group: Group, request: JoinRequest, id: string): Promise<JoinAnswer> {
    const member: Member = {
      id,
      instanceId: request.groupInstanceId,
      clientId: request.clientId,
      clientHost: request.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: rebalanceTimeoutOf(request),
      protocols: ownCopies(request.protocols),
      assignment: noBytes,
      aliveUntilMs: 0,
      sessionTimer: undefined,
      join: undefined,
      sync: undefined,
    }
    const wasEmpty = group.members.size === 0
    group.members.set(id, member)
    group.protocolType ??= request.protocolType
    if (wasEmpty) group.protocolType = request.protocolType
    group.leaderId ??= id
    this.#watchSession(group, member)
    return this.#park(group, member)
  }

  #update(group: Group, member: Member, request: JoinRequest): Promise<JoinAnswer> {
    member.protocols = ownCopies(request.protocols)
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = rebalanceTimeoutOf(request)
    // A second join of the same member takes the place of the first.
    this.#answerJoin(member, refusedJoin(errorCodes.UNKNOWN_MEMBER_ID, member.id))
    return this.#park(group, member)
  }

  /** A static member that came back without its id takes over; in a stable, unchanged group nobody else notices. */
  #replaceStatic(group: Group, request: JoinRequest, old: Member, id: string): Promise<JoinAnswer> {
    this.#answerJoin(old, refusedJoin(errorCodes.FENCED_INSTANCE_ID, old.id))
    this.#answerSync(old, refusedSync(errorCodes.FENCED_INSTANCE_ID))
    old.sessionTimer?.cancel()
    const isChanged = !sameProtocols(old.protocols, request.protocols)
    const member: Member = { ...old, id, sessionTimer: undefined, join: undefined, sync: undefined }
    renameMember(group, old.id, member)
    if (group.leaderId === old.id) group.leaderId = id
    this.#watchSession(group, member)
    if (group.state !== 'Stable' || isChanged) return this.#update(group, member, request)
    void this.#options.persist(storeGroup(group))
    const answer = joinAnswer(group, member)
    if (member.id !== group.leaderId) return Promise.resolve(answer)
    // Before version 9 the returning leader must not assign again: it is told that somebody else leads.
    return Promise.resolve(
      request.canSkipAssignment
        ? { ...answer, skipAssignment: true }
        : { ...answer, leader: old.id, members: [] },
    )
  }

  #park(group: Group, member: Member): Promise<JoinAnswer> {
    return new Promise((resolve) => {
      member.join = resolve
      if (group.state !== 'PreparingRebalance') this.#beginRound(group)
      else this.#tryEndRound(group)
    })
  }

  // --- rounds ---

  #beginRound(group: Group): void {
    if (this.#closed) return
    if (group.state === 'CompletingRebalance') {
      for (const member of group.members.values()) {
        this.#answerSync(member, refusedSync(errorCodes.REBALANCE_IN_PROGRESS))
      }
    }
    const wasEmpty = group.state === 'Empty'
    group.state = 'PreparingRebalance'
    group.roundTimer?.cancel()
    const { clock, initialRebalanceDelayMs } = this.#options
    if (wasEmpty && initialRebalanceDelayMs > 0) {
      group.roundTimer = clock.after(initialRebalanceDelayMs, () => this.#endRound(group))
      return
    }
    group.roundTimer = clock.after(group.rebalanceTimeoutMs, () => this.#endRound(group))
    this.#tryEndRound(group)
  }

  #tryEndRound(group: Group): void {
    if (group.state === 'PreparingRebalance' && group.allJoined) this.#endRound(group)
  }

  /** Everybody is there, or time is up: dynamic members that did not come are dropped. */
  #endRound(group: Group): void {
    group.roundTimer?.cancel()
    for (const member of [...group.members.values()]) {
      if (member.join || member.instanceId !== null) continue
      member.sessionTimer?.cancel()
      group.members.delete(member.id)
    }
    group.generationId++
    if (group.members.size === 0) return this.#becomeEmpty(group)
    const leader = group.leaderId === null ? undefined : group.members.get(group.leaderId)
    if (!leader?.join) {
      group.leaderId =
        ([...group.members.values()].find((member) => member.join) ?? leader)?.id ?? null
    }
    group.protocolName = group.chooseProtocol()
    group.state = 'CompletingRebalance'
    for (const member of group.members.values()) {
      this.#touch(member)
      this.#answerJoin(member, joinAnswer(group, member))
    }
    const { generationId } = group
    group.roundTimer = this.#options.clock.after(group.rebalanceTimeoutMs, () =>
      this.#dropUnsynced(group, generationId),
    )
  }

  #dropUnsynced(group: Group, generationId: number): void {
    if (group.state !== 'CompletingRebalance' || group.generationId !== generationId) return
    for (const member of [...group.members.values()]) {
      if (!member.sync) this.#remove(group, member, 'it did not sync')
    }
  }

  #stabilize(group: Group, assignments: SyncRequest['assignments']): void {
    group.roundTimer?.cancel()
    group.state = 'Stable'
    const { generationId } = group
    const given = new Map(
      assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]),
    )
    for (const member of group.members.values()) member.assignment = given.get(member.id) ?? noBytes
    void this.#options.persist(storeGroup(group)).then(
      () => {
        for (const member of group.members.values()) {
          const isCurrent = group.generationId === generationId && group.state === 'Stable'
          this.#answerSync(
            member,
            isCurrent ? syncAnswer(group, member) : refusedSync(errorCodes.REBALANCE_IN_PROGRESS),
          )
        }
      },
      () => {
        for (const member of group.members.values()) {
          this.#answerSync(member, refusedSync(errorCodes.NOT_COORDINATOR))
        }
      },
    )
  }

  #becomeEmpty(group: Group): void {
    group.state = 'Empty'
    group.leaderId = null
    group.protocolName = null
    group.emptySinceMs = this.#options.clock.now()
    void this.#options.persist(storeGroup(group))
  }

  // --- members ---

  #remove(group: Group, member: Member, why: string): void {
    this.#options.logger.debug('a member is gone', { group: group.id, member: member.id, why })
    member.sessionTimer?.cancel()
    this.#answerJoin(member, refusedJoin(errorCodes.UNKNOWN_MEMBER_ID, member.id))
    this.#answerSync(member, refusedSync(errorCodes.UNKNOWN_MEMBER_ID))
    group.members.delete(member.id)
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.#beginRound(group)
    else this.#tryEndRound(group)
  }

  #dropPending(group: Group, memberId: string): boolean {
    group.pendingIds.get(memberId)?.cancel()
    return group.pendingIds.delete(memberId)
  }

  #touch(member: Member): void {
    member.aliveUntilMs = this.#options.clock.now() + member.sessionTimeoutMs
  }

  /** One timer a member; it looks how long the member was silent and sleeps again if it was not. */
  #watchSession(group: Group, member: Member): void {
    this.#touch(member)
    const look = () => {
      if (group.members.get(member.id) !== member) return
      const leftMs = member.aliveUntilMs - this.#options.clock.now()
      // A parked member is alive: it waits for us.
      if (leftMs <= 0 && !member.join && !member.sync)
        return this.#remove(group, member, 'its session expired')
      member.sessionTimer = this.#options.clock.after(
        leftMs > 0 ? leftMs : member.sessionTimeoutMs,
        look,
      )
    }
    member.sessionTimer = this.#options.clock.after(member.sessionTimeoutMs, look)
  }

  #answerJoin(member: Member, answer: JoinAnswer): void {
    const { join } = member
    member.join = undefined
    join?.(answer)
  }

  #answerSync(member: Member, answer: SyncAnswer): void {
    const { sync } = member
    member.sync = undefined
    sync?.(answer)
  }

  #find({ groupId, memberId, groupInstanceId }: MemberRef): {
    group?: Group
    member?: Member
    errorCode: number
  } {
    const group = this.#groups.get(groupId)
    if (!group) return { errorCode: errorCodes.UNKNOWN_MEMBER_ID }
    if (groupInstanceId !== null) {
      const holder = group.byInstance(groupInstanceId)
      if (!holder) return { group, errorCode: errorCodes.UNKNOWN_MEMBER_ID }
      if (holder.id !== memberId) return { group, errorCode: errorCodes.FENCED_INSTANCE_ID }
    }
    const member = group.members.get(memberId)
    return member
      ? { group, member, errorCode: 0 }
      : { group, errorCode: errorCodes.UNKNOWN_MEMBER_ID }
  }

  #commitFault(request: MemberRef): number {
    if (request.groupId === '') return errorCodes.INVALID_GROUP_ID
    const group = this.#groups.get(request.groupId)
    // A simple consumer: no member, no generation, and nobody else in the group.
    if (request.generationId < 0 && request.memberId === '') {
      return group && group.members.size > 0 ? errorCodes.UNKNOWN_MEMBER_ID : errorCodes.NONE
    }
    const found = this.#find(request)
    if (!found.group || !found.member) {
      return group ? found.errorCode : errorCodes.ILLEGAL_GENERATION
    }
    if (request.generationId !== found.group.generationId) return errorCodes.ILLEGAL_GENERATION
    this.#touch(found.member)
    return found.group.state === 'CompletingRebalance'
      ? errorCodes.REBALANCE_IN_PROGRESS
      : errorCodes.NONE
  }
}

function rebalanceTimeoutOf(request: JoinRequest): number {
  // Version 0 has none: the session timeout stands for both.
  return request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs
}

/** Slices of a frame are not kept. */
function ownCopies(protocols: readonly GroupProtocol[]): GroupProtocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }))
}

function renameMember(group: Group, oldId: string, member: Member): void {
  const members = [...group.members.values()].map((each) => (each.id === oldId ? member : each))
  group.members.clear()
  for (const each of members) group.members.set(each.id, each)
}

function joinAnswer(group: Group, member: Member): JoinAnswer {
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

function refusedJoin(errorCode: number, memberId: string): JoinAnswer {
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

function syncAnswer(group: Group, member: Member): SyncAnswer {
  return {
    errorCode: errorCodes.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  }
}

function refusedSync(errorCode: number): SyncAnswer {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes }
}

/** Topics in the subscriptions of "consumer" members: int16 version, then an array of strings. */
function subscribedTopics(group: Group): Set<string> {
  const topics = new Set<string>()
  if (group.protocolType !== 'consumer') return topics
  for (const { metadata } of group.memberList()) {
    if (metadata.length < 6) continue
    let at = 6
    for (let left = metadata.readInt32BE(2); left > 0 && at + 2 <= metadata.length; left--) {
      const length = metadata.readInt16BE(at)
      topics.add(metadata.toString('utf8', at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  return topics
}
