// Push: messages go by HTTP POST to the subscription's endpoint. What it answers settles them: 102, 200, 201, 202, 204
// acknowledge, everything else is a nack; while it fails, fewer are sent at once.
// https://cloud.google.com/pubsub/docs/push

import { writeAckId } from './ack-id.ts'
import { acknowledge, modifyDeadline } from './acks.ts'
import { Consumer } from './entry.ts'
import type { Entry } from './entry.ts'
import type { PubSub } from './pubsub.ts'
import type { Receiver, Subscription } from './subscription.ts'
import type { SubscriptionConfig } from './subscription-config.ts'
import { readMessage } from './wire.ts'

const acknowledging = new Set([102, 200, 201, 202, 204])
const requestsMost = 32
/** Of requests in flight: one more for each success, half for each failure. */
const requestsLeast = 1

type PushConfig = NonNullable<SubscriptionConfig['push']>

export class Pusher implements Receiver {
  readonly consumer = new Consumer()
  readonly leaseMs: number
  readonly most = { messages: 1, bytes: Infinity }
  readonly #pubsub: PubSub
  readonly #subscription: Subscription
  readonly #push: PushConfig
  #requests = 0
  #requestsMost = requestsLeast

  constructor(pubsub: PubSub, subscription: Subscription, push: PushConfig) {
    this.#pubsub = pubsub
    this.#subscription = subscription
    this.#push = push
    this.leaseMs = subscription.config.ackDeadlineSeconds * 1000
  }

  isWritable(): boolean {
    return this.#requests < this.#requestsMost
  }

  deliver(entries: readonly Entry[]): void {
    for (const entry of entries) void this.#send(entry)
  }

  end(): void {
    this.#subscription.receivers.delete(this)
  }

  async #send({ message, delivery, failures }: Entry): Promise<void> {
    this.#requests++
    this.#pubsub.deliveredMessages++
    const { id, name, config } = this.#subscription
    const ackId = writeAckId({ subscriptionId: id, seq: message.seq, delivery })
    const attempt = config.deadLetter ? failures + 1 : undefined
    const isTaken = await post(this.#push, {
      body: message.body,
      seq: message.seq,
      publishMicros: message.publishMicros,
      subscription: name,
      attempt,
      limitMs: this.leaseMs,
    })
    this.#requests--
    this.#requestsMost = isTaken
      ? Math.min(requestsMost, this.#requestsMost + 1)
      : Math.max(requestsLeast, Math.floor(this.#requestsMost / 2))
    if (isTaken) acknowledge(this.#subscription, [ackId])
    else {
      const nowMs = this.#pubsub.clock.now()
      modifyDeadline(this.#subscription, [ackId], { seconds: 0, nowMs })
    }
    if (this.#subscription.receivers.has(this)) this.#pubsub.pump(this.#subscription)
  }
}

interface Pushed {
  body: Uint8Array
  seq: number
  publishMicros: number
  subscription: string
  attempt: number | undefined
  limitMs: number
}

async function post(push: PushConfig, pushed: Pushed): Promise<boolean> {
  const { headers, body } = push.noWrapper ? unwrapped(push, pushed) : wrapped(pushed)
  try {
    const response = await fetch(push.endpoint, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(pushed.limitMs),
    })
    await response.arrayBuffer()
    return acknowledging.has(response.status)
  } catch {
    // No answer is no acknowledgement.
    return false
  }
}

interface HttpRequest {
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer>
}

function wrapped({ body, seq, publishMicros, subscription, attempt }: Pushed): HttpRequest {
  const { data, attributes, orderingKey } = readMessage(body)
  const messageId = String(seq)
  const publishTime = new Date(publishMicros / 1000).toISOString()
  const message = {
    data: Buffer.from(data).toString('base64'),
    attributes: Object.fromEntries(attributes),
    messageId,
    message_id: messageId,
    publishTime,
    publish_time: publishTime,
    ...(orderingKey !== '' && { orderingKey }),
  }
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      message,
      subscription,
      ...(attempt !== undefined && { deliveryAttempt: attempt }),
    }),
  }
}

function unwrapped({ writeMetadata }: PushConfig, pushed: Pushed): HttpRequest {
  const { data, attributes, orderingKey } = readMessage(pushed.body)
  const metadata: Record<string, string> = {
    'x-goog-pubsub-subscription-name': pushed.subscription,
    'x-goog-pubsub-message-id': String(pushed.seq),
    'x-goog-pubsub-publish-time': new Date(pushed.publishMicros / 1000).toISOString(),
    ...(orderingKey !== '' && { 'x-goog-pubsub-ordering-key': orderingKey }),
    ...Object.fromEntries(attributes),
  }
  return { headers: writeMetadata ? metadata : {}, body: new Uint8Array(data) }
}
