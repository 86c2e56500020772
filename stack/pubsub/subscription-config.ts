// A subscription as it is kept, from the message of a request and back.

import { durationMs, toDuration } from './durations.ts'
import { parseFilter } from './filter.ts'
import {
  ackDeadlineSeconds,
  backoffMs,
  deliveryAttempts,
  expirationMs,
  retentionMs,
} from './limits.ts'
import type { DeliveryRules } from './delivery.ts'
import type { PushConfigMessage, SubscriptionMessage } from './messages.ts'
import { checkName } from './names.ts'
import { invalid, unimplemented } from './refused.ts'
import { checkRetention } from './topic-config.ts'

export interface SubscriptionConfig {
  /** The name of a topic, or that of all that are gone. */
  topic: string
  /** Whose messages; stays when the topic is gone. */
  topicId: number
  ackDeadlineSeconds: number
  retainAckedMessages: boolean
  retentionMs: number
  labels: Record<string, string>
  enableMessageOrdering: boolean
  enableExactlyOnceDelivery: boolean
  filter: string
  /** Without use for so long it is deleted; null is never. */
  expirationMs: number | null
  deadLetter?: { topic: string; attemptsMax: number }
  retry?: { minimumMs: number; maximumMs: number }
  push?: {
    endpoint: string
    attributes: Record<string, string>
    noWrapper: boolean
    writeMetadata: boolean
  }
  isDetached?: boolean
}

export const subscriptionFields = {
  changeable: [
    'ackDeadlineSeconds',
    'retainAckedMessages',
    'messageRetentionDuration',
    'labels',
    'expirationPolicy',
    'deadLetterPolicy',
    'retryPolicy',
    'pushConfig',
    'enableExactlyOnceDelivery',
  ],
  immutable: ['name', 'topic', 'enableMessageOrdering', 'filter', 'topicMessageRetentionDuration'],
} as const

export function subscriptionConfig(
  message: SubscriptionMessage,
  topicId: number,
): SubscriptionConfig {
  checkName(message.name, 'subscriptions')
  refuseUnserved(message)
  if (message.filter !== '') parseFilter(message.filter)
  const { topic, retainAckedMessages, labels, filter, deadLetterPolicy, retryPolicy } = message
  const { enableMessageOrdering, enableExactlyOnceDelivery } = message
  const push = pushConfig(message.pushConfig)
  if (push && enableExactlyOnceDelivery) {
    throw invalid('Exactly-once delivery cannot be enabled for a push subscription.')
  }
  return {
    topic,
    topicId,
    ackDeadlineSeconds: checkAckDeadline(message.ackDeadlineSeconds),
    retainAckedMessages,
    retentionMs: message.messageRetentionDuration
      ? checkRetention(message.messageRetentionDuration, retentionMs.subscription)
      : retentionMs.subscription.unset,
    labels,
    enableMessageOrdering,
    enableExactlyOnceDelivery,
    filter,
    expirationMs: checkExpiration(message.expirationPolicy),
    ...(deadLetterPolicy && { deadLetter: checkDeadLetter(deadLetterPolicy) }),
    ...(retryPolicy && { retry: checkRetry(retryPolicy) }),
    ...(push && { push }),
  }
}

export function subscriptionMessage(
  name: string,
  config: SubscriptionConfig,
  topicRetentionMs: number | undefined,
): object {
  const { topic, labels, filter, deadLetter, retry, push } = config
  return {
    name,
    topic,
    labels,
    filter,
    ackDeadlineSeconds: config.ackDeadlineSeconds,
    retainAckedMessages: config.retainAckedMessages,
    messageRetentionDuration: toDuration(config.retentionMs),
    enableMessageOrdering: config.enableMessageOrdering,
    enableExactlyOnceDelivery: config.enableExactlyOnceDelivery,
    detached: config.isDetached ?? false,
    state: 'ACTIVE',
    expirationPolicy: config.expirationMs === null ? {} : { ttl: toDuration(config.expirationMs) },
    pushConfig: push
      ? {
          pushEndpoint: push.endpoint,
          attributes: push.attributes,
          ...(push.noWrapper && { noWrapper: { writeMetadata: push.writeMetadata } }),
        }
      : {},
    ...(deadLetter && {
      deadLetterPolicy: {
        deadLetterTopic: deadLetter.topic,
        maxDeliveryAttempts: deadLetter.attemptsMax,
      },
    }),
    ...(retry && {
      retryPolicy: {
        minimumBackoff: toDuration(retry.minimumMs),
        maximumBackoff: toDuration(retry.maximumMs),
      },
    }),
    ...(topicRetentionMs !== undefined && {
      topicMessageRetentionDuration: toDuration(topicRetentionMs),
    }),
  }
}

