// Who is given messages by call: a pull that waits for the first, and a stream that stays.

import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { Timer } from '../base/clock.ts'
import { acknowledge, modifyDeadline } from './acks.ts'
import { writeAckId } from './ack-id.ts'
import { Consumer } from './entry.ts'
import type { Entry } from './entry.ts'
import { ackDeadlineSeconds, pullLimits, streamAnswer } from './limits.ts'
import type { StreamingPullRequest } from './messages.ts'
import type { DeliveredResponse } from './protos.ts'
import type { PubSub } from './pubsub.ts'
import { invalid } from './refused.ts'
import type { Receiver, Subscription } from './subscription.ts'
import type { Delivered } from './wire.ts'

export function delivered({ id, config }: Subscription, entries: readonly Entry[]): Delivered[] {
  return entries.map(({ message, delivery, failures }) => ({
    ackId: writeAckId({ subscriptionId: id, seq: message.seq, delivery }),
    message: message.body,
    deliveryAttempt: config.deadLetter ? failures + 1 : 0,
  }))
}

/** What there is, or the first that comes while it waits. */
export function pull(
  pubsub: PubSub,
  subscription: Subscription,
  { maxMessages, returnImmediately }: { maxMessages: number; returnImmediately: boolean },
): Promise<DeliveredResponse> {
  if (maxMessages < 1) throw invalid('max_messages must be at least 1.')
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined
    const leave = () => {
      subscription.receivers.delete(receiver)
      timer?.cancel()
    }
    const receiver: Receiver = {
      consumer: new Consumer(),
      leaseMs: subscription.config.ackDeadlineSeconds * 1000,
      most: { messages: Math.min(maxMessages, pullLimits.messages), bytes: Infinity },
      isWritable: () => true,
      deliver(entries) {
        leave()
        pubsub.deliveredMessages += entries.length
        resolve({ delivered: delivered(subscription, entries) })
      },
      end(error) {
        leave()
        reject(error)
      },
    }
    subscription.receivers.add(receiver)
    pubsub.pump(subscription)
    if (!subscription.receivers.has(receiver)) return
    const nothing = () => {
      leave()
      resolve({ delivered: [] })
    }
    if (returnImmediately) nothing()
    else timer = pubsub.clock.after(pullLimits.waitMs, nothing)
  })
}

export type PullStream = ServerDuplexStream<StreamingPullRequest, DeliveredResponse>

/** One StreamingPull call, from its first request to its end. */
export class Stream implements Receiver {
  readonly consumer: Consumer
  leaseMs: number
  readonly most = streamAnswer
  readonly #pubsub: PubSub
  readonly #subscription: Subscription
  readonly #call: PullStream
  readonly #answersKeepalive: boolean
  #isWritable = true
  #hasTold = false

  /** By its first request. */
  constructor(pubsub: PubSub, call: PullStream, first: StreamingPullRequest) {
    this.#pubsub = pubsub
    this.#call = call
    this.#subscription = pubsub.attached(first.subscription)
    this.leaseMs = checkStreamDeadline(first.streamAckDeadlineSeconds) * 1000
    this.#answersKeepalive = first.protocolVersion >= 1
    this.consumer = new Consumer({
      messagesMax: first.maxOutstandingMessages,
      bytesMax: first.maxOutstandingBytes,
    })
    call.on('drain', () => {
      this.#isWritable = true
      this.#pubsub.pump(this.#subscription)
    })
    this.#subscription.receivers.add(this)
    this.#handle(first)
    this.#tell([])
    pubsub.pump(this.#subscription)
  }

  /** A later request. */
  next(request: StreamingPullRequest): void {
    const { subscription, maxOutstandingBytes, maxOutstandingMessages, protocolVersion } = request
    if (subscription !== '')
      throw invalid('The subscription can be given in the first request only.')
    if (maxOutstandingMessages !== 0 || maxOutstandingBytes !== 0 || protocolVersion !== 0) {
      throw invalid('Flow control and protocol version can be given in the first request only.')
    }
    if (request.streamAckDeadlineSeconds !== 0) {
      this.leaseMs = checkStreamDeadline(request.streamAckDeadlineSeconds) * 1000
    }
    const hasNews = this.#handle(request)
    if (hasNews) this.#pubsub.pump(this.#subscription)
    else if (this.#answersKeepalive) this.#tell([])
  }

  isWritable(): boolean {
    return this.#isWritable
  }

  deliver(entries: readonly Entry[]): void {
    this.#pubsub.deliveredMessages += entries.length
    this.#tell(delivered(this.#subscription, entries))
  }

  end(error: Error): void {
    this.leave()
    this.#call.emit('error', error)
  }

  /** What it holds runs out by itself. */
  leave(): void {
    this.#subscription.receivers.delete(this)
  }

  #handle(request: StreamingPullRequest): boolean {
    const { ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds } = request
    if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length) {
      throw invalid('modify_deadline_seconds and modify_deadline_ack_ids differ in length.')
    }
    if (ackIds.length > 0) acknowledge(this.#subscription, ackIds)
    for (const [index, ackId] of modifyDeadlineAckIds.entries()) {
      const seconds = modifyDeadlineSeconds[index] as number
      modifyDeadline(this.#subscription, [ackId], { seconds, nowMs: this.#pubsub.clock.now() })
    }
    return ackIds.length + modifyDeadlineAckIds.length > 0
  }

  #tell(messages: Delivered[]): void {
    const { enableExactlyOnceDelivery, enableMessageOrdering } = this.#subscription.config
    const properties = {
      isExactlyOnce: enableExactlyOnceDelivery,
      isOrdered: enableMessageOrdering,
    }
    const response = this.#hasTold ? { delivered: messages } : { delivered: messages, properties }
    this.#hasTold = true
    this.#isWritable = this.#call.write(response)
  }
}

function checkStreamDeadline(seconds: number): number {
  const { least, most } = ackDeadlineSeconds
  if (seconds >= least && seconds <= most) return seconds
  throw invalid(
    `Invalid stream ack deadline given (streamAckDeadlineSeconds=${seconds}). It must be from ${least} to ${most}.`,
  )
}
