// What the broker says of itself at GET /status: its address, topics with their offsets, groups, connections.

import type { BrokerNode, BrokerServices } from './broker.ts'

interface Described extends Pick<BrokerServices, 'clusterId' | 'catalog' | 'groups'> {
  /** Where to begin, if there are several. */
  node: BrokerNode | undefined
}

export function describeStatus(
  { node, clusterId, catalog, groups }: Described,
  connections: number,
) {
  return {
    clusterId,
    node,
    connections,
    topics: catalog.list().map(({ name, id, partitions }) => ({
      name,
      id,
      partitions: partitions.map((log) => ({
        logStartOffset: log.logStartOffset,
        highWatermark: log.highWatermark,
        logEndOffset: log.logEndOffset,
        sizeBytes: log.sizeBytes,
        isOffline: log.isOffline,
      })),
    })),
    groups: groups.list(),
  }
}
