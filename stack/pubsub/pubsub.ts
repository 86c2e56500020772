// Everything this Pub/Sub knows: topics, subscriptions, snapshots by name, on one store. What comes in by gRPC changes it
// in one turn of the event loop, writes it down, and then gives messages to whoever waits for them.
//
// Two clocks: leases, delays and waiting pulls run by the protocol's clock; publish times, retention and expiry by the
// domain's, which tests move.

import type { Clock, DomainClock, Timer } from '../base/clock.ts'
import { minuteMs, secondMs } from '../base/units.ts'
import type { Entry, StoredMessage } from './entry.ts'
import { GroupCommit } from './group-commit.ts'
import { snapshotMs } from './limits.ts'
import { deletedTopic, projectOf } from './names.ts'
import { alreadyExists, failedPrecondition, notFound } from './refused.ts'
import type { Store } from './store.ts'
import type { SubscriptionConfig } from './subscription-config.ts'
import { Subscription } from './subscription.ts'
import type { TopicConfig } from './topic-config.ts'
import { storedMessage, withAttributes } from './wire.ts'
import type { PublishedMessage } from './wire.ts'

export interface Topic {
  id: number
  name: string
  config: TopicConfig
  /** Of its newest message. */
  lastSeq: number
}

export interface SnapshotConfig {
  topic: string
  topicId: number
  labels: Record<string, string>
  expireMs: number
  floorSeq: number
  settledSeqs: readonly number[]
}

export interface Snapshot {
  id: number
  name: string
  config: SnapshotConfig
}

/** What one request publishes. */
interface Publication {
  topic: Topic
  published: readonly Pick<PublishedMessage, 'bytes' | 'orderingKey'>[]
}

export interface PubSubOptions {
  store: Store
  clock: Clock
  domainClock: DomainClock
}

const sweepEveryMs = minuteMs

export class PubSub {
  readonly topics = new Map<string, Topic>()
  readonly subscriptions = new Map<string, Subscription>()
  readonly snapshots = new Map<string, Snapshot>()
  readonly store: Store
  readonly clock: Clock
  readonly domainClock: DomainClock
  readonly #byId = new Map<number, Subscription>()
  readonly #publishing = new GroupCommit<Publication, string[]>((all) => this.#publishAll(all))
  readonly #timers: Timer[] = []
  readonly #stopListening: () => void
  #due: { atMs: number; timer: Timer } | undefined
  publishedMessages = 0
  deliveredMessages = 0

  constructor({ store, clock, domainClock }: PubSubOptions) {
    this.store = store
    this.clock = clock
    this.domainClock = domainClock
    for (const { id, kind, name, config } of store.resources()) {
      if (kind === 'topic') this.#keepTopic(id, name, config as TopicConfig)
      else if (kind === 'snapshot') {
        this.snapshots.set(name, { id, name, config: config as SnapshotConfig })
      } else this.#keepSubscription(id, name, config as SubscriptionConfig)
    }
    this.#timers.push(clock.every(sweepEveryMs, () => this.sweep()))
    this.#stopListening = domainClock.onMove(() => this.sweep())
  }

  topic(name: string): Topic {
    const topic = this.topics.get(name)
    if (!topic) throw notFound(name)
    return topic
  }

  subscription(name: string): Subscription {
    const subscription = this.subscriptions.get(name)
    if (!subscription) throw notFound(name)
    subscription.lastUseMs = this.domainClock.now()
    return subscription
  }

  /** One that messages can be had of. */
  attached(name: string): Subscription {
    const subscription = this.subscription(name)
    if (subscription.config.isDetached) throw detached(name)
    return subscription
  }

  subscriptionById(id: number): Subscription | undefined {
    return this.#byId.get(id)
  }

  snapshot(name: string): Snapshot {
    const snapshot = this.snapshots.get(name)
    if (!snapshot) throw notFound(name)
    return snapshot
  }

  createTopic(name: string, config: TopicConfig): Topic {
    if (this.topics.has(name)) throw alreadyExists(name)
    return this.#keepTopic(this.store.add('topic', name, config), name, config)
  }

  changeTopic(name: string, config: TopicConfig): Topic {
    const topic = this.topic(name)
    topic.config = config
    this.store.change(topic.id, config)
    return topic
  }

  /** Its subscriptions stay, with what they have not delivered. */
  deleteTopic(name: string): void {
    const topic = this.topic(name)
    this.#publishing.flush()
    this.topics.delete(name)
    this.store.transaction(() => {
      this.store.remove(topic.id)
      for (const subscription of this.subscriptionsOf(name)) {
        this.changeSubscription(subscription, { ...subscription.config, topic: deletedTopic })
      }
    })
    this.#trim(topic.id)
  }

  subscriptionsOf(topic: string): Subscription[] {
    return [...this.subscriptions.values()].filter(({ config }) => config.topic === topic)
  }

