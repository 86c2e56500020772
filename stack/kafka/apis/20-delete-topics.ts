// DeleteTopics, versions 0-6 (4: flexible; 5: error messages; 6: by id as well). Answered once the deletion is durable;
// the files go behind it. The timeout is ignored.

import { errorCodes } from '../protocol/errors.ts'
import { deleteTopics } from '../protocol/messages/topics.ts'
import { zeroUuid } from '../protocol/types.ts'
import type { TopicCatalog } from '../topics/catalog.ts'
import { route } from './route.ts'

export default route(deleteTopics, async (request, { version, services: { catalog } }) => {
  const asked =
    version >= 6 ? request.topics : request.names.map((name) => ({ name, topicId: zeroUuid }))
  const responses = await Promise.all(
    asked.map(({ name, topicId }) =>
      name === null ? deleteById(catalog, topicId) : deleteByName(catalog, name),
    ),
  )
  return { throttleTimeMs: 0, responses }
})

async function deleteByName(catalog: TopicCatalog, name: string) {
  const topicId = catalog.byName(name)?.id ?? zeroUuid
  return { name, topicId, ...(await catalog.delete(name)) }
}

async function deleteById(catalog: TopicCatalog, topicId: string) {
  const topic = catalog.byId(topicId)
  if (topic) return { name: topic.name, topicId, ...(await catalog.delete(topic.name)) }
  return {
    name: null,
    topicId,
    errorCode: errorCodes.UNKNOWN_TOPIC_ID,
    errorMessage: 'This server does not host this topic ID.',
  }
}
