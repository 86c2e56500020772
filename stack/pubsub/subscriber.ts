// google.pubsub.v1.Subscriber: one function per method; StreamingPull is in receivers.ts.

import { acknowledge, modifyDeadline, refuseStale } from './acks.ts'
import { timestampMicros, toTimestamp } from './durations.ts'
import type { TimestampMessage } from './durations.ts'
import { changesOf } from './field-mask.ts'
import type {
  FieldMask,
  Page,
  PushConfigMessage,
  SnapshotMessage,
  SubscriptionMessage,
} from './messages.ts'
import { checkName, checkProject, deletedTopic, isOfProject } from './names.ts'
import { paged } from './paging.ts'
import { Pusher } from './push.ts'
import type { PubSub, Snapshot } from './pubsub.ts'
import { pull } from './receivers.ts'
import { invalid } from './refused.ts'
import {
  pushConfig,
  subscriptionConfig,
  subscriptionFields,
  subscriptionMessage,
} from './subscription-config.ts'
import type { Subscription } from './subscription.ts'

type Handler<Request> = (request: Request, pubsub: PubSub) => object | Promise<object>

const shown = (subscription: Subscription, pubsub: PubSub): object => {
  const { name, config } = subscription
  return subscriptionMessage(name, config, pubsub.topics.get(config.topic)?.config.retentionMs)
}

const createSubscription: Handler<SubscriptionMessage> = (request, pubsub) => {
  checkName(request.name, 'subscriptions')
  checkName(request.topic, 'topics')
  const topic = pubsub.topic(request.topic)
  const config = subscriptionConfig(request, topic.id)
  if (config.deadLetter) pubsub.topic(config.deadLetter.topic)
  const subscription = pubsub.createSubscription(request.name, config)
  startPush(subscription, pubsub)
  return shown(subscription, pubsub)
}

const getSubscription: Handler<{ subscription: string }> = ({ subscription }, pubsub) =>
  shown(pubsub.subscription(subscription), pubsub)

const updateSubscription: Handler<{
  subscription: SubscriptionMessage | null
  updateMask: FieldMask | null
}> = ({ subscription: wanted, updateMask }, pubsub) => {
  if (!wanted) throw invalid('The subscription is missing.')
  const changes = changesOf(wanted, updateMask, subscriptionFields)
  const subscription = pubsub.subscription(wanted.name)
  const message = {
    ...unset,
    ...shown(subscription, pubsub),
    ...changes,
  } as unknown as SubscriptionMessage
  const config = subscriptionConfig(message, subscription.config.topicId)
  if (config.deadLetter) pubsub.topic(config.deadLetter.topic)
  change(subscription, config, pubsub)
  return shown(subscription, pubsub)
}

/** What `subscriptionMessage` leaves out where it is not set. */
const unset = {
  bigqueryConfig: null,
  cloudStorageConfig: null,
  bigtableConfig: null,
  messageTransforms: [],
  deadLetterPolicy: null,
  retryPolicy: null,
}

const listSubscriptions: Handler<{ project: string } & Page> = ({ project, ...page }, pubsub) => {
  const name = checkProject(project)
  const own = [...pubsub.subscriptions.values()].filter((each) => isOfProject(each.name, name))
  const { items, nextPageToken } = paged(own, page, (each) => each.name)
  return { subscriptions: items.map((each) => shown(each, pubsub)), nextPageToken }
}

const deleteSubscription: Handler<{ subscription: string }> = ({ subscription }, pubsub) => {
  pubsub.deleteSubscription(subscription)
  return {}
}

const modifyAckDeadline: Handler<{
  subscription: string
  ackIds: string[]
  ackDeadlineSeconds: number
}> = ({ subscription: name, ackIds, ackDeadlineSeconds: seconds }, pubsub) => {
  const subscription = pubsub.attached(name)
  const nowMs = pubsub.clock.now()
  const results = modifyDeadline(subscription, ackIds, { seconds, nowMs })
  pubsub.pump(subscription)
  refuseStale(subscription, results)
  return {}
}

const acknowledgeMessages: Handler<{ subscription: string; ackIds: string[] }> = (
  { subscription: name, ackIds },
  pubsub,
) => {
  const subscription = pubsub.attached(name)
  const results = acknowledge(subscription, ackIds)
  pubsub.pump(subscription)
  refuseStale(subscription, results)
  return {}
}

