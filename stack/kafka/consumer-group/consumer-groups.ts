// The coordinator of consumer groups whose members are assigned here (KIP-848; broker.md 3.8). A heartbeat is all that a
// member says, and one synchronous step of its group: who is in, what is read, targets, how far this member is. What the
// step changed is durable before it is answered, so that members carry on with a restarted broker.

import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { consumerGroupHeartbeat } from '../protocol/messages/group.ts'
import type { Infer } from '../protocol/types.ts'
import { ConsumerGroup } from './group.ts'
import type { TopicsView } from './group.ts'
import { asSaid, findLeaving, findMember, isFull, isLeaving } from './heartbeat.ts'
import type { HeartbeatRequest, Refusal } from './heartbeat.ts'
import { away, joining, mayCommit } from './member.ts'
import type { ConsumerMember } from './member.ts'
import { isSame, listOf, noPartitions, setOf } from './partition-set.ts'
import type { PartitionKey } from './partition-set.ts'
import { Sessions } from './sessions.ts'
import { applyEntry, consumerGroupEntry } from './stored-consumer-group.ts'
import type { ConsumerGroupEntry } from './stored-consumer-group.ts'

export type HeartbeatAnswer = Omit<Infer<typeof consumerGroupHeartbeat.response>, 'throttleTimeMs'>

export interface ConsumerGroupsOptions {
  clock: Clock
  logger: Logger
  topics: TopicsView
  /** Resolves when the entry is durable. */
  persist(entry: ConsumerGroupEntry): Promise<void>
  membersMax: number
  /** What members are told: a partition changes hands at the heartbeats of both. Kafka says 5 s. */
  heartbeatIntervalMs: number
  sessionTimeoutMs: number
}

export class ConsumerGroups {
  readonly #options: ConsumerGroupsOptions
  readonly #groups = new Map<string, ConsumerGroup>()
  readonly #sessions = new Map<string, Sessions>()
  /** By group, the last entry that is on its way to disk; those before it are there first. */
  readonly #stored = new Map<string, Promise<void>>()

  constructor(options: ConsumerGroupsOptions) {
    this.#options = options
  }

