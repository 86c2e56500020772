// The nodes that clients are told of, as seen by the one that was asked. There is one, unless a test wants more
// (`--virtual-nodes`): those are listeners of one process, where all state keeps its one owner, and what a node does not
// lead or coordinate it refuses. Who does follows from ids alone, so that it is the same after a restart.

import type { BrokerNode } from './broker.ts'
import { crc32c } from './protocol/crc32c.ts'
import type { Topic } from './topics/topic.ts'

export class Cluster {
  readonly nodes: readonly BrokerNode[]
  readonly self: BrokerNode

  constructor(nodes: readonly BrokerNode[], self: BrokerNode) {
    this.nodes = nodes
    this.self = self
  }

  get controller(): BrokerNode {
    return this.#nodeAt(0)
  }

  /** Partitions of a topic go round, each topic beginning with a node of its own. */
  leaderOf({ id }: Pick<Topic, 'id'>, partition: number): BrokerNode {
    return this.nodes.length === 1 ? this.self : this.#nodeAt(hashOf(id) + partition)
  }

  leads(topic: Pick<Topic, 'id'>, partition: number): boolean {
    return this.leaderOf(topic, partition) === this.self
  }

  /** Of a group or a transactional id. */
  coordinatorOf(id: string): BrokerNode {
    return this.nodes.length === 1 ? this.self : this.#nodeAt(hashOf(id))
  }

  coordinates(id: string): boolean {
    return this.coordinatorOf(id) === this.self
  }

  #nodeAt(number: number): BrokerNode {
    return this.nodes[number % this.nodes.length] ?? this.self
  }
}

function hashOf(id: string): number {
  return crc32c(Buffer.from(id))
}
