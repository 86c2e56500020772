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
  const attributes: Record<string, string> = {
    'kafka.topic': at.topic,
    'kafka.partition': String(at.partition),
    'kafka.offset': String(offset),
    'kafka.timestamp': String(timestampMs),
    'kafka.timestampType': record.isAppendTime ? 'append' : 'create',
  }
  if (key) addKey(attributes, key)
  if (value === null) attributes['kafka.tombstone'] = 'true'
  else if (value.length > 4 && value[0] === 0)
    attributes['schema.id'] = String(value.readInt32BE(1))
  const omitted = addHeaders(attributes, record)
  const message = {
    data: value ?? nothing,
    attributes,
    orderingKey: orderingKeyOf(at, key, ordering),
  }
  return { message, bytes: bytesOf(message), omitted }
}

/** `key`: what has no key is in no order. */
export function orderingKeyOf(at: TopicPartition, key: Buffer | null, ordering: Ordering): string {
  if (ordering === 'none') return ''
  if (ordering === 'partition') return `${at.topic}/${at.partition}`
  if (key === null) return ''
  return isText(key) && key.length <= valueBytesMax ? key.toString() : `sha256:${sha256(key)}`
}

function addKey(attributes: Record<string, string>, key: Buffer): void {
  const text = isText(key) ? key.toString() : key.toString('base64')
  if (Buffer.byteLength(text) > valueBytesMax) {
    attributes['kafka.key.sha256'] = sha256(key)
    return
  }
  attributes['kafka.key'] = text
  if (!isText(key)) attributes['kafka.key.encoding'] = 'base64'
}

function addHeaders(attributes: Record<string, string>, record: IncomingRecord): readonly string[] {
  const omitted: string[] = []
  const seen = new Map<string, number>()
  let room = attributesMax - Object.keys(attributes).length
  for (const [name, value] of headersOf(record)) {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    const bytes = value ?? nothing
    const isPlain = isText(bytes)
    const numbered = count === 1 ? name : `${name}#${count}`
    const key = `kafka.header.${numbered}${isPlain ? '' : '.b64'}`
    const text = bytes.toString(isPlain ? 'utf8' : 'base64')
    const fits =
      Buffer.byteLength(key) <= attributeKeyBytesMax && Buffer.byteLength(text) <= valueBytesMax
    if (!fits || room === 0 || Object.hasOwn(attributes, key)) omitted.push(numbered)
    else {
      attributes[key] = text
      room--
    }
  }
  if (omitted.length > 0) attributes['kafka.headers.omitted'] = cut(omitted.join(), valueBytesMax)
  return omitted
}

function headersOf(record: IncomingRecord) {
  return record.headerList ?? Object.entries(record.headers)
}

function bytesOf({ data, attributes, orderingKey }: Message): number {
  let bytes = messageOverheadBytes + data.length + Buffer.byteLength(orderingKey)
  for (const [key, value] of Object.entries(attributes))
    bytes += attributeOverheadBytes + Buffer.byteLength(key) + Buffer.byteLength(value)
  return bytes
}

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes)
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
