// The coordinator of consumer groups (broker.md 3.7): finds the group and the member, says what is wrong with a request,
// and hands the rest to the group's rebalance and to the committed offsets. Each stable generation and each committed
// offset is durable before it is answered, so that clients carry on with a restarted broker.
//
// Groups whose members are assigned by the broker (KIP-848) are in ../consumer-group; ids and offsets are of both kinds.
// A group of one kind that has no members becomes one of the other when a member of that kind comes.

import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { dayMs, minuteMs, secondMs } from '../../base/units.ts'
import { ConsumerGroups, groupNotFound, refused } from '../consumer-group/consumer-groups.ts'
import type { HeartbeatAnswer } from '../consumer-group/consumer-groups.ts'
import type { ConsumerGroup, TopicsView } from '../consumer-group/group.ts'
import { requestFault } from '../consumer-group/heartbeat.ts'
import type { HeartbeatRequest } from '../consumer-group/heartbeat.ts'
import { joining } from '../consumer-group/member.ts'
import { partitionKey } from '../consumer-group/partition-set.ts'
import type { PartitionKey } from '../consumer-group/partition-set.ts'
import type { Journal } from '../journal/journal.ts'
import { errorCodes } from '../protocol/errors.ts'
import { refusedJoin, refusedSync, settleJoin, settleSync, syncAnswer } from './answers.ts'
import { Group } from './group.ts'
import type { JoinAnswer, Member, SyncAnswer } from './member.ts'
import { Membership } from './membership.ts'
import type { JoinRequest, LeavingMember } from './membership.ts'
import { expiredOffsets, GroupOffsets, metadataFault, subscribedTopics } from './offsets.ts'
import type { CommittedOffset, TopicPartition } from './offsets.ts'
import { Rebalance } from './rebalance.ts'
import { groupEntryKinds, nextStored, restoreGroup } from './stored-group.ts'
import type { GroupEntry, StoredGroup, StoredOffset } from './stored-group.ts'

export interface CoordinatorOptions {
  clock: Clock
  logger: Logger
  journal: Journal
  topics: TopicsView
  /** The first join of an empty group waits this long for others. */
  initialRebalanceDelayMs?: number
  sessionTimeoutMsMin?: number
  sessionTimeoutMsMax?: number
  offsetsRetentionMs?: number
  membersMax?: number
  /** Of members that the broker assigns: what it asks of them. */
  consumerHeartbeatIntervalMs?: number
  consumerSessionTimeoutMs?: number
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

export interface ListedGroup {
  groupId: string
  type: 'classic' | 'consumer'
  protocolType: string
  state: string
}

type Found = { group: Group; member: Member } | { errorCode: number }

const defaults = {
  initialRebalanceDelayMs: 0,
  sessionTimeoutMsMin: 6 * secondMs,
  sessionTimeoutMsMax: 30 * minuteMs,
  offsetsRetentionMs: 7 * dayMs,
  membersMax: 5000,
  consumerHeartbeatIntervalMs: secondMs,
  consumerSessionTimeoutMs: 45 * secondMs,
}

export class GroupCoordinator {
  readonly #groups = new Map<string, Group>()
  /** What the journal holds of each group: behind the living one while it rebalances. */
  readonly #stored = new Map<string, StoredGroup>()
  readonly #offsets = new GroupOffsets()
  readonly #options: Required<CoordinatorOptions>
  readonly #rebalance: Rebalance
  readonly #membership: Membership
  readonly #consumerGroups: ConsumerGroups
  #isOpen = false

