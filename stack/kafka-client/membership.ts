// How a consumer comes by its partitions: as a member of a group, which shares them out (classic protocol, the leader's
// assignor "range" as in Kafka's Java clients), or by naming them itself. The member keeps sending heartbeats also
// while it waits for a batch to be handled; when it hears that the group is shared out anew it says so once, and the
// owner joins again when it is ready.

import type { Clock, Timer } from '../base/clock.ts'
import { errorCodes } from '../kafka/protocol/errors.ts'
import { heartbeat, joinGroup, leaveGroup, syncGroup } from '../kafka/protocol/messages/group.ts'
import type { Infer } from '../kafka/protocol/types.ts'
import {
  assignRange,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './assignment.ts'
import type { Cluster } from './cluster.ts'
import { Coordinator, isCoordinatorFault, noGeneration, noMember } from './coordinator.ts'
import type { Position, TopicPartition } from './records.ts'

export interface Membership {
  /** The partitions of a new round. */
  join(): Promise<readonly TopicPartition[]>
  /** Where the group's last owner committed, of those that were ever committed. */
  committed(partitions: readonly TopicPartition[]): Promise<Position[]>
  commit(positions: readonly Position[]): Promise<void>
  leave(): Promise<void>
}

export interface GroupOptions {
  cluster: Cluster
  clock: Clock
  groupId: string
  topics: readonly string[]
  sessionTimeoutMs: number
  /** The partitions of the last round are to be given up. */
  onLost(): void
}

/** Versions that Kafka from 2.3 to 4, Redpanda and the embedded broker all speak. */
const versions = {
  join: 5,
  sync: 3,
  heartbeat: 3,
  leave: 1,
} as const
const rebalanceTimeoutMs = 30_000
const heartbeatMs = 2000
const commitPatienceMs = 30_000
const lookForPartitionsMs = 5 * 60 * 1000
const protocolType = 'consumer'
const assignorName = 'range'

type Joined = Infer<typeof joinGroup.response>

export class GroupMember implements Membership {
  readonly #options: GroupOptions
  readonly #coordinator: Coordinator
  #memberId = noMember
  #generation = noGeneration
  #beating: Timer | undefined
  #isBeating = false
  #isLost = false
  /** What this member, as the leader, shared out. */
  #leadsOver: { topics: readonly string[]; partitions: string } | undefined
  #lookedMs = 0

  constructor(options: GroupOptions) {
    this.#options = options
    this.#coordinator = new Coordinator(options.cluster, options.groupId)
  }

  async join(): Promise<readonly TopicPartition[]> {
    const { clock, cluster, topics } = this.#options
    this.#stopBeating()
    await cluster.refresh(topics)
    for (;;) {
      const assignment = await this.#joinOnce()
      if (assignment === undefined) continue
      this.#isLost = false
      this.#beating = clock.every(heartbeatMs, () => void this.#beat())
      return assignment
    }
  }

  committed(partitions: readonly TopicPartition[]): Promise<Position[]> {
    return this.#coordinator.committed(partitions)
  }

  commit(positions: readonly Position[]): Promise<void> {
    const [generation, memberId] = [this.#generation, this.#memberId]
    return this.#options.cluster.patiently(commitPatienceMs, () =>
      this.#coordinator.commit(positions, generation, memberId),
    )
  }

  async leave(): Promise<void> {
    this.#stopBeating()
    if (this.#memberId === noMember) return
    const { groupId } = this.#options
    await this.#coordinator.request(leaveGroup, versions.leave, {
      groupId,
      memberId: this.#memberId,
      members: [],
    })
  }

  /** Undefined where the round was over before this member had its share. */
  async #joinOnce(): Promise<readonly TopicPartition[] | undefined> {
    const { groupId, topics, sessionTimeoutMs } = this.#options
    const joined = await this.#coordinator.request(joinGroup, versions.join, {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.#memberId,
      groupInstanceId: null,
      protocolType,
      protocols: [{ name: assignorName, metadata: encodeSubscription(topics) }],
      reason: null,
    })
    if (joined.errorCode === errorCodes.MEMBER_ID_REQUIRED) {
      this.#memberId = joined.memberId
      return undefined
    }
    if (this.#mustJoinAnew(joined.errorCode)) return undefined
    this.#coordinator.check(joined.errorCode)
    this.#memberId = joined.memberId
    this.#generation = joined.generationId
    const synced = await this.#coordinator.request(syncGroup, versions.sync, {
      groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: await this.#shares(joined),
    })
    if (this.#mustJoinAnew(synced.errorCode)) return undefined
    this.#coordinator.check(synced.errorCode)
    return decodeAssignment(synced.assignment)
  }

  /** The leader shares out; the others send nothing. */
  async #shares({ leader, members }: Joined) {
    this.#leadsOver = undefined
    if (leader !== this.#memberId) return []
    const { cluster } = this.#options
    const subscriptions = members.map(({ memberId, metadata }) => ({
      memberId,
      topics: decodeSubscription(metadata),
    }))
    const topics = [...new Set(subscriptions.flatMap((each) => each.topics))]
    await cluster.refresh(topics)
    this.#leadsOver = { topics, partitions: partitionCounts(cluster, topics) }
    this.#lookedMs = this.#options.clock.monotonicMs()
    return assignRange(subscriptions, (topic) => cluster.leaders(topic)?.length ?? 0).map(
      ({ memberId, partitions }) => ({ memberId, assignment: encodeAssignment(partitions) }),
    )
  }

  /** Whether the group has moved on without this member. */
  #mustJoinAnew(errorCode: number): boolean {
    if (errorCode === errorCodes.UNKNOWN_MEMBER_ID) this.#memberId = noMember
    return leavesRound.has(errorCode)
  }

  /** Goes on after a loss too: who is still busy with a batch stays a member. */
  async #beat(): Promise<void> {
    if (this.#isBeating) return
    this.#isBeating = true
    try {
      const { errorCode } = await this.#coordinator.request(heartbeat, versions.heartbeat, {
        groupId: this.#options.groupId,
        generationId: this.#generation,
        memberId: this.#memberId,
        groupInstanceId: null,
      })
      if (isCoordinatorFault(errorCode)) this.#coordinator.forget()
      else if (errorCode !== errorCodes.NONE) this.#lose(errorCode)
      else if (await this.#hasMorePartitions()) this.#lose(errorCodes.REBALANCE_IN_PROGRESS)
    } catch {
      // The broker is away, or the topics cannot be asked for: the next beat finds out.
      this.#options.cluster.disconnect()
    } finally {
      this.#isBeating = false
    }
  }

  #lose(errorCode: number): void {
    if (this.#isLost || this.#beating === undefined) return
    this.#isLost = true
    this.#mustJoinAnew(errorCode)
    this.#options.onLost()
  }

  /** Looked at by the leader, now and then. */
  async #hasMorePartitions(): Promise<boolean> {
    const { cluster, clock } = this.#options
    if (!this.#leadsOver || clock.monotonicMs() - this.#lookedMs < lookForPartitionsMs) return false
    this.#lookedMs = clock.monotonicMs()
    const { topics, partitions } = this.#leadsOver
    await cluster.refresh(topics)
    return partitionCounts(cluster, topics) !== partitions
  }

  #stopBeating(): void {
    this.#beating?.cancel()
    this.#beating = undefined
  }
}

const leavesRound: ReadonlySet<number> = new Set([
  errorCodes.REBALANCE_IN_PROGRESS,
  errorCodes.ILLEGAL_GENERATION,
  errorCodes.UNKNOWN_MEMBER_ID,
])

function partitionCounts(cluster: Cluster, topics: readonly string[]): string {
  return topics.map((topic) => cluster.leaders(topic)?.length).join()
}

/** Exactly these partitions, whatever a group would say; what is committed goes to the group all the same. */
export function fixedMember(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[],
): Membership {
  const coordinator = new Coordinator(cluster, groupId)
  return {
    async join() {
      await cluster.refresh([...new Set(partitions.map(({ topic }) => topic))])
      return partitions
    },
    committed: async () => [],
    commit: (positions) => coordinator.commit(positions, noGeneration, noMember),
    leave: async () => {},
  }
}
