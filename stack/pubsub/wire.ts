// The two messages that carry load, read and written by hand: a published message is never decoded and encoded again.
// Its bytes are kept as they came, with the fields that the service gives behind them; in protobuf the last one counts.
//
//   PublishRequest    1 topic, 2 messages*
//   PubsubMessage     1 data, 2 attributes* { 1 key, 2 value }, 3 message_id, 4 publish_time { 1 seconds, 2 nanos },
//                     5 ordering_key
//   ReceivedMessage   1 ack_id, 2 message, 3 delivery_attempt
//   PullResponse      1 received_messages*
//   StreamingPullResponse  1 received_messages*, 4 subscription_properties { 1 exactly once, 2 ordering }

import protobuf from 'protobufjs/minimal.js'

export interface PublishedMessage {
  /** As it came. */
  bytes: Uint8Array
  data: Uint8Array
  attributes: Map<string, string>
  orderingKey: string
}

export interface PublishRequest {
  topic: string
  messages: PublishedMessage[]
  /** Of the whole request. */
  bytes: number
}

const lengthDelimited = 2
const nothing = new Uint8Array()
const tag = (field: number, wireType: number): number => (field << 3) | wireType

export function readPublishRequest(bytes: Uint8Array): PublishRequest {
  const reader = protobuf.Reader.create(bytes)
  const request: PublishRequest = { topic: '', messages: [], bytes: bytes.length }
  while (reader.pos < reader.len) {
    const key = reader.uint32()
    if (key === tag(1, lengthDelimited)) request.topic = reader.string()
    else if (key === tag(2, lengthDelimited)) request.messages.push(readMessage(reader.bytes()))
    else reader.skipType(key & 7)
  }
  return request
}

export function readMessage(bytes: Uint8Array): PublishedMessage {
  const reader = protobuf.Reader.create(bytes)
  const message: PublishedMessage = { bytes, data: nothing, attributes: new Map(), orderingKey: '' }
  while (reader.pos < reader.len) {
    const key = reader.uint32()
    if (key === tag(1, lengthDelimited)) message.data = reader.bytes()
    else if (key === tag(2, lengthDelimited)) readAttribute(reader, message.attributes)
    else if (key === tag(5, lengthDelimited)) message.orderingKey = reader.string()
    else reader.skipType(key & 7)
  }
  return message
}

function readAttribute(reader: protobuf.Reader, attributes: Map<string, string>): void {
  const end = reader.uint32() + reader.pos
  let key = ''
  let value = ''
  while (reader.pos < end) {
    const field = reader.uint32()
    if (field === tag(1, lengthDelimited)) key = reader.string()
    else if (field === tag(2, lengthDelimited)) value = reader.string()
    else reader.skipType(field & 7)
  }
  attributes.set(key, value)
}

/** The message as subscribers get it. */
export function storedMessage(
  published: Uint8Array,
  { messageId, publishMicros }: { messageId: string; publishMicros: number },
): Uint8Array {
  const seconds = Math.floor(publishMicros / 1e6)
  const given = protobuf.Writer.create()
  given.uint32(tag(3, lengthDelimited)).string(messageId)
  given.uint32(tag(4, lengthDelimited)).fork()
  given.uint32(tag(1, 0)).int64(seconds)
  given.uint32(tag(2, 0)).int32((publishMicros - seconds * 1e6) * 1000)
  given.ldelim()
  return Buffer.concat([published, given.finish()])
}

/** A new message from a delivered one: what it says, and further attributes. */
export function withAttributes(
  message: Uint8Array,
  attributes: Readonly<Record<string, string>>,
): Uint8Array {
  const more = protobuf.Writer.create()
  for (const [key, value] of Object.entries(attributes)) {
    more.uint32(tag(2, lengthDelimited)).fork()
    more.uint32(tag(1, lengthDelimited)).string(key)
    more.uint32(tag(2, lengthDelimited)).string(value)
    more.ldelim()
  }
  return Buffer.concat([message, more.finish()])
}

export interface Delivered {
  ackId: string
  message: Uint8Array
  /** 0: the subscription has no dead-letter policy, so it is not told. */
  deliveryAttempt: number
}

export interface SubscriptionProperties {
  isExactlyOnce: boolean
  isOrdered: boolean
}

/** Bytes of a PullResponse, and of a StreamingPullResponse with its properties. */
export function writeDelivered(
  delivered: readonly Delivered[],
  properties?: SubscriptionProperties,
): Buffer {
  const writer = protobuf.Writer.create()
  for (const { ackId, message, deliveryAttempt } of delivered) {
    writer.uint32(tag(1, lengthDelimited)).fork()
    writer.uint32(tag(1, lengthDelimited)).string(ackId)
    writer.uint32(tag(2, lengthDelimited)).bytes(message)
    if (deliveryAttempt > 0) writer.uint32(tag(3, 0)).int32(deliveryAttempt)
    writer.ldelim()
  }
  if (properties) {
    writer.uint32(tag(4, lengthDelimited)).fork()
    writer.uint32(tag(1, 0)).bool(properties.isExactlyOnce)
    writer.uint32(tag(2, 0)).bool(properties.isOrdered)
    writer.ldelim()
  }
  return writer.finish() as Buffer
}