  constructor(options: CoordinatorOptions) {
    this.#options = { ...defaults, ...options }
    const persist = (entry: GroupEntry) => this.#persist(entry)
    this.#rebalance = new Rebalance({ ...this.#options, persist })
    this.#membership = new Membership({ ...this.#options, rebalance: this.#rebalance, persist })
    this.#consumerGroups = new ConsumerGroups({
      ...this.#options,
      heartbeatIntervalMs: this.#options.consumerHeartbeatIntervalMs,
      sessionTimeoutMs: this.#options.consumerSessionTimeoutMs,
      persist,
    })
    options.journal.own<GroupEntry>({
      kinds: groupEntryKinds,
      apply: (entry) => this.#apply(entry),
      dump: () => this.#dump(),
    })
  }

  /** After the journal's recovery: every member gets a fresh session. */
  start(): void {
    for (const stored of this.#stored.values()) this.#groups.set(stored.id, restoreGroup(stored))
    for (const id of this.#offsets.groupIds()) this.#getOrAdd(id)
    this.#consumerGroups.start()
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) this.#rebalance.watchSession(group, member)
      if (group.state === 'PreparingRebalance') this.#rebalance.resumeRound(group)
    }
    this.#isOpen = true
  }

  /** Parked answers are let go; clients find their connection closed and come again. */
  close(): void {
    this.#isOpen = false
    this.#consumerGroups.close()
    for (const group of this.#groups.values()) {
      group.roundTimer?.cancel()
      for (const timer of group.pendingIds.values()) timer.cancel()
      for (const member of group.members.values()) {
        member.sessionTimer?.cancel()
        settleJoin(member, refusedJoin(errorCodes.NOT_COORDINATOR, member.id))
        settleSync(member, refusedSync(errorCodes.NOT_COORDINATOR))
      }
    }
  }

  // --- membership ---

  join(request: JoinRequest): Promise<JoinAnswer> {
    const refuse = (errorCode: number) => Promise.resolve(refusedJoin(errorCode, request.memberId))
    const { sessionTimeoutMsMin: min, sessionTimeoutMsMax: max } = this.#options
    if (!this.#isOpen) return refuse(errorCodes.NOT_COORDINATOR)
    if (request.groupId === '') return refuse(errorCodes.INVALID_GROUP_ID)
    if (request.sessionTimeoutMs < min || request.sessionTimeoutMs > max)
      return refuse(errorCodes.INVALID_SESSION_TIMEOUT)
    const known = this.#groups.get(request.groupId)
    if (!known && request.memberId !== '') return refuse(errorCodes.UNKNOWN_MEMBER_ID)
    const group = known ?? new Group(request.groupId)
    const { groupInstanceId: instanceId } = request
    const holder = instanceId === null ? undefined : group.byInstance(instanceId)
    if (!group.supports(request.protocolType, request.protocols, request.memberId || holder?.id))
      return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
    const other = this.#consumerGroups.get(group.id)
    if (other && other.members.size > 0) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
    this.#consumerGroups.forget(group.id)
    this.#groups.set(group.id, group)
    return this.#membership.join(group, request, holder)
  }

  sync(request: SyncRequest): Promise<SyncAnswer> {
    const refuse = (errorCode: number) => Promise.resolve(refusedSync(errorCode))
    const found = this.#find(request)
    if ('errorCode' in found) return refuse(found.errorCode)
    const { group, member } = found
    if (request.generationId !== group.generationId) return refuse(errorCodes.ILLEGAL_GENERATION)
    const isOther =
      (request.protocolType !== null && request.protocolType !== group.protocolType) ||
      (request.protocolName !== null && request.protocolName !== group.protocolName)
    if (isOther) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
    this.#rebalance.touch(member)
    if (group.state === 'PreparingRebalance') return refuse(errorCodes.REBALANCE_IN_PROGRESS)
    if (group.state === 'Stable') {
      group.unsynced.delete(member.id)
      return Promise.resolve(syncAnswer(group, member))
    }
    const answer = this.#rebalance.awaitAssignment(group, member)
    if (member.id === group.leaderId) this.#rebalance.assign(group, request.assignments)
    return answer
  }

  heartbeat(request: MemberRef): number {
    const found = this.#find(request)
    if ('errorCode' in found) return found.errorCode
    const { group, member } = found
    if (request.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION
    this.#rebalance.touch(member)
    return group.state === 'PreparingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE
  }

  /** One code for each. */
  leave(groupId: string, leaving: readonly LeavingMember[]): number[] {
    const group = this.#groups.get(groupId)
    return leaving.map((member) =>
      group ? this.#membership.leave(group, member) : errorCodes.UNKNOWN_MEMBER_ID,
    )
  }

  /** All that a member says whom the broker assigns. */
  consumerHeartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const { groupId } = request
    if (!this.#isOpen)
      return Promise.resolve(
        refused({ error: 'NOT_COORDINATOR', message: 'The broker is being stopped.' }),
      )
    const fault = requestFault(request)
    if (fault) return Promise.resolve(refused(fault))
    const classic = this.#groups.get(groupId)
    const staysClassic = classic && (!isDeserted(classic) || request.memberEpoch !== joining)
    if (staysClassic)
      return Promise.resolve(refused(groupNotFound(`Group ${groupId} is not a consumer group.`)))
    const answer = this.#consumerGroups.heartbeat(request)
    if (this.#consumerGroups.get(groupId)) this.#groups.delete(groupId)
    return answer
  }

  // --- offsets ---

  /**
   * A code for each offset, once those that are accepted are durable. Members whom the broker assigns say their epoch as
   * the generation, in versions that know of it.
   */
  async commitOffsets(
    request: MemberRef,
    offsets: readonly StoredOffset[],
    { saysEpoch = false } = {},
  ): Promise<Map<StoredOffset, number>> {
    const faultOf = this.#commitFaults(request, saysEpoch)
    const codes = new Map(
      offsets.map((each) => [each, faultOf(each) || metadataFault(each.metadata)]),
    )
    const accepted = offsets.filter((each) => codes.get(each) === errorCodes.NONE)
    if (accepted.length === 0) return codes
    try {
      await this.#persist({ kind: 'offsets', id: request.groupId, offsets: accepted })
    } catch {
      for (const each of accepted) codes.set(each, errorCodes.NOT_COORDINATOR)
    }
    return codes
  }

  /** Whether offsets of a member's transaction are refused: old versions name no member, and a rebalance is no obstacle. */
  transactionalCommitFault(request: MemberRef, offsets: readonly TopicPartition[]): number {
    const { generationId, memberId, groupInstanceId } = request
    const group = this.#groups.get(request.groupId)
    const isNamed = generationId >= 0 || memberId !== '' || groupInstanceId !== null
    const consumers = this.#consumerGroups.get(request.groupId)
    if (consumers && isNamed && this.#isOpen) {
      const faults = offsets.map((each) =>
        this.#consumerGroups.commitFault(consumers, memberId, generationId, this.#keyOf(each)),
      )
      const fault = faults.find((each) => each !== errorCodes.NONE) ?? errorCodes.NONE
      // What the request has no word for.
      return fault === errorCodes.STALE_MEMBER_EPOCH ? errorCodes.ILLEGAL_GENERATION : fault
    }
    if (!isNamed || (generationId < 0 && (group?.state ?? 'Empty') === 'Empty'))
      return this.#isOpen ? errorCodes.NONE : errorCodes.NOT_COORDINATOR
    return group ? this.#memberFault(request, group) : errorCodes.ILLEGAL_GENERATION
  }

  /** Offsets of a transaction that is committed; what the group is now no longer matters. */
  commitPending(groupId: string, offsets: readonly StoredOffset[]): Promise<void> {
    return this.#persist({ kind: 'offsets', id: groupId, offsets })
  }

  /** Whether a member that says its epoch may not read what is committed. */
  fetchFault(groupId: string, memberId: string | null, memberEpoch: number): number {
    const group = this.#consumerGroups.get(groupId)
    if (!group || (memberId === null && memberEpoch < 0)) return errorCodes.NONE
    return this.#consumerGroups.memberFault(group, memberId ?? '', memberEpoch)
  }

  /** Undefined: nothing committed. */
  committed(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#offsets.get(groupId, topic, partition)
  }

  committedPartitions(groupId: string): { topic: string; partitions: number[] }[] {
    const byTopic = new Map<string, number[]>()
    for (const { topic, partition } of this.#offsets.all(groupId))
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
    return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
  }

  /** Only of topics that no member reads; of a living group that is no consumer group, none at all. */
  async deleteOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<{ errorCode: number; codes: number[] }> {
    if (groupId === '') return { errorCode: errorCodes.INVALID_GROUP_ID, codes: [] }
    const group = this.#groups.get(groupId)
    const consumers = this.#consumerGroups.get(groupId)
    if (!group && !consumers) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND, codes: [] }
    if (group && group.members.size > 0 && group.protocolType !== 'consumer')
      return { errorCode: errorCodes.NON_EMPTY_GROUP, codes: [] }
    const members = group && group.members.size > 0 ? subscribedTopics(group) : new Set<string>()
    const read = consumers ? consumers.reads(this.#options.topics) : members
    const isFree = ({ topic }: TopicPartition) => read !== undefined && !read.has(topic)
    const codes = partitions.map((each) =>
      isFree(each) ? errorCodes.NONE : errorCodes.GROUP_SUBSCRIBED_TO_TOPIC,
    )
    const errorCode = await this.#tryPersist({
      kind: 'offsets-deleted',
      id: groupId,
      partitions: partitions.filter(isFree),
    })
    return { errorCode, codes }
  }

  /** Offsets of a deleted topic mean nothing to one of the same name. */
  forgetTopic(topic: string): void {
    for (const id of this.#offsets.groupIds()) this.#note(id, this.#offsets.ofTopic(id, topic))
  }

  // --- looking and deleting ---

  list(): ListedGroup[] {
    const classic = [...this.#groups.values()].map((group) => ({
      groupId: group.id,
      type: 'classic' as const,
      protocolType: group.protocolType ?? '',
      state: group.state as string,
    }))
    const consumer = [...this.#consumerGroups.list()].map((group) => ({
      groupId: group.id,
      type: 'consumer' as const,
      protocolType: 'consumer',
      state: group.state as string,
    }))
    return [...classic, ...consumer]
  }

  /** A classic group. */
  describe(groupId: string): Readonly<Group> | undefined {
    return this.#groups.get(groupId)
  }

  /** One whose members are assigned by the broker. */
  describeConsumers(groupId: string): ConsumerGroup | undefined {
    return this.#consumerGroups.get(groupId)
  }

  async delete(groupId: string): Promise<number> {
    const group = this.#groups.get(groupId) ?? this.#consumerGroups.get(groupId)
    if (!group) return errorCodes.GROUP_ID_NOT_FOUND
    if (group.state !== 'Empty') return errorCodes.NON_EMPTY_GROUP
    return this.#tryPersist({ kind: 'group-deleted', id: groupId })
  }

  /** Drops offsets whose time is over, and groups of which nothing is left. */
  expire(nowMs: number): void {
    const { offsetsRetentionMs: retentionMs } = this.#options
    for (const group of this.#groups.values()) {
      const changedMs = this.#stored.get(group.id)?.changedMs ?? 0
      const offsets = this.#offsets.all(group.id)
      const expired = expiredOffsets(group, offsets, { nowMs, retentionMs, changedMs })
      if (isDeserted(group) && expired.length === offsets.length)
        this.#rebalance.note({ kind: 'group-deleted', id: group.id })
      else this.#note(group.id, expired)
    }
    for (const group of this.#consumerGroups.list()) {
      const read = group.reads(this.#options.topics)
      const offsets = this.#offsets.all(group.id)
      const isOld = ({ topic, committedMs }: StoredOffset) =>
        !read.has(topic) && nowMs - committedMs >= retentionMs
      const expired = offsets.filter(isOld)
      if (group.members.size === 0 && expired.length === offsets.length)
        this.#rebalance.note({ kind: 'group-deleted', id: group.id })
      else this.#note(group.id, expired)
    }
  }

  #find({ groupId, memberId, groupInstanceId }: MemberRef): Found {
    if (!this.#isOpen) return { errorCode: errorCodes.NOT_COORDINATOR }
    if (groupId === '') return { errorCode: errorCodes.INVALID_GROUP_ID }
    const group = this.#groups.get(groupId)
    const holder = groupInstanceId === null ? undefined : group?.byInstance(groupInstanceId)
    if (holder && holder.id !== memberId) return { errorCode: errorCodes.FENCED_INSTANCE_ID }
    const member = groupInstanceId === null ? group?.members.get(memberId) : holder
    return group && member ? { group, member } : { errorCode: errorCodes.UNKNOWN_MEMBER_ID }
  }

  /** By offset: a member whom the broker assigns may still commit of some partitions what it may not of others. */
  #commitFaults(request: MemberRef, saysEpoch: boolean): (offset: TopicPartition) => number {
    const { groupId, memberId, generationId } = request
    const consumers = this.#consumerGroups.get(groupId)
    if (!consumers || !this.#isOpen) {
      const fault = this.#commitFault(request)
      const isUnknown = fault === errorCodes.ILLEGAL_GENERATION && !this.#groups.has(groupId)
      return () => (isUnknown && saysEpoch ? errorCodes.GROUP_ID_NOT_FOUND : fault)
    }
    if (!saysEpoch && consumers.members.has(memberId)) return () => errorCodes.UNSUPPORTED_VERSION
    return (offset) =>
      this.#consumerGroups.commitFault(consumers, memberId, generationId, this.#keyOf(offset))
  }

  #keyOf({ topic, partition }: TopicPartition): PartitionKey | undefined {
    const id = this.#options.topics.byName(topic)?.id
    return id === undefined ? undefined : partitionKey(id, partition)
  }

  #commitFault(request: MemberRef): number {
    if (!this.#isOpen) return errorCodes.NOT_COORDINATOR
    const { generationId, memberId, groupInstanceId } = request
    const group = this.#groups.get(request.groupId)
    // A simple consumer keeps its own positions; its group has no members, or is only known by these offsets.
    if (generationId < 0 && (group?.state ?? 'Empty') === 'Empty') return errorCodes.NONE
    if (!group) return errorCodes.ILLEGAL_GENERATION
    // The group of no name keeps offsets, and nobody can join it.
    const isNobody = memberId === '' && groupInstanceId === null
    if ((generationId < 0 && isNobody) || group.id === '') return errorCodes.UNKNOWN_MEMBER_ID
    const fault = this.#memberFault(request, group)
    if (fault !== errorCodes.NONE) return fault
    return group.state === 'CompletingRebalance'
      ? errorCodes.REBALANCE_IN_PROGRESS
      : errorCodes.NONE
  }

  #memberFault(request: MemberRef, group: Group): number {
    const found = this.#find(request)
    if ('errorCode' in found) return found.errorCode
    if (request.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION
    this.#rebalance.touch(found.member)
    return errorCodes.NONE
  }

  // --- the journal's side ---

  #apply(entry: GroupEntry): void {
    const stored = nextStored(this.#stored.get(entry.id), entry)
    if (stored) this.#stored.set(entry.id, stored)
    else this.#stored.delete(entry.id)
    this.#offsets.apply(entry)
    if (!this.#isOpen) this.#recover(entry)
    else if (entry.kind === 'group-deleted') this.#forget(entry.id)
    else this.#getOrAdd(entry.id)
  }

  /** Consumer groups live as the journal says they do; of classic ones it knows what was before a rebalance. */
  #recover(entry: GroupEntry): void {
    if (entry.kind === 'consumer-group') this.#consumerGroups.apply(entry)
    else if (entry.kind === 'offsets' || entry.kind === 'offsets-deleted') return
    else this.#consumerGroups.forget(entry.id)
  }

  /** Unless somebody joined while the deletion was on its way to disk. */
  #forget(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group && isDeserted(group)) this.#groups.delete(groupId)
    if (this.#consumerGroups.get(groupId)?.members.size === 0) this.#consumerGroups.forget(groupId)
  }

  *#dump(): Generator<GroupEntry> {
    yield* this.#stored.values()
    yield* this.#consumerGroups.dump()
    for (const id of this.#offsets.groupIds())
      yield { kind: 'offsets', id, offsets: this.#offsets.all(id) }
  }

  /** Offsets alone make a group. */
  #getOrAdd(groupId: string): void {
    if (this.#groups.has(groupId) || this.#consumerGroups.get(groupId)) return
    this.#groups.set(groupId, new Group(groupId))
  }

  #persist(entry: GroupEntry): Promise<void> {
    return this.#options.journal.append(entry)
  }

  async #tryPersist(entry: GroupEntry): Promise<number> {
    try {
      await this.#persist(entry)
      return errorCodes.NONE
    } catch {
      return errorCodes.NOT_COORDINATOR
    }
  }

  #note(groupId: string, partitions: TopicPartition[]): void {
    if (partitions.length === 0) return
    this.#rebalance.note({
      kind: 'offsets-deleted',
      id: groupId,
      partitions: partitions.map(({ topic, partition }) => ({ topic, partition })),
    })
  }
}

/** Nobody is in it or on the way. */
function isDeserted(group: Group): boolean {
  return group.state === 'Empty' && group.pendingIds.size === 0
}