  /** It receives what is published from now on. */
  createSubscription(name: string, config: SubscriptionConfig): Subscription {
    if (this.subscriptions.has(name)) throw alreadyExists(name)
    let id = 0
    this.store.transaction(() => {
      id = this.store.add('subscription', name, config)
      this.store.settle({ subscriptionId: id, floorSeq: this.store.lastSeq, settledSeqs: [] })
    })
    return this.#keepSubscription(id, name, config)
  }

  changeSubscription(subscription: Subscription, config: SubscriptionConfig): void {
    subscription.config = config
    this.store.change(subscription.id, config)
  }

  deleteSubscription(name: string): void {
    const subscription = this.subscription(name)
    this.subscriptions.delete(name)
    this.#byId.delete(subscription.id)
    subscription.end(notFound(name))
    this.store.remove(subscription.id)
    this.#trim(subscription.config.topicId)
  }

  detach(name: string): void {
    const subscription = this.subscription(name)
    this.changeSubscription(subscription, { ...subscription.config, isDetached: true })
    subscription.end(detached(name))
    // Its messages are dropped, those that are retained too.
    subscription.seek({ floorSeq: this.store.lastSeq, settledSeqs: [] })
  }

  createSnapshot(
    name: string,
    subscription: Subscription,
    labels: Record<string, string>,
  ): Snapshot {
    if (this.snapshots.has(name)) throw alreadyExists(name)
    const { topic, topicId } = subscription.config
    const settled = subscription.settled()
    const [oldest] = this.store.messagesAfter(topicId, settled.floorSeq, 1)
    const nowMs = this.domainClock.now()
    const oldestMs = oldest ? oldest.publishMicros / 1000 : nowMs
    const expireMs = Math.min(oldestMs, nowMs) + snapshotMs.most
    if (expireMs < nowMs + snapshotMs.least) {
      throw failedPrecondition(
        'The snapshot would expire within an hour: the oldest message of the subscription is too old.',
      )
    }
    const config: SnapshotConfig = { topic, topicId, labels, expireMs, ...settled }
    const snapshot = { id: this.store.add('snapshot', name, config), name, config }
    this.snapshots.set(name, snapshot)
    return snapshot
  }

  changeSnapshot(snapshot: Snapshot, config: SnapshotConfig): void {
    snapshot.config = config
    this.store.change(snapshot.id, config)
  }

  deleteSnapshot(name: string): void {
    const { id, config } = this.snapshot(name)
    this.store.remove(id)
    this.snapshots.delete(name)
    this.#trim(config.topicId)
  }

  /** Ids in the order of the messages. */
  publish(topic: Topic, published: Publication['published']): Promise<string[]> {
    return this.#publishing.add({ topic, published })
  }

  /** To a time: what was published before counts as settled, what after is to be delivered as far as it is kept. */
  seekToTime(subscription: Subscription, micros: number): void {
    const { config } = subscription
    const wantedSeq = this.store.seqBefore(config.topicId, micros)
    const settled = subscription.settled()
    const keptSeq = this.#keptFromSeq(config)
    if (wantedSeq >= settled.floorSeq || keptSeq === undefined) {
      const floorSeq = Math.max(wantedSeq, settled.floorSeq)
      subscription.seek({ floorSeq, settledSeqs: keptSeq === undefined ? settled.settledSeqs : [] })
    } else {
      subscription.seek({ floorSeq: Math.max(wantedSeq, keptSeq), settledSeqs: [] })
    }
    this.pump(subscription)
  }

  seekToSnapshot(subscription: Subscription, snapshot: Snapshot): void {
    if (snapshot.config.topicId !== subscription.config.topicId) {
      throw failedPrecondition('The snapshot is of another topic than the subscription.')
    }
    subscription.seek(snapshot.config)
    this.pump(subscription)
  }

