// Pub/Sub into the fold: the same records as Kafka's feed reads, as lane A of the bridge publishes them. Each topic has a
// subscription of its own, made for this reader and set back as far as Kafka's feed reads: deleted at the end, and
// after a day by itself if this process was killed. Every message says where it lies in Kafka, so copies are dropped
// exactly, whoever made them.

import type { Clock, DomainClock } from '../../../stack/base/clock.ts'
import { messageOf } from '../../../stack/base/errors.ts'
import type { Logger } from '../../../stack/base/logger.ts'
import { OffsetWindow } from '../../../stack/base/offset-window.ts'
import { dayMs, minuteMs, secondMs } from '../../../stack/base/units.ts'
import { topics } from '../../../stack/contract/topics.ts'
import type { PubSubClients } from '../../../stack/google/pubsub.ts'
import type { GivenPlace } from '../cloud.ts'
import { askingPubSub, troubleOf } from '../cloud/trouble.ts'
import type { Trouble } from '../cloud/trouble.ts'
import type { LiveFold } from './fold.ts'
import { applyRecord, feedTopics, windowStartMs } from './records.ts'

export interface CloudFeedOptions {
  /** Google's clients; rejects where there is no login. */
  connect(): Promise<PubSubClients>
  place: GivenPlace
  /** Of this feed: part of the names of its subscriptions. */
  id: string
  fold: LiveFold
  clock: Clock
  domainClock: DomainClock
  logger: Logger
}

export interface CloudFeed {
  /** Why nothing comes, and what to do; null while messages can come. */
  trouble(): Trouble | null
  /** Resolves when what it made at Pub/Sub is deleted, or could not be. */
  close(): Promise<void>
}

export function startCloudFeed(options: CloudFeedOptions): CloudFeed {
  const { fold, domainClock } = options
  const seen = new OffsetWindow()
  // Until partitions have spoken nothing is closed.
  fold.observe(0, 0, true, domainClock.now())
  const feeds = feedTopics.map((topic) => new TopicFeed(topic, seen, options))
  return {
    trouble: () => feeds.map(({ trouble }) => trouble).find((each) => each !== null) ?? null,
    async close() {
      await Promise.all(feeds.map((feed) => feed.close()))
    },
  }
}

/** What was published earlier than its record's time (an event may be ahead of its arrival) is read, too. */
const aheadMs = 10 * minuteMs
const backOff = { firstMs: 250, mostMs: 5 * secondMs }
const ackDeadlineSeconds = 60
/** What may be under way at a time; each response is done with before the next. */
const flow = { maxOutstandingMessages: '2000', maxOutstandingBytes: String(16 * 1024 * 1024) }
const keepaliveMs = 5 * secondMs
const silentMsMax = 15 * secondMs
const deleteLimitMs = 3 * secondMs

/** As gRPC counts. */
const notFound = 5
const alreadyExists = 6

interface PubSubMessage {
  data: Uint8Array | null
  attributes: Record<string, string>
}

interface StreamResponse {
  receivedMessages: { ackId: string; message: PubSubMessage }[]
}

class TopicFeed {
  trouble: Trouble | null = askingPubSub
  readonly #topic: string
  readonly #subscription: string
  readonly #seen: OffsetWindow
  readonly #options: CloudFeedOptions
  readonly #closed = new AbortController()
  readonly #running: Promise<void>
  #isThere = false
  #tries = 0

