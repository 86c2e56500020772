// AddPartitionsToTxn, versions 0-3 (2: PRODUCER_FENCED; 3: flexible; 4 and 5 are for brokers among themselves): durable
// before the answer. All or nothing: with one unknown partition the others are not attempted.

import { errorCodes } from '../protocol/errors.ts'
import { addPartitionsToTxn } from '../protocol/messages/transactions.ts'
import { spelled } from './fenced.ts'
import { transactionRoute } from './route.ts'

export default transactionRoute(addPartitionsToTxn, async (request, { services, version }) => {
  const { catalog, transactions } = services
  const isKnown = (topic: string, partition: number) =>
    catalog.byName(topic)?.partitions[partition] !== undefined
  const asked = request.topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ topic: name, partition })),
  )
  const allKnown = asked.every(({ topic, partition }) => isKnown(topic, partition))
  const errorCode = await code()
  return {
    throttleTimeMs: 0,
    results: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((index) => ({
        index,
        errorCode: allKnown || isKnown(name, index) ? errorCode : unknown,
      })),
    })),
  }

  async function code(): Promise<number> {
    if (!allKnown) return errorCodes.OPERATION_NOT_ATTEMPTED
    if (request.transactionalId === '') return errorCodes.INVALID_REQUEST
    const added = await transactions.add(request, { partitions: asked, groups: [] })
    return spelled(added, version, 2)
  }
})

const unknown = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
