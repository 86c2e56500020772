import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Header, IncomingRecord } from '#stack/kafka-client/records.ts'
import type { Ordering } from '../options.ts'
import { messageOf } from './message.ts'

const at = { topic: 'orders', partition: 3 }
const noText = Buffer.from([0xff, 0x00, 0x80])
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function made(
  record: Partial<IncomingRecord> & { list?: Header[] },
  ordering: Ordering = 'key',
): ReturnType<typeof messageOf> {
  const { list, ...rest } = record
  const base = { key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: 1000, offset: 7 }
  const whole = { ...base, headers: {}, ...(list && { headerList: list }), ...rest }
  return messageOf(at, whole, ordering)
}

const attributesOf = (record: Parameters<typeof made>[0]) => made(record).message.attributes

describe('the attributes of a message', () => {
  test('say where it comes from, of which time and key it is', () => {
    expect(attributesOf({})).toEqual({
      'kafka.topic': 'orders',
      'kafka.partition': '3',
      'kafka.offset': '7',
      'kafka.timestamp': '1000',
      'kafka.timestampType': 'create',
      'kafka.key': 'k',
    })
    expect(attributesOf({ isAppendTime: true })['kafka.timestampType']).toBe('append')
    expect(attributesOf({ key: null })).not.toHaveProperty('kafka.key')
  })
  test('hold a key that is no text as base64, and one that is too long as its hash', () => {
    expect(attributesOf({ key: noText })).toMatchObject({
      'kafka.key': noText.toString('base64'),
      'kafka.key.encoding': 'base64',
    })
    const most = Buffer.alloc(1024, 'k')
    expect(attributesOf({ key: most })['kafka.key']).toBe(most.toString())
    const tooLong = Buffer.alloc(1025, 'k')
    const attributes = attributesOf({ key: tooLong })
    expect(attributes['kafka.key.sha256']).toBe(sha256(tooLong))
    expect(attributes).not.toHaveProperty('kafka.key')
  })
  test('hold headers, in their order, those of one name and those that are no text too', () => {
    const list: Header[] = [
      ['a', Buffer.from('1')],
      ['a', Buffer.from('2')],
      ['a', noText],
      ['b', null],
    ]
    expect(attributesOf({ list })).toMatchObject({
      'kafka.header.a': '1',
      'kafka.header.a#2': '2',
      'kafka.header.a#3.b64': noText.toString('base64'),
      'kafka.header.b': '',
    })
    const headers = { a: Buffer.from('1') }
    expect(attributesOf({ headers })).toMatchObject({ 'kafka.header.a': '1' })
  })
  test('name the headers that did not fit', () => {
    const fits: Header = ['fits', Buffer.alloc(1024, 'x')]
    const long: Header = ['long', Buffer.alloc(1025, 'x')]
    const wide: Header = ['w'.repeat(250), Buffer.from('1')]
    const { message, omitted } = made({ list: [fits, long, wide] })
    expect(omitted).toEqual(['long', 'w'.repeat(250)])
    expect(message.attributes['kafka.headers.omitted']).toBe(omitted.join())
    expect(message.attributes).toHaveProperty('kafka.header.fits')
  })
  test('are 90 and one that names the rest, however many headers there are', () => {
    const list = Array.from({ length: 300 }, (_, i): Header => [`header-${i}ü`, Buffer.from('1')])
    const { message, omitted } = made({ list })
    expect(Object.keys(message.attributes)).toHaveLength(91)
    expect(omitted).toHaveLength(300 - 84)
    const names = message.attributes['kafka.headers.omitted'] as string
    expect(Buffer.byteLength(names)).toBeLessThanOrEqual(1024)
    expect(omitted.join().startsWith(names)).toBe(true)
  })
  test('mark what has no value, and name the schema of one that has', () => {
    const gone = made({ value: null }).message
    expect(gone.attributes['kafka.tombstone']).toBe('true')
    expect(gone.data).toHaveLength(0)
    expect(attributesOf({ value: Buffer.alloc(0) })).not.toHaveProperty('kafka.tombstone')
    const value = Buffer.from([0, 0, 0, 1, 2, 9])
    expect(attributesOf({ value })['schema.id']).toBe('258')
  })
})

describe('the ordering key', () => {
  test('is the key where that is text and short, else its hash', () => {
    expect(made({}).message.orderingKey).toBe('k')
    expect(made({ key: noText }).message.orderingKey).toBe(`sha256:${sha256(noText)}`)
    const long = Buffer.alloc(1025, 'k')
    expect(made({ key: long }).message.orderingKey).toBe(`sha256:${sha256(long)}`)
    expect(made({ key: null }).message.orderingKey).toBe('')
  })
  test('is the partition, or nothing, where that is asked for', () => {
    expect(made({}, 'partition').message.orderingKey).toBe('orders/3')
    expect(made({}, 'none').message.orderingKey).toBe('')
  })
})

test('a message takes the bytes of its parts', () => {
  const list: Header[] = [
    ['ü', Buffer.from('é')],
    ['ü', noText],
    ['c', Buffer.alloc(2000)],
  ]
  for (const key of [noText, Buffer.from('kü'), null, Buffer.alloc(2000, 'k')]) {
    const { message, bytes } = made({ key, list })
    const texts = Object.entries(message.attributes).flat()
    const parts = [...texts, message.orderingKey].map((text) => Buffer.byteLength(text))
    const sum = parts.reduce((a, b) => a + b, 0)
    expect(bytes).toBe(20 + message.data.length + sum + (8 * texts.length) / 2)
  }
})