  constructor(topic: string, seen: OffsetWindow, options: CloudFeedOptions) {
    this.#topic = topic
    this.#seen = seen
    this.#options = options
    this.#subscription = `projects/${options.place.projectId}/subscriptions/slipway-live-${topic}-${options.id}`
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#running
    if (!this.#isThere) return
    const { connect, logger } = this.#options
    try {
      const { subscriber } = await connect()
      const request = { subscription: this.#subscription }
      await subscriber.deleteSubscription(request, { retry: null, timeout: deleteLimitMs })
    } catch (error) {
      const subscription = this.#subscription
      logger.debug('it will expire by itself', { subscription, error: messageOf(error) })
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed
    while (!signal.aborted) {
      try {
        const clients = await this.#options.connect()
        if (!this.#isThere) await this.#create(clients)
        await this.#receive(clients)
      } catch (error) {
        if (signal.aborted) return
        this.#failed(error)
      }
      const waitMs = Math.min(backOff.mostMs, backOff.firstMs * 2 ** this.#tries)
      this.#tries++
      await this.#options.clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  /** A new subscription is empty, also of a topic that keeps its messages, until it is set back. */
  async #create({ subscriber }: PubSubClients): Promise<void> {
    const { place, domainClock } = this.#options
    const topic = `projects/${place.projectId}/topics/${this.#topic}`
    const request = {
      name: this.#subscription,
      topic,
      ackDeadlineSeconds,
      // Of a key the newest state is to come last.
      enableMessageOrdering: true,
      expirationPolicy: { ttl: { seconds: dayMs / secondMs } },
      labels: { 'managed-by': 'slipway', for: 'live' },
    }
    try {
      await subscriber.createSubscription(request, { retry: null })
    } catch (error) {
      if (codeOf(error) !== alreadyExists) throw error
    }
    const backToMs = windowStartMs(this.#topic, domainClock.now()) - aheadMs
    const time = { seconds: Math.floor(Math.max(0, backToMs) / secondMs) }
    await subscriber.seek({ subscription: this.#subscription, time }, { retry: null })
    this.#isThere = true
  }

  /** Until the stream ends; rejects with its error. */
  #receive({ subscriber }: PubSubClients): Promise<void> {
    const { clock } = this.#options
    const subscription = this.#subscription
    // Google finds its way by it; of a stream the client does not write it by itself.
    const headers = { 'x-goog-request-params': `subscription=${encodeURIComponent(subscription)}` }
    const stream = subscriber.streamingPull({ otherArgs: { headers } })
    let heardMs: number | undefined
    const keepalive = clock.every(keepaliveMs, () => {
      if (heardMs !== undefined && clock.monotonicMs() - heardMs > silentMsMax) stream.cancel()
      else stream.write({})
    })
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('data', (response: StreamResponse) => {
        heardMs = clock.monotonicMs()
        this.#tries = 0
        this.trouble = null
        const ackIds = this.#take(response.receivedMessages)
        if (ackIds.length === 0) return
        // What is not acknowledged comes again, and is dropped.
        subscriber.acknowledge({ subscription, ackIds }, { retry: null }).catch(() => {})
      })
      stream.on('error', reject)
      stream.on('end', resolve)
    })
    const stop = () => stream.cancel()
    this.#closed.signal.addEventListener('abort', stop)
    stream.write({
      subscription,
      streamAckDeadlineSeconds: ackDeadlineSeconds,
      // The server answers what is written to keep the stream alive.
      protocolVersion: '1',
      ...flow,
    })
    stream.write({})
    return ended.finally(() => {
      keepalive.cancel()
      this.#closed.signal.removeEventListener('abort', stop)
    })
  }

  /** Into the fold, at once; the ids to acknowledge. */
  #take(received: StreamResponse['receivedMessages']): string[] {
    const { fold, domainClock } = this.#options
    const nowMs = domainClock.now()
    const fromMs = windowStartMs(this.#topic, nowMs)
    const newestMs = new Map<number, number>()
    for (const { message } of received) {
      const partition = Number(message.attributes['kafka.partition'])
      const timestampMs = Number(message.attributes['kafka.timestamp'])
      newestMs.set(partition, Math.max(newestMs.get(partition) ?? 0, timestampMs))
      if (timestampMs >= fromMs) this.#apply(message, partition, nowMs)
    }
    if (this.#topic === topics.enriched.name)
      for (const [partition, ms] of newestMs) fold.observe(partition, ms, true, nowMs)
    fold.prune(nowMs)
    return received.map(({ ackId }) => ackId)
  }

  #apply({ data, attributes }: PubSubMessage, partition: number, nowMs: number): void {
    const { fold, logger } = this.#options
    const topic = this.#topic
    const offset = Number(attributes['kafka.offset'])
    if (this.#seen.seen(`${topic}-${partition}`, offset)) return
    const isTombstone = attributes['kafka.tombstone'] === 'true'
    const place = { topic, partition, offset, key: attributes['kafka.key'] ?? null }
    applyRecord(fold, place, { value: isTombstone ? null : Buffer.from(data ?? []), nowMs, logger })
  }

  #failed(error: unknown): void {
    const { logger, place } = this.#options
    if (codeOf(error) === notFound) this.#isThere = false
    // The live service ends every stream from time to time: the first try after that is no trouble.
    if (this.#tries > 0 || this.trouble !== null) this.trouble = troubleOf(error, place, 'Pub/Sub')
    if (this.#tries === 1) logger.info('Pub/Sub is waited for', { error: messageOf(error) })
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}
