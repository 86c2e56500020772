// Everything that the broker remembers, opened in order and closed in order: the folder, the journal, the topics with
// their logs, the groups, the producer ids, the transactions. Knows nothing of connections.

import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { minuteMs, MiB } from '../base/units.ts'
import { openDataDirectory } from './data-directory.ts'
import { GroupCoordinator } from './group/coordinator.ts'
import type { CoordinatorOptions } from './group/coordinator.ts'
import { Journal } from './journal/journal.ts'
import { realFiles } from './log/file-layer.ts'
import type { FileLayer } from './log/file-layer.ts'
import { FlushLimit } from './log/flush-limit.ts'
import { LoadedIndexes } from './log/loaded-indexes.ts'
import type { Durability } from './log/partition-log.ts'
import { TailCache } from './log/tail-cache.ts'
import { ProducerIds } from './producer-ids.ts'
import { TopicCatalog } from './topics/catalog.ts'
import type { CatalogOptions } from './topics/catalog.ts'
import { TransactionCoordinator } from './transaction/coordinator.ts'
import type { TransactionOptions } from './transaction/coordinator.ts'

export interface StateOptions {
  dataDir: string
  nodeId: number
  clock: Clock
  logger: Logger
  durability: Durability
  files?: FileLayer
  tailCacheBytes?: number
  topics?: Partial<
    Pick<
      CatalogOptions,
      | 'defaultPartitions'
      | 'clampReplication'
      | 'brokerConfigs'
      | 'retentionCheckMs'
      | 'compactionCheckMs'
    >
  >
  groups?: Partial<Omit<CoordinatorOptions, 'clock' | 'logger' | 'journal' | 'topics'>>
  transactions?: Pick<TransactionOptions, 'timeoutMsMax' | 'expiryMs'>
}

export interface BrokerState {
  clusterId: string
  catalog: TopicCatalog
  groups: GroupCoordinator
  producerIds: ProducerIds
  transactions: TransactionCoordinator
  /** Saves everything; the next start scans nothing. */
  close(): Promise<void>
}

/** Syncs of so many files run at once: libuv has four threads, and a read needs one. */
const syncsAtOnce = 4
const indexesInMemory = 64
const tailCacheBytesDefault = 8 * MiB
const expiryCheckMs = 10 * minuteMs
/** Smaller than Kafka's: after a crash the open segment of each partition is scanned. */
const segmentBytesDefault = 128 * MiB

export function openState(options: StateOptions): BrokerState {
  const { clock, logger, durability, files = realFiles } = options
  const directory = openDataDirectory(files, options.dataDir, options.nodeId)
  if (directory.starts > 1 && !directory.wasClean)
    logger.info('the last stop was not clean: what follows the last checkpoints is looked through')
  try {
    const journal = new Journal({ dir: directory.journalDir, files, logger, durability })
    const shared = {
      files,
      clock,
      logger,
      durability,
      cache: new TailCache(options.tailCacheBytes ?? tailCacheBytesDefault),
      indexes: new LoadedIndexes(indexesInMemory),
      flushLimit: new FlushLimit(syncsAtOnce),
      leaderEpoch: directory.starts,
    }
    const catalog = new TopicCatalog({
      logsDir: directory.logsDir,
      nodeId: options.nodeId,
      journal,
      shared,
      logger,
      clock,
      defaultPartitions: 1,
      clampReplication: true,
      brokerConfigs: new Map([['segment.bytes', String(segmentBytesDefault)]]),
      ...options.topics,
    })
    const groups = new GroupCoordinator({
      ...options.groups,
      clock,
      logger,
      journal,
      topics: catalog,
    })
    const producerIds = new ProducerIds(journal)
    const transactions = new TransactionCoordinator({
      ...options.transactions,
      clock,
      logger,
      journal,
      coordinatorEpoch: directory.starts,
      allocateProducerId: () => producerIds.allocate(),
      logOf: (topic, partition) => catalog.byName(topic)?.partitions[partition],
      commitOffsets: (group, offsets) => groups.commitPending(group, offsets),
    })
    journal.recover()
    catalog.open()
    producerIds.recovered()
    groups.start()
    transactions.start(catalog.logs())
    catalog.onDeleted((topic) => groups.forgetTopic(topic.name))
    const expiry = clock.every(expiryCheckMs, () => {
      groups.expire(clock.now())
      transactions.expire(clock.now())
    })
    return {
      clusterId: directory.clusterId,
      catalog,
      groups,
      producerIds,
      transactions,
      async close() {
        expiry.cancel()
        groups.close()
        await transactions.close()
        const logsAreSaved = await catalog.close()
        await journal.close()
        directory.release(logsAreSaved && !journal.hasFailed)
      },
    }
  } catch (error) {
    directory.release(false)
    throw error
  }
}
