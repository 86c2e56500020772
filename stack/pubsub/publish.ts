// What a Publish request may hold. All or nothing: one bad message refuses them all.

import { publishLimits as limits } from './limits.ts'
import { failedPrecondition, invalid } from './refused.ts'
import type { PublishedMessage, PublishRequest } from './wire.ts'

export function checkPublish({ messages, bytes }: PublishRequest): void {
  if (messages.length === 0) {
    throw invalid(
      'The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.',
    )
  }
  if (messages.length > limits.messages) {
    throw invalid(
      `The value for message_count is too large. You passed ${messages.length} in the request, but the maximum value is ${limits.messages}.`,
    )
  }
  if (bytes > limits.requestBytes) {
    throw invalid(
      `The value for request_size is too large. You passed ${bytes} in the request, but the maximum value is ${limits.requestBytes}.`,
    )
  }
  for (const message of messages) checkMessage(message)
  const [first] = messages
  if (messages.some(({ orderingKey }) => orderingKey !== first?.orderingKey)) {
    throw failedPrecondition('All messages in one publish request must have the same ordering key.')
  }
}

function checkMessage({ data, attributes, orderingKey }: PublishedMessage): void {
  if (data.length === 0 && attributes.size === 0) {
    throw invalid(
      'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
    )
  }
  if (Buffer.byteLength(orderingKey) > limits.orderingKeyBytes) {
    throw invalid(`An ordering key may have at most ${limits.orderingKeyBytes} bytes.`)
  }
  if (attributes.size > limits.attributes) {
    throw invalid(`A message may have at most ${limits.attributes} attributes.`)
  }
  for (const [key, value] of attributes) checkAttribute(key, value)
}

function checkAttribute(key: string, value: string): void {
  if (key === '') throw invalid('The key of an attribute may not be empty.')
  if (key.startsWith('goog')) {
    throw invalid(`The attribute key "${key}" begins with "goog", which is reserved.`)
  }
  if (Buffer.byteLength(key) > limits.attributeKeyBytes) {
    throw invalid(`An attribute key may have at most ${limits.attributeKeyBytes} bytes.`)
  }
  if (Buffer.byteLength(value) > limits.attributeValueBytes) {
    throw invalid(
      `The value of the attribute "${key}" has more than ${limits.attributeValueBytes} bytes.`,
    )
  }
}
