// WriteTxnMarkers, version 1: markers from outside. Brokers send it among themselves; here it is how a tool ends a
// transaction that hangs in a partition (`kafka-transactions abort`).

import { messageOf } from '../../base/errors.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { writeTxnMarkers } from '../protocol/messages/transactions.ts'
import type { Infer } from '../protocol/types.ts'
import { route } from './route.ts'
import type { Call } from './route.ts'

type Asked = Infer<typeof writeTxnMarkers.request>['markers'][number]

export default route(writeTxnMarkers, async ({ markers }, call) => ({
  markers: await Promise.all(
    markers.map(async (marker) => ({
      producerId: marker.producerId,
      topics: await Promise.all(marker.topics.map((topic) => writeAll(marker, topic, call))),
    })),
  ),
}))

async function writeAll(
  marker: Asked,
  { name, partitions }: Asked['topics'][number],
  { services }: Call,
) {
  const topic = services.catalog.byName(name)
  const codes = await Promise.all(
    partitions.map(async (index) => ({
      index,
      errorCode:
        topic && !services.cluster.leads(topic, index)
          ? errorCodes.NOT_LEADER_OR_FOLLOWER
          : await write(marker, topic?.partitions[index], services),
    })),
  )
  return { name, partitions: codes }
}

async function write(
  { producerId, producerEpoch, commits, coordinatorEpoch }: Asked,
  log: PartitionLog | undefined,
  { logger }: Call['services'],
): Promise<number> {
  if (!log) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  const marker = { commits, coordinatorEpoch }
  const { result, durable } = log.appendMarker(producerId, producerEpoch, marker)
  try {
    await durable
    return result.errorCode
  } catch (error) {
    logger.warn('a marker could not be written', { partition: log.name, why: messageOf(error) })
    return errorCodes.KAFKA_STORAGE_ERROR
  }
}
