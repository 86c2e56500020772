// A group's offsets, and whoever keeps them.

import type { Api } from '../kafka/protocol/api.ts'
import { errorCodes } from '../kafka/protocol/errors.ts'
import { findCoordinator, offsetCommit, offsetFetch } from '../kafka/protocol/messages/group.ts'
import type { Cluster } from './cluster.ts'
import { refused } from './cluster.ts'
import type { Position, TopicPartition } from './records.ts'

/** Versions that Kafka from 2.3 to 4, Redpanda and the embedded broker all speak. */
const versions = { findCoordinator: 2, commit: 7, offsetFetch: 5 } as const

/** Of whoever commits without having joined; refused while the group has members. */
export const noMember = ''
export const noGeneration = -1

export class Coordinator {
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

export function isCoordinatorFault(errorCode: number): boolean {
  return (
    errorCode === errorCodes.NOT_COORDINATOR ||
    errorCode === errorCodes.COORDINATOR_NOT_AVAILABLE ||
    errorCode === errorCodes.COORDINATOR_LOAD_IN_PROGRESS
  )
}
