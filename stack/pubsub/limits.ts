// What the service allows (https://cloud.google.com/pubsub/quotas#resource_limits).

import { dayMs, hourMs, minuteMs, secondMs } from '../base/units.ts'

export const publishLimits = {
  messages: 1000,
  requestBytes: 10_000_000,
  orderingKeyBytes: 1024,
  attributes: 100,
  attributeKeyBytes: 256,
  attributeValueBytes: 1024,
} as const

/** Above the service's own limit, so that the service answers and not the transport. */
export const transportBytes = 12 * 1024 * 1024

export const ackDeadlineSeconds = { least: 10, most: 600, unset: 10 } as const

export const pullLimits = { messages: 1000, waitMs: 5 * secondMs } as const

export const ackIdsPerRequest = 3000

/** Of one answer of a stream. */
export const streamAnswer = { messages: 100, bytes: 1_000_000 } as const

export const retentionMs = {
  subscription: { least: 10 * minuteMs, most: 31 * dayMs, unset: 7 * dayMs },
  topic: { least: 10 * minuteMs, most: 31 * dayMs },
} as const

export const expirationMs = { least: dayMs, unset: 31 * dayMs } as const

export const backoffMs = {
  least: 0,
  most: 600 * secondMs,
  minimum: 10 * secondMs,
  maximum: 600 * secondMs,
} as const

export const deliveryAttempts = { least: 5, most: 100, unset: 5 } as const

export const filterBytes = 256

export const snapshotMs = { most: 7 * dayMs, least: hourMs } as const

/** Of messages that a subscription holds in memory to be delivered; the rest waits in the store. */
export const windowMessages = 4000
