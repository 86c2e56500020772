// Who leads which partition, and a connection to each broker, opened when it is needed. A failure that may pass is
// met the same way everywhere: everything open is dropped, and after a moment the leaders are asked for anew.

import type { Clock } from '../base/clock.ts'
import { messageOf, OperatingError } from '../base/errors.ts'
import { errorCodes, errorName } from '../kafka/protocol/errors.ts'
import { metadata } from '../kafka/protocol/messages/cluster.ts'
import { connectWire } from './wire.ts'
import type { WireConnection } from './wire.ts'

export interface ClusterOptions {
  brokers: readonly string[]
  clientId: string
  clock: Clock
}

/** Versions that Kafka from 2.1 to 4, Redpanda and the embedded broker all speak. */
const metadataVersion = 6
export const retryMs = 100

/** Error codes that a new try, with fresh metadata, may mend. */
const passing: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.CORRUPT_MESSAGE,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH,
])

export function mayPass(errorCode: number): boolean {
  return passing.has(errorCode)
}

export class Cluster {
  readonly #options: ClusterOptions
  #connections = new Map<string, Promise<WireConnection>>()
  #addresses = new Map<number, string>()
  /** topic → the leader of each partition. */
  #leaders = new Map<string, readonly number[]>()

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  /** Of each partition, as far as they are known. */
  leaders(topic: string): readonly number[] | undefined {
    return this.#leaders.get(topic)
  }

  leaderOf(topic: string, partition: number): number {
    return this.#leaders.get(topic)?.[partition] ?? -1
  }

  async refresh(topics: readonly string[] = [...this.#leaders.keys()]): Promise<void> {
    const connection = await this.any()
    const answer = await connection.request(metadata, metadataVersion, {
      topics: topics.map((name) => ({ topicId: '', name })),
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    for (const { nodeId, host, port } of answer.brokers)
      this.#addresses.set(nodeId, `${host}:${port}`)
    for (const topic of answer.topics) {
      if (topic.errorCode !== errorCodes.NONE) throw refused(topic.name ?? '', topic.errorCode)
      const leaders = [...topic.partitions].sort((a, b) => a.index - b.index)
      this.#leaders.set(
        topic.name as string,
        leaders.map(({ leaderId }) => leaderId),
      )
    }
  }

  /** To whichever broker of the list answers. */
  async any(): Promise<WireConnection> {
    let reason: unknown
    for (const address of this.#options.brokers) {
      try {
        return await this.at(address)
      } catch (error) {
        reason = error
      }
    }
    throw reason
  }

  node(id: number): Promise<WireConnection> {
    const address = this.#addresses.get(id)
    if (address === undefined) throw refused(`broker ${id}`, errorCodes.LEADER_NOT_AVAILABLE)
    return this.at(address)
  }

  at(address: string): Promise<WireConnection> {
    const known = this.#connections.get(address)
    if (known) return known
    const opened = connectWire(address, this.#options.clientId)
    this.#connections.set(address, opened)
    opened.catch(() => this.#connections.delete(address))
    return opened
  }

  /** Whoever waits for an answer is told that the connection is lost. */
  disconnect(): void {
    for (const connection of this.#connections.values()) {
      connection.then(
        (open) => open.close(),
        () => {},
      )
    }
    this.#connections.clear()
  }

  /** Tries until it works, the patience is at its end, or the error is one that no try mends. */
  async patiently<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
    const { clock } = this.#options
    const untilMs = clock.monotonicMs() + patienceMs
    for (;;) {
      try {
        return await work()
      } catch (error) {
        const isPassing = error instanceof OperatingError && error.retriable
        if (!isPassing || clock.monotonicMs() > untilMs) throw error
        await this.startAgain()
      }
    }
  }

  /** After a failure: other connections, fresh leaders. */
  async startAgain(): Promise<void> {
    this.disconnect()
    await this.#options.clock.sleep(retryMs)
    if (this.#leaders.size > 0) await this.refresh().catch(() => {})
  }
}

export function refused(where: string, code: number): OperatingError {
  return new OperatingError(`the broker answered ${errorName(code)}`, {
    where,
    retriable: mayPass(code),
  })
}

/** A failure as whoever called is to read it. */
export function failed(what: string, where: string, error: unknown): OperatingError {
  return new OperatingError(`${what}: ${messageOf(error)}`, {
    where:
      error instanceof OperatingError && error.where !== undefined
        ? `${where}, ${error.where}`
        : where,
    retriable: true,
    hint: 'is the broker running and reachable?',
    cause: error,
  })
}
