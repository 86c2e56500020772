// A consumer of KIP-848 as the tests of this folder need it: it keeps the epoch and the partitions that it was told,
// lets go before it takes, says all of itself when it begins and after trouble. And topics that tests make up.

import { errorCodes } from '../protocol/errors.ts'
import type { GroupCoordinator } from '../group/coordinator.ts'
import type { Topic } from '../topics/topic.ts'
import type { HeartbeatAnswer } from './consumer-groups.ts'
import type { TopicsView } from './group.ts'
import type { HeartbeatRequest } from './heartbeat.ts'
import { joining } from './member.ts'
import type { PartitionSet } from './partition-set.ts'
import { listOf, noPartitions, setOf } from './partition-set.ts'

export const groupId = 'group'

export class MadeUpTopics implements TopicsView {
  version = 0
  readonly #topics = new Map<string, Topic>()

  /** Its id is its name. */
  set(name: string, partitions: number): this {
    const topic = { id: name, name, partitions: Array.from({ length: partitions }) }
    this.#topics.set(name, topic as unknown as Topic)
    this.version++
    return this
  }

  delete(name: string): void {
    this.#topics.delete(name)
    this.version++
  }

  list(): Topic[] {
    return [...this.#topics.values()]
  }

  byName(name: string): Topic | undefined {
    return this.#topics.get(name)
  }
}

export interface ConsumerOptions {
  memberId: string
  instanceId?: string
  topics?: string[]
  regex?: string
  assignor?: string
  rebalanceTimeoutMs?: number
}

export class ConsumerClient {
  epoch = joining
  owned: PartitionSet = noPartitions
  topics: string[]
  readonly #options: ConsumerOptions
  readonly #groups: () => GroupCoordinator
  #saysAll = true
  #saysOwned = true

  constructor(groups: () => GroupCoordinator, options: ConsumerOptions) {
    this.#groups = groups
    this.#options = options
    this.topics = options.topics ?? ['t']
  }

  get memberId(): string {
    return this.#options.memberId
  }

  get instanceId(): string | undefined {
    return this.#options.instanceId
  }

  /** What it says now. */
  request(changes: Partial<HeartbeatRequest> = {}): HeartbeatRequest {
    const { memberId, instanceId, regex, assignor, rebalanceTimeoutMs } = this.#options
    const all = this.#saysAll || this.epoch === joining
    this.#saysAll = false
    return {
      groupId,
      memberId,
      memberEpoch: this.epoch,
      instanceId: instanceId ?? null,
      rackId: null,
      rebalanceTimeoutMs: all ? (rebalanceTimeoutMs ?? 60_000) : -1,
      subscribedTopicNames: all ? (regex === undefined ? this.topics : []) : null,
      subscribedTopicRegex: all ? (regex ?? null) : null,
      serverAssignor: all ? (assignor ?? null) : null,
      topicPartitions: all || this.#saysOwned ? listOf(this.owned) : null,
      clientId: 'test',
      clientHost: 'here',
      requiresMemberId: true,
      ...changes,
    }
  }

  async beat(changes: Partial<HeartbeatRequest> = {}): Promise<HeartbeatAnswer> {
    const answer = await this.#groups().consumerHeartbeat(this.request(changes))
    this.take(answer)
    return answer
  }

  /** An answer arrives: what is not in it any more is let go at once. */
  take({ errorCode, memberEpoch, assignment }: HeartbeatAnswer): void {
    if (errorCode === errorCodes.FENCED_MEMBER_EPOCH || errorCode === errorCodes.UNKNOWN_MEMBER_ID)
      return this.abandon()
    if (errorCode !== errorCodes.NONE) return this.lose()
    this.epoch = memberEpoch
    this.#saysOwned = assignment !== null
    if (assignment) this.owned = setOf(assignment.topicPartitions)
  }

  /** The answer was lost, and the connection: it says everything again. */
  lose(): void {
    this.#saysAll = true
  }

  subscribe(topics: string[]): void {
    this.topics = topics
    this.#saysAll = true
  }

  abandon(): void {
    this.epoch = joining
    this.owned = noPartitions
  }

  async leave(epoch = -1): Promise<HeartbeatAnswer> {
    this.owned = noPartitions
    return this.#groups().consumerHeartbeat(this.request({ memberEpoch: epoch }))
  }
}
