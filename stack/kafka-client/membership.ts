// How a consumer comes by its partitions: as a member of a group, which shares them out (classic protocol, the leader's
// assignor "range" as in Kafka's Java clients), or by naming them itself. The member keeps sending heartbeats also
// while it waits for a batch to be handled; when it hears that the group is shared out anew it says so once, and the
// owner joins again when it is ready.

import type { Clock, Timer } from '../base/clock.ts'
import type { Api } from '../kafka/protocol/api.ts'
import { errorCodes } from '../kafka/protocol/errors.ts'
import {
  findCoordinator,
  heartbeat,
  joinGroup,
  leaveGroup,
  offsetCommit,
  offsetFetch,
  syncGroup,
} from '../kafka/protocol/messages/group.ts'
import type { Infer } from '../kafka/protocol/types.ts'
import {
  assignRange,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './assignment.ts'
import type { Cluster } from './cluster.ts'
import { refused } from './cluster.ts'
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
  findCoordinator: 2,
  join: 5,
  sync: 3,
  heartbeat: 3,
  leave: 1,
  commit: 7,
  offsetFetch: 5,
} as const
const rebalanceTimeoutMs = 30_000
const heartbeatMs = 2000
const commitPatienceMs = 30_000
const lookForPartitionsMs = 5 * 60 * 1000
const protocolType = 'consumer'
const assignorName = 'range'

const noMember = ''
const noGeneration = -1

type Joined = Infer<typeof joinGroup.response>

/** The group's offsets, and whoever keeps them. */
class Coordinator {
  readonly cluster: Cluster
  readonly groupId: string
  #address: string | undefined

  constructor(cluster: Cluster, groupId: string) {
    this.cluster = cluster
    this.groupId = groupId
  }

  async request<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
  ): Promise<Response> {
    try {
      const connection = await this.cluster.at((this.#address ??= await this.#find()))
      return await connection.request(api, version, request)
    } catch (error) {
      this.forget()
      throw error
    }
  }

  /** It moved, or went away. */
  forget(): void {
    this.#address = undefined
  }

  /** Throws at an error, and looks for the coordinator again where that is the error. */
  check(errorCode: number): void {
    if (errorCode === errorCodes.NONE) return
    if (isCoordinatorFault(errorCode)) this.forget()
    throw refused(`group ${this.groupId}`, errorCode)
  }

  async committed(partitions: readonly TopicPartition[]): Promise<Position[]> {
    const answer = await this.request(offsetFetch, versions.offsetFetch, {
      groupId: this.groupId,
      topics: [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition }) => partition),
      })),
      groups: [],
      requireStable: false,
    })
    this.check(answer.errorCode)
    return answer.topics.flatMap(({ name: topic, partitions: list }) =>
      list.flatMap(({ index: partition, errorCode, offset }) => {
        this.check(errorCode)
        return offset < 0 ? [] : [{ topic, partition, offset }]
      }),
    )
  }

  async commit(
    positions: readonly Position[],
    generationId: number,
    memberId: string,
  ): Promise<void> {
    const answer = await this.request(offsetCommit, versions.commit, {
      groupId: this.groupId,
      generationId,
      memberId,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [...Map.groupBy(positions, ({ topic }) => topic)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset, metadata = null }) => ({
          index: partition,
          offset,
          leaderEpoch: -1,
          metadata,
        })),
      })),
    })
    for (const { partitions } of answer.topics)
      for (const { errorCode } of partitions) this.check(errorCode)
  }

  async #find(): Promise<string> {
    const connection = await this.cluster.any()
    const answer = await connection.request(findCoordinator, versions.findCoordinator, {
      key: this.groupId,
      keyType: 0,
      coordinatorKeys: [],
    })
    if (answer.errorCode !== errorCodes.NONE)
      throw refused(`group ${this.groupId}`, answer.errorCode)
    return `${answer.host}:${answer.port}`
  }
}

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

function isCoordinatorFault(errorCode: number): boolean {
  return (
    errorCode === errorCodes.NOT_COORDINATOR ||
    errorCode === errorCodes.COORDINATOR_NOT_AVAILABLE ||
    errorCode === errorCodes.COORDINATOR_LOAD_IN_PROGRESS
  )
}

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