  /** After the journal's recovery: every member gets a fresh session. */
  start(): void {
    for (const group of this.#groups.values())
      for (const member of group.members.values()) this.#watch(group, member, noMember)
  }

  close(): void {
    for (const sessions of this.#sessions.values()) sessions.close()
  }

  get(groupId: string): ConsumerGroup | undefined {
    return this.#groups.get(groupId)
  }

  list(): Iterable<ConsumerGroup> {
    return this.#groups.values()
  }

  /** The group has become another kind of group, or nothing. */
  forget(groupId: string): void {
    this.#sessions.get(groupId)?.close()
    this.#sessions.delete(groupId)
    this.#groups.delete(groupId)
  }

  /** Of a request that has no fault of its own. */
  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const { groupId, memberEpoch } = request
    const known = this.#groups.get(groupId)
    if (isLeaving(request))
      return known
        ? this.#leave(known, request)
        : refused(groupNotFound(`Group ${groupId} not found.`))
    if (!known && memberEpoch !== joining)
      return refused(groupNotFound(`Consumer group ${groupId} not found.`))
    return this.#beat(known ?? new ConsumerGroup(groupId), request)
  }

  /** What somebody who says this id and epoch is answered who reads what is committed. */
  memberFault(group: ConsumerGroup, memberId: string, epoch: number): number {
    const member = group.members.get(memberId)
    if (!member) return errorCodes.UNKNOWN_MEMBER_ID
    return epoch === member.epoch ? errorCodes.NONE : errorCodes.STALE_MEMBER_EPOCH
  }

  /** And who commits an offset of this partition; undefined: there is no such topic. */
  commitFault(
    group: ConsumerGroup,
    memberId: string,
    epoch: number,
    partition: PartitionKey | undefined,
  ): number {
    // An administrator, or a consumer that keeps its own positions.
    if (epoch < 0 && group.members.size === 0) return errorCodes.NONE
    const member = group.members.get(memberId)
    if (!member) return errorCodes.UNKNOWN_MEMBER_ID
    return mayCommit(member, epoch, partition) ? errorCodes.NONE : errorCodes.STALE_MEMBER_EPOCH
  }

  // --- the journal's side ---

  apply(entry: ConsumerGroupEntry): void {
    const group = this.#groups.get(entry.id) ?? new ConsumerGroup(entry.id)
    this.#groups.set(group.id, group)
    applyEntry(group, entry)
  }

  *dump(): Generator<ConsumerGroupEntry> {
    for (const group of this.#groups.values()) yield consumerGroupEntry(group, group.members.keys())
  }

  #beat(group: ConsumerGroup, request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const { topics, membersMax } = this.#options
    const { topicPartitions } = request
    const memberId = request.memberId === '' ? randomUUID() : request.memberId
    const owned = topicPartitions === null ? undefined : setOf(topicPartitions)
    const found = findMember(group, { ...request, memberId }, owned)
    if ('error' in found) return Promise.resolve(refused(found))
    const { member: before, replaces } = found
    if (!group.members.has(before.id) && !replaces && group.members.size >= membersMax)
      return Promise.resolve(refused(groupIsFull(membersMax)))
    this.#groups.set(group.id, group)
    if (replaces) this.#sessionsOf(group).end(replaces.id)
    const said = asSaid(before, request)
    const { member, changed } = group.step({ before, replaces, said, owned, topics })
    this.#watch(group, member, before)
    const isMoved = !isSame(before.assigned, member.assigned)
    return this.#durably(group, changed, {
      errorCode: errorCodes.NONE,
      errorMessage: null,
      memberId: member.id,
      memberEpoch: member.epoch,
      heartbeatIntervalMs: this.#options.heartbeatIntervalMs,
      assignment: isMoved || isFull(request) ? { topicPartitions: listOf(member.assigned) } : null,
    })
  }

  #leave(group: ConsumerGroup, request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const found = findLeaving(group, request)
    if ('error' in found) return Promise.resolve(refused(found))
    const { member } = found
    if (request.memberEpoch === away) {
      group.members.set(member.id, { ...member, epoch: away, revoking: noPartitions })
      this.#sessionsOf(group).settled(member.id)
    } else this.#remove(group, member, 'it left')
    return this.#durably(group, [member.id], {
      ...nothing,
      errorCode: errorCodes.NONE,
      errorMessage: null,
      memberId: member.id,
      memberEpoch: request.memberEpoch,
    })
  }

  #remove(group: ConsumerGroup, member: ConsumerMember, why: string): void {
    this.#options.logger.debug('a member is gone', { group: group.id, member: member.id, why })
    this.#sessionsOf(group).end(member.id)
    group.remove(member, this.#options.topics)
  }

  /** A member that has to let go of partitions has its rebalance timeout for it. */
  #watch(group: ConsumerGroup, member: ConsumerMember, before: ConsumerMember): void {
    const sessions = this.#sessionsOf(group)
    const begins = member.revoking.size > 0 && !isSame(member.revoking, before.revoking)
    sessions.touch(member.id, begins ? { timeoutMs: member.rebalanceTimeoutMs } : undefined)
    if (member.revoking.size === 0) sessions.settled(member.id)
  }

  #sessionsOf(group: ConsumerGroup): Sessions {
    const known = this.#sessions.get(group.id)
    if (known) return known
    const { clock, sessionTimeoutMs } = this.#options
    const sessions = new Sessions({
      clock,
      sessionTimeoutMs,
      expired: (memberId, why) => {
        const member = group.members.get(memberId)
        if (!member) return
        this.#remove(group, member, why)
        this.#store(group, [memberId])
      },
    })
    this.#sessions.set(group.id, sessions)
    return sessions
  }

  /** The answer goes out when everything that it rests on is on disk, also what another answer waits for. */
  async #durably(
    group: ConsumerGroup,
    changed: readonly string[],
    answer: HeartbeatAnswer,
  ): Promise<HeartbeatAnswer> {
    try {
      if (changed.length > 0) this.#store(group, changed)
      await this.#stored.get(group.id)
      return answer
    } catch {
      return refused({ error: 'NOT_COORDINATOR', message: 'The journal cannot be written.' })
    }
  }

  #store(group: ConsumerGroup, changed: readonly string[]): void {
    const stored = this.#options.persist(consumerGroupEntry(group, changed))
    const forget = () => {
      if (this.#stored.get(group.id) === stored) this.#stored.delete(group.id)
    }
    stored.then(forget, forget)
    this.#stored.set(group.id, stored)
  }
}

const noMember = { revoking: noPartitions } as ConsumerMember

const nothing = { memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null }

export function refused({ error, message }: Refusal): HeartbeatAnswer {
  return { ...nothing, errorCode: errorCodes[error], errorMessage: message }
}

export function groupNotFound(message: string): Refusal {
  return { error: 'GROUP_ID_NOT_FOUND', message }
}

function groupIsFull(membersMax: number): Refusal {
  return {
    error: 'GROUP_MAX_SIZE_REACHED',
    message: `The consumer group has reached its maximum capacity of ${membersMax} members.`,
  }
}