const pullMessages: Handler<{
  subscription: string
  maxMessages: number
  returnImmediately: boolean
}> = ({ subscription, ...wanted }, pubsub) => pull(pubsub, pubsub.attached(subscription), wanted)

const modifyPushConfig: Handler<{
  subscription: string
  pushConfig: PushConfigMessage | null
}> = ({ subscription: name, pushConfig: wanted }, pubsub) => {
  const subscription = pubsub.subscription(name)
  const { push: _, ...rest } = subscription.config
  const push = pushConfig(wanted)
  change(subscription, { ...rest, ...(push && { push }) }, pubsub)
  return {}
}

const shownSnapshot = ({ name, config }: Snapshot): object => ({
  name,
  topic: config.topic,
  labels: config.labels,
  expireTime: toTimestamp(config.expireMs * 1000),
})

const createSnapshot: Handler<{
  name: string
  subscription: string
  labels: Record<string, string>
}> = ({ name, subscription, labels }, pubsub) => {
  checkName(name, 'snapshots')
  return shownSnapshot(pubsub.createSnapshot(name, pubsub.attached(subscription), labels))
}

const getSnapshot: Handler<{ snapshot: string }> = ({ snapshot }, pubsub) =>
  shownSnapshot(pubsub.snapshot(snapshot))

const listSnapshots: Handler<{ project: string } & Page> = ({ project, ...page }, pubsub) => {
  const name = checkProject(project)
  const own = [...pubsub.snapshots.values()].filter((each) => isOfProject(each.name, name))
  const { items, nextPageToken } = paged(own, page, (each) => each.name)
  return { snapshots: items.map(shownSnapshot), nextPageToken }
}

const updateSnapshot: Handler<{
  snapshot: SnapshotMessage | null
  updateMask: FieldMask | null
}> = ({ snapshot: wanted, updateMask }, pubsub) => {
  if (!wanted) throw invalid('The snapshot is missing.')
  const { labels, expireTime } = changesOf(wanted, updateMask, {
    changeable: ['labels', 'expireTime'],
    immutable: ['name', 'topic'],
  })
  const snapshot = pubsub.snapshot(wanted.name)
  pubsub.changeSnapshot(snapshot, {
    ...snapshot.config,
    ...(labels && { labels }),
    ...(expireTime && { expireMs: timestampMicros(expireTime) / 1000 }),
  })
  return shownSnapshot(snapshot)
}

const deleteSnapshot: Handler<{ snapshot: string }> = ({ snapshot }, pubsub) => {
  pubsub.deleteSnapshot(snapshot)
  return {}
}

const seek: Handler<{
  subscription: string
  time: TimestampMessage | null
  snapshot: string
}> = ({ subscription: name, time, snapshot }, pubsub) => {
  const subscription = pubsub.attached(name)
  if (time) pubsub.seekToTime(subscription, timestampMicros(time))
  else if (snapshot !== '') pubsub.seekToSnapshot(subscription, pubsub.snapshot(snapshot))
  else throw invalid('Seek needs a time or a snapshot.')
  return {}
}

export const subscriber = {
  createSubscription,
  getSubscription,
  updateSubscription,
  listSubscriptions,
  deleteSubscription,
  modifyAckDeadline,
  acknowledge: acknowledgeMessages,
  pull: pullMessages,
  modifyPushConfig,
  getSnapshot,
  listSnapshots,
  createSnapshot,
  updateSnapshot,
  deleteSnapshot,
  seek,
}

/** Also after a restart: an endpoint that was configured is pushed to. */
export function startPush(subscription: Subscription, pubsub: PubSub): void {
  const { push, isDetached, topic } = subscription.config
  if (!push || isDetached || topic === deletedTopic) return
  subscription.receivers.add(new Pusher(pubsub, subscription, push))
  pubsub.pump(subscription)
}

function change(subscription: Subscription, config: Subscription['config'], pubsub: PubSub): void {
  pubsub.changeSubscription(subscription, config)
  for (const receiver of subscription.receivers) if (receiver instanceof Pusher) receiver.end()
  startPush(subscription, pubsub)
}