  /** Gives what can be given, and comes back when time alone changes that. */
  pump(subscription: Subscription): void {
    subscription.pump(this.clock.now())
    const { deadLetter } = subscription.config
    if (deadLetter) subscription.forwardDeadLetters((entry) => this.#bury(subscription, entry))
    this.#schedule(subscription.nextDueMs)
  }

  /** Retention and expiry, by domain time. */
  sweep(): void {
    const nowMs = this.domainClock.now()
    for (const [name, { config }] of this.snapshots) {
      if (config.expireMs <= nowMs) this.deleteSnapshot(name)
    }
    for (const [name, subscription] of this.subscriptions) {
      const { expirationMs, retentionMs, topicId } = subscription.config
      const isInUse = subscription.receivers.size > 0
      if (isInUse) subscription.lastUseMs = nowMs
      if (expirationMs !== null && subscription.lastUseMs + expirationMs <= nowMs) {
        this.deleteSubscription(name)
      } else {
        subscription.expireUpTo(this.store.seqBefore(topicId, (nowMs - retentionMs) * 1000))
      }
    }
    const topicIds = new Set([
      ...[...this.topics.values()].map(({ id }) => id),
      ...[...this.subscriptions.values()].map(({ config }) => config.topicId),
      ...[...this.snapshots.values()].map(({ config }) => config.topicId),
    ])
    for (const topicId of topicIds) this.#trim(topicId)
  }

  close(): void {
    this.#publishing.flush()
    for (const timer of this.#timers) timer.cancel()
    this.#due?.timer.cancel()
    this.#stopListening()
    this.store.close()
  }

  /** Written first: whoever is given a message may count on it. */
  #publishAll(all: readonly Publication[]): string[][] {
    const numbered = all.map((each) => this.#numbered(each))
    this.store.append(numbered)
    const receiving = new Set<Subscription>()
    for (const { topic, messages } of numbered) {
      const previousSeq = topic.lastSeq
      topic.lastSeq = (messages.at(-1) as StoredMessage).seq
      this.publishedMessages += messages.length
      for (const subscription of this.subscriptions.values()) {
        if (subscription.config.topicId !== topic.id) continue
        subscription.appended(messages, previousSeq)
        receiving.add(subscription)
      }
    }
    // Not before all are offered: what is given may bury others, which are published behind these.
    for (const subscription of receiving) this.pump(subscription)
    return numbered.map(({ messages }) => messages.map(({ seq }) => String(seq)))
  }

  #numbered({ topic, published }: Publication) {
    const { firstSeq, firstMicros } = this.store.reserve(published.length, this.domainClock.now())
    const messages = published.map(({ bytes, orderingKey }, index): StoredMessage => {
      const seq = firstSeq + index
      const publishMicros = firstMicros + index
      const body = storedMessage(bytes, { messageId: String(seq), publishMicros })
      return { seq, publishMicros, orderingKey, body }
    })
    return { topic, topicId: topic.id, messages }
  }

  #keepTopic(id: number, name: string, config: TopicConfig): Topic {
    const topic = { id, name, config, lastSeq: this.store.lastSeq }
    this.topics.set(name, topic)
    return topic
  }

  #keepSubscription(id: number, name: string, config: SubscriptionConfig): Subscription {
    const subscription = new Subscription({ id, name, config }, this.store, this.domainClock.now())
    this.subscriptions.set(name, subscription)
    this.#byId.set(id, subscription)
    return subscription
  }

  /** Everything up to there may be gone; undefined where nothing that is settled is kept. */
  #keptFromSeq({ topic, topicId, retainAckedMessages, retentionMs }: SubscriptionConfig) {
    const spansMs = [
      ...(retainAckedMessages ? [retentionMs] : []),
      this.topics.get(topic)?.config.retentionMs ?? 0,
    ]
    const spanMs = Math.max(...spansMs)
    if (spanMs === 0) return undefined
    return this.store.seqBefore(topicId, (this.domainClock.now() - spanMs) * 1000)
  }

  /** Drops what nobody can ask for any more; of a topic that nobody has anything to do with, everything. */
  #trim(topicId: number): void {
    this.store.dropUpTo(topicId, this.#neededFromSeq(topicId))
  }

  /** Nobody can ask for what is up to there. */
  #neededFromSeq(topicId: number): number {
    const needed = [this.store.lastSeq]
    for (const { config } of this.snapshots.values()) {
      if (config.topicId === topicId) needed.push(config.floorSeq)
    }
    for (const subscription of this.subscriptions.values()) {
      const { config } = subscription
      if (config.topicId !== topicId || config.isDetached) continue
      needed.push(subscription.floorSeq)
      if (config.retainAckedMessages) needed.push(this.#keptFromSeq(config) ?? Infinity)
    }
    for (const { id, config } of this.topics.values()) {
      if (id !== topicId || config.retentionMs === undefined) continue
      const fromMs = this.domainClock.now() - config.retentionMs
      needed.push(this.store.seqBefore(topicId, fromMs * 1000))
    }
    return Math.min(...needed)
  }

  /** A copy into the dead-letter topic; where that is gone the message is lost, as with the service. */
  #bury(subscription: Subscription, { message, failures }: Entry): void {
    const topic = this.topics.get(subscription.config.deadLetter?.topic ?? '')
    if (!topic) return
    const project = projectOf(subscription.name)
    const bytes = withAttributes(message.body, {
      CloudPubSubDeadLetterSourceDeliveryCount: String(failures),
      CloudPubSubDeadLetterSourceSubscription: subscription.name.split('/')[3] as string,
      CloudPubSubDeadLetterSourceSubscriptionProject: project,
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(
        message.publishMicros / 1000,
      ).toISOString(),
    })
    const { orderingKey } = message
    this.#publishAll([{ topic, published: [{ bytes, orderingKey }] }])
  }

  #schedule(atMs: number): void {
    if (atMs === Infinity || (this.#due && this.#due.atMs <= atMs)) return
    this.#due?.timer.cancel()
    const afterMs = Math.max(0, atMs - this.clock.now())
    const timer = this.clock.after(Math.min(afterMs, 600 * secondMs), () => {
      this.#due = undefined
      for (const subscription of this.subscriptions.values()) {
        if (subscription.nextDueMs < Infinity) this.pump(subscription)
      }
    })
    this.#due = { atMs, timer }
  }
}

function detached(name: string) {
  return failedPrecondition(`The subscription is detached from its topic (subscription=${name}).`)
}
