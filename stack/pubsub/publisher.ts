// google.pubsub.v1.Publisher: one function per method.

import type { DurationMessage } from './durations.ts'
import { changesOf } from './field-mask.ts'
import type { FieldMask, Page, TopicMessage } from './messages.ts'
import { checkName, checkProject, isOfProject } from './names.ts'
import { paged } from './paging.ts'
import { checkPublish } from './publish.ts'
import type { PubSub, Topic } from './pubsub.ts'
import { invalid } from './refused.ts'
import { topicConfig, topicFields, topicMessage } from './topic-config.ts'
import type { PublishRequest } from './wire.ts'

type Handler<Request> = (request: Request, pubsub: PubSub) => object | Promise<object>

const shown = ({ name, config }: Topic): object => topicMessage(name, config)

const createTopic: Handler<TopicMessage> = (request, pubsub) =>
  shown(pubsub.createTopic(request.name, topicConfig(request)))

const updateTopic: Handler<{ topic: TopicMessage | null; updateMask: FieldMask | null }> = (
  { topic: wanted, updateMask },
  pubsub,
) => {
  if (!wanted) throw invalid('The topic is missing.')
  const changes = changesOf(wanted, updateMask, topicFields)
  const { name, config } = pubsub.topic(wanted.name)
  const full = topicMessage(name, config) as Partial<TopicMessage>
  const message = { ...unset, ...full, ...changes } as TopicMessage
  return shown(pubsub.changeTopic(name, topicConfig(message)))
}

const unset = {
  messageRetentionDuration: null as DurationMessage | null,
  schemaSettings: null,
  ingestionDataSourceSettings: null,
  messageTransforms: [],
}

const publish: Handler<PublishRequest> = async (request, pubsub) => {
  checkName(request.topic, 'topics')
  const topic = pubsub.topic(request.topic)
  checkPublish(request)
  return { messageIds: await pubsub.publish(topic, request.messages) }
}

const getTopic: Handler<{ topic: string }> = ({ topic }, pubsub) => shown(pubsub.topic(topic))

const listTopics: Handler<{ project: string } & Page> = ({ project, ...page }, pubsub) => {
  const name = checkProject(project)
  const own = [...pubsub.topics.values()].filter((topic) => isOfProject(topic.name, name))
  const { items, nextPageToken } = paged(own, page, (topic) => topic.name)
  return { topics: items.map(shown), nextPageToken }
}

const listTopicSubscriptions: Handler<{ topic: string } & Page> = ({ topic, ...page }, pubsub) => {
  const { name } = pubsub.topic(topic)
  const names = pubsub.subscriptionsOf(name).map((subscription) => subscription.name)
  const { items, nextPageToken } = paged(names, page, (each) => each)
  return { subscriptions: items, nextPageToken }
}

const listTopicSnapshots: Handler<{ topic: string } & Page> = ({ topic, ...page }, pubsub) => {
  const { name } = pubsub.topic(topic)
  const own = [...pubsub.snapshots.values()].filter(({ config }) => config.topic === name)
  const { items, nextPageToken } = paged(own, page, (each) => each.name)
  return { snapshots: items.map((each) => each.name), nextPageToken }
}

const deleteTopic: Handler<{ topic: string }> = ({ topic }, pubsub) => {
  pubsub.deleteTopic(topic)
  return {}
}

const detachSubscription: Handler<{ subscription: string }> = ({ subscription }, pubsub) => {
  pubsub.detach(subscription)
  return {}
}

export const publisher = {
  createTopic,
  updateTopic,
  publish,
  getTopic,
  listTopics,
  listTopicSubscriptions,
  listTopicSnapshots,
  deleteTopic,
  detachSubscription,
}
