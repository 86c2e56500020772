// OffsetDelete, version 0: drops committed offsets of topics that no member of the group subscribes to.

import { errorCodes } from '../protocol/errors.ts'
import { offsetDelete } from '../protocol/messages/group.ts'
import { groupRoute } from './route.ts'

export default groupRoute(offsetDelete, async (request, { services: { catalog, groups } }) => {
  const known = request.topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ index }) => catalog.byName(name)?.partitions[index] !== undefined)
      .map(({ index }) => ({ topic: name, partition: index })),
  )
  const { errorCode, codes } = await groups.deleteOffsets(request.groupId, known)
  if (errorCode !== errorCodes.NONE) return { errorCode, throttleTimeMs: 0, topics: [] }
  const codeOf = (topic: string, partition: number) => {
    const i = known.findIndex((each) => each.topic === topic && each.partition === partition)
    return codes[i] ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  }
  return {
    errorCode,
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => ({ index, errorCode: codeOf(name, index) })),
    })),
  }
})