export function deliveryRules(config: SubscriptionConfig): DeliveryRules {
  return {
    isOrdered: config.enableMessageOrdering,
    isExactlyOnce: config.enableExactlyOnceDelivery,
    backoff: config.retry,
    deliveryAttemptsMax: config.deadLetter?.attemptsMax,
  }
}

export function pushConfig(message: PushConfigMessage | null): SubscriptionConfig['push'] {
  if (!message?.pushEndpoint) return undefined
  const { pushEndpoint: endpoint, attributes, noWrapper } = message
  if (!/^https?:\/\/[^/]/.test(endpoint)) {
    throw invalid(`Invalid push endpoint given (endpoint=${endpoint}).`)
  }
  return {
    endpoint,
    attributes,
    noWrapper: Boolean(noWrapper),
    writeMetadata: noWrapper?.writeMetadata ?? false,
  }
}

function refuseUnserved(message: SubscriptionMessage): void {
  if (message.bigqueryConfig) throw unimplemented('A BigQuery subscription')
  if (message.cloudStorageConfig) throw unimplemented('A Cloud Storage subscription')
  if (message.bigtableConfig) throw unimplemented('A Bigtable subscription')
  if (message.messageTransforms.length > 0) throw unimplemented('A message transform')
}

function checkAckDeadline(seconds: number): number {
  const { least, most, unset } = ackDeadlineSeconds
  if (seconds === 0) return unset
  if (seconds >= least && seconds <= most) return seconds
  throw invalid(
    `Invalid ack deadline given: (ackDeadlineSeconds=${seconds}). It must be from ${least} to ${most}.`,
  )
}

function checkExpiration(policy: SubscriptionMessage['expirationPolicy']): number | null {
  if (!policy) return expirationMs.unset
  if (!policy.ttl) return null
  const ms = durationMs(policy.ttl)
  if (ms >= expirationMs.least) return ms
  throw invalid(
    `Invalid expiration policy: the ttl must be at least ${expirationMs.least / 1000} s.`,
  )
}

function checkDeadLetter(
  policy: NonNullable<SubscriptionMessage['deadLetterPolicy']>,
): NonNullable<SubscriptionConfig['deadLetter']> {
  const attemptsMax = policy.maxDeliveryAttempts || deliveryAttempts.unset
  const { least, most } = deliveryAttempts
  if (attemptsMax < least || attemptsMax > most) {
    throw invalid(
      `Invalid dead letter policy: max_delivery_attempts is ${attemptsMax}. It must be from ${least} to ${most}.`,
    )
  }
  checkName(policy.deadLetterTopic, 'topics')
  return { topic: policy.deadLetterTopic, attemptsMax }
}

function checkRetry({
  minimumBackoff,
  maximumBackoff,
}: NonNullable<SubscriptionMessage['retryPolicy']>): NonNullable<SubscriptionConfig['retry']> {
  const minimumMs = minimumBackoff ? durationMs(minimumBackoff) : backoffMs.minimum
  const maximumMs = maximumBackoff ? durationMs(maximumBackoff) : backoffMs.maximum
  const { least, most } = backoffMs
  if (minimumMs < least || maximumMs > most || minimumMs > maximumMs) {
    throw invalid(
      `Invalid retry policy: back-off from ${minimumMs / 1000} s to ${maximumMs / 1000} s. It must lie between ${least / 1000} s and ${most / 1000} s.`,
    )
  }
  return { minimumMs, maximumMs }
}
