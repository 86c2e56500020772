// What every API handler may use: the broker's services, wired in start.ts.

import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Counter } from '../base/metrics.ts'
import type { Cluster } from './cluster.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import type { GroupCoordinator } from './group/coordinator.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { Users } from './security/users.ts'
import type { TopicCatalog } from './topics/catalog.ts'
import type { TransactionCoordinator } from './transaction/coordinator.ts'
import type { Versions } from './versions.ts'

/** As told to clients: they connect to this address. */
export interface BrokerNode {
  id: number
  host: string
  port: number
}

export interface BrokerSettings {
  /** Metadata creates a topic that it is asked for. */
  autoCreateTopics: boolean
  defaultPartitions: number
}

export interface BrokerServices {
  cluster: Cluster
  clusterId: string
  versions: Versions
  settings: BrokerSettings
  dataDir: string
  catalog: TopicCatalog
  groups: GroupCoordinator
  producerIds: ProducerIds
  /** Undefined: nobody has to log in. */
  users: Users | undefined
  transactions: TransactionCoordinator
  fetchSessions: FetchSessions
  clock: Clock
  logger: Logger
  /** By API name. */
  requestCount: Counter
}
