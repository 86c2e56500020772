// A scan against the judge that it stands in for: whatever it calls plain, decode.ts accepts and writes back to the byte.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Random } from '../base/random.ts'
import { decodeEvent } from './decode.ts'
import { EventScan, slotOf } from './scan.ts'

const file = new URL('event-samples-1.0.ndjson', import.meta.url)
const samples = readFileSync(file, 'utf8').trim().split('\n')
const scan = new EventScan()
const plain = {
  schemaVersion: '1.0',
  eventId: 'e1',
  name: 'view_item',
  eventTime: '2026-03-01T09:30:00.000Z',
  receivedAt: '2026-03-01T09:30:00.250Z',
  source: 'web',
  dialect: 'native',
  anonymousId: 'A',
  context: { ip: '192.0.2.0', page: { url: 'https://shop.example/ä' } },
  data: { items: [{ productId: 'P', quantity: 1, unitPriceMinor: 100 }], currency: 'EUR' },
}

function isPlain(event: unknown): boolean {
  return scan.scan(Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)))
}

function without(key: keyof typeof plain): object {
  return Object.fromEntries(Object.entries(plain).filter(([name]) => name !== key))
}

describe('a plain event', () => {
  test('has its fields where the scan says', () => {
    expect(isPlain(plain)).toBe(true)
    expect(scan.name).toBe('view_item')
    expect(scan.eventMs).toBe(Date.parse(plain.eventTime))
    expect(scan.receivedMs).toBe(Date.parse(plain.receivedAt))
    expect(scan.text(slotOf('eventId'))).toBe('e1')
    expect(scan.known(slotOf('context.page.url'))).toBe('https://shop.example/ä')
    expect(scan.json(slotOf('data'))).toEqual(plain.data)
    expect(scan.has(slotOf('userId'))).toBe(false)
  })

  test('after another one has nothing of it', () => {
    isPlain({ ...plain, userId: 'U', seq: 4 })
    isPlain(plain)
    expect(scan.text(slotOf('userId'))).toBeUndefined()
    expect(scan.number(slotOf('seq'))).toBeUndefined()
  })
})

describe('left to decode.ts is', () => {
  test('every event that lacks a field which all must have', () => {
    isPlain(plain)
    const keys = ['eventId', 'name', 'eventTime', 'receivedAt', 'source', 'data'] as const
    expect(keys.filter((key) => isPlain(without(key)))).toEqual([])
  })

  test('what decode.ts would change or has to look at longer', () => {
    const page = { url: 'https://shop.example/' }
    const odd: Record<string, object | string> = {
      'no consent': { ...plain, context: { consent: { analytics: false } } },
      'a null': { ...plain, userId: null },
      'an unknown name': { ...plain, name: 'wave' },
      'an unknown field': { ...plain, context: { page, mood: 'good' } },
      'another form of time': { ...plain, eventTime: '2026-03-01T10:30:00.000+01:00' },
      'a time ahead': { ...plain, eventTime: '2026-03-01T09:36:00.000Z' },
      'no such day': { ...plain, eventTime: '2026-02-29T09:30:00.000Z' },
      'no quantity': { ...plain, data: { items: [{ productId: 'P' }] } },
      'an escape': { ...plain, source: 'a"b' },
      'a space': JSON.stringify(plain, null, 1),
      'a field twice': JSON.stringify(plain).replace('{', '{"source":"app",'),
      'more behind it': `${JSON.stringify(plain)} `,
      'its end cut off': JSON.stringify(plain).slice(0, -4),
    }
    const taken = Object.entries(odd).filter(([, event]) => isPlain(event))
    expect(taken.map(([name]) => name)).toEqual([])
  })
})

test('what is plain is accepted by decode.ts and written back to the byte, whatever was done to it', () => {
  const random = new Random('scan')
  const lines = [...samples, JSON.stringify(plain)]
  const bits = ['"', ',', '{', '}', '0', '-1', '1.5', 'null', 'true', '[]', '\\u0041', 'ä', '', ' ']
  let plainCount = 0
  for (let i = 0; i < 20_000; i++) {
    const line = lines[random.int(lines.length)] as string
    const at = random.int(line.length)
    const bit = bits[random.int(bits.length)] as string
    const text = i % 10 === 0 ? line : line.slice(0, at) + bit + line.slice(at + random.int(3))
    const bytes = Buffer.from(text)
    if (!scan.scan(bytes)) continue
    plainCount++
    const decoded = decodeEvent(bytes)
    expect(decoded.ok ? JSON.stringify(decoded.event) : decoded.message).toBe(text)
  }
  expect(plainCount).toBeGreaterThan(2000)
})

test('what was decoded is scanned with everything in it, also what no table names', () => {
  for (const line of samples) {
    const decoded = decodeEvent(line)
    if (!decoded.ok) continue
    const { event } = decoded
    scan.scanDecoded(Buffer.from(JSON.stringify(event)))
    expect(scan.name).toBe(event.name)
    expect(scan.eventMs).toBe(Date.parse(event.eventTime))
    expect(scan.text(slotOf('eventId'))).toBe(event.eventId)
    expect(scan.json(slotOf('flags'))).toEqual(event.flags)
    expect(scan.json(slotOf('data'))).toEqual(event.data)
  }
})
