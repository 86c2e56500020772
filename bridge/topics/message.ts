// A record as a message: its value as data, everything else as attributes, so that a consumer can tell where it comes from
// and drop copies. Pub/Sub's limits are kept by leaving headers out by name, never in silence. Pure.
//
//   kafka.topic, kafka.partition, kafka.offset       always
//   kafka.timestamp, kafka.timestampType             ms; create or append
//   kafka.key (+ kafka.key.encoding = base64)        over the limit: kafka.key.sha256 alone
//   kafka.header.<name>                              .b64 behind it where the value is no text, #2 for the second of a name
//   kafka.headers.omitted                            names of those that did not fit
//   kafka.tombstone                                  true where there is no value
//   schema.id                                        where the value begins with Confluent's magic byte

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { IncomingRecord, TopicPartition } from '#stack/kafka-client/records.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Ordering } from '../options.ts'

export interface Message {
  data: Buffer
  attributes: Record<string, string>
  /** Empty: in no order. */
  orderingKey: string
}

export interface MessageOfRecord {
  message: Message
  /** As Pub/Sub counts it against the size of a request. */
  bytes: number
  /** Names of headers that did not fit. */
  omitted: readonly string[]
}

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const valueBytesMax = 1024
const attributeKeyBytesMax = 256
/** Of 100; the rest is for what is not a header, and for whoever passes the message on. */
const attributesMax = 90
/** What a message, and an attribute, take in a request beside their text. */
const messageOverheadBytes = 20
const attributeOverheadBytes = 8

const nothing = Buffer.alloc(0)

export function messageOf(
  at: TopicPartition,
  record: IncomingRecord,
  ordering: Ordering,
): MessageOfRecord {
  const { key, value, offset, timestampMs } = record
  const attributes = new Attributes()
  attributes.add('kafka.topic', at.topic)
  attributes.add('kafka.partition', String(at.partition))
  attributes.add('kafka.offset', String(offset))
  attributes.add('kafka.timestamp', String(timestampMs))
  attributes.add('kafka.timestampType', record.isAppendTime ? 'append' : 'create')
  if (key) addKey(attributes, key)
  if (value === null) attributes.add('kafka.tombstone', 'true')
  else if (value.length > 4 && value[0] === 0)
    attributes.add('schema.id', String(value.readInt32BE(1)))
  const omitted = addHeaders(attributes, record)
  const data = value ?? nothing
  const orderingKey = orderingKeyOf(at, key, ordering)
  return {
    message: { data, attributes: attributes.values, orderingKey },
    bytes: messageOverheadBytes + data.length + Buffer.byteLength(orderingKey) + attributes.bytes,
    omitted,
  }
}

/** With what they take in a request: counted while they are put together, since most texts are bytes just before. */
class Attributes {
  readonly values: Record<string, string> = {}
  count = 0
  bytes = 0

  add(
    key: string,
    text: string,
    textBytes = Buffer.byteLength(text),
    keyBytes = Buffer.byteLength(key),
  ): void {
    this.values[key] = text
    this.count++
    this.bytes += attributeOverheadBytes + keyBytes + textBytes
  }
}

/** `key`: what has no key is in no order. */
export function orderingKeyOf(at: TopicPartition, key: Buffer | null, ordering: Ordering): string {
  if (ordering === 'none') return ''
  if (ordering === 'partition') return `${at.topic}/${at.partition}`
  if (key === null) return ''
  return isUtf8(key) && key.length <= valueBytesMax ? key.toString() : `sha256:${sha256(key)}`
}

function addKey(attributes: Attributes, key: Buffer): void {
  const isPlain = isUtf8(key)
  const text = key.toString(isPlain ? 'utf8' : 'base64')
  const textBytes = isPlain ? key.length : text.length
  if (textBytes > valueBytesMax) {
    attributes.add('kafka.key.sha256', sha256(key))
    return
  }
  attributes.add('kafka.key', text, textBytes)
  if (!isPlain) attributes.add('kafka.key.encoding', 'base64')
}

function addHeaders(attributes: Attributes, record: IncomingRecord): readonly string[] {
  const omitted: string[] = []
  const seen = new Map<string, number>()
  let room = attributesMax - attributes.count
  for (const [name, value] of headersOf(record)) {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    const bytes = value ?? nothing
    const isPlain = isUtf8(bytes)
    const numbered = count === 1 ? name : `${name}#${count}`
    const key = `kafka.header.${numbered}${isPlain ? '' : '.b64'}`
    const text = bytes.toString(isPlain ? 'utf8' : 'base64')
    const keyBytes = Buffer.byteLength(key)
    const textBytes = isPlain ? bytes.length : text.length
    const fits = keyBytes <= attributeKeyBytesMax && textBytes <= valueBytesMax
    if (!fits || room === 0 || Object.hasOwn(attributes.values, key)) omitted.push(numbered)
    else {
      attributes.add(key, text, textBytes, keyBytes)
      room--
    }
  }
  if (omitted.length > 0)
    attributes.add('kafka.headers.omitted', cut(omitted.join(), valueBytesMax))
  return omitted
}

function headersOf(record: IncomingRecord) {
  return record.headerList ?? Object.entries(record.headers)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** At most so many bytes, and no half character. */
function cut(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= bytesMax) return text
  let end = bytesMax
  while (((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

/** For errors and logs: `user-sessions-2@5512`. */
export function positionText(at: TopicPartition, offset: number): string {
  return `${partitionName(at)}@${offset}`
}
