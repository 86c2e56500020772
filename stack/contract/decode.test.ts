// What an event is, and which reason names what is none.

import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { decodeEvent } from './decode.ts'
import { limits } from './event-fields.ts'
import { eventNames, rejectReasons } from './events.ts'
import type { RejectReason, ShopEvent } from './events.ts'

const now = '2024-05-06T10:00:00.000Z'
const event = (fields: object = {}): Record<string, unknown> => ({
  schemaVersion: '1.0',
  eventId: 'e1',
  name: 'page_view',
  eventTime: now,
  receivedAt: now,
  source: 'web',
  dialect: 'native',
  anonymousId: 'A',
  data: {},
  ...fields,
})
const item = { productId: 'P', quantity: 1, unitPriceMinor: 1999 }
const named = (name: string, data: object): Record<string, unknown> => event({ name, data })
const add = (data: object): Record<string, unknown> =>
  named('add_to_cart', { items: [item], currency: 'EUR', ...data })
const purchase = (data: object): Record<string, unknown> =>
  named('purchase', { orderId: 'O', items: [item], currency: 'EUR', ...data })

function decode(value: unknown): ReturnType<typeof decodeEvent> {
  return decodeEvent(Buffer.from(JSON.stringify(value)))
}
function accepted(value: unknown): ShopEvent {
  const result = decode(value)
  if (!result.ok) throw new Error(`${result.reason} ${result.field}: ${result.message}`)
  return result.event
}
/** `reason` or `reason field`. */
function refused(value: unknown): string {
  const result = decode(value)
  if (result.ok) return 'accepted'
  return result.field === null ? result.reason : `${result.reason} ${result.field}`
}

describe('bytes', () => {
  test('256 KiB are an event, one byte more is too large, before anything else is looked at', () => {
    const sized = (bytes: number) => {
      const text = JSON.stringify(event())
      return Buffer.from(text + ' '.repeat(bytes - text.length))
    }
    expect(decodeEvent(sized(limits.eventBytes))).toMatchObject({ ok: true })
    expect(decodeEvent(sized(limits.eventBytes + 1))).toMatchObject({ reason: 'too_large' })
    expect(decodeEvent('€'.repeat(limits.eventBytes / 3 + 1))).toMatchObject({
      reason: 'too_large',
    })
  })

  test('bytes that are no UTF-8, and halves of surrogate pairs, are no JSON', () => {
    const bytes = Buffer.from(JSON.stringify(event({ eventId: 'e1' })))
    bytes[bytes.indexOf('e1')] = 0xff
    expect(decodeEvent(bytes)).toMatchObject({ reason: 'not_json' })
    for (const half of ['\\ud800', '\\uDC00', '\\udc00\\ud800']) {
      const text = JSON.stringify(event()).replace('"A"', `"${half}"`)
      expect(decodeEvent(text)).toMatchObject({ reason: 'not_json' })
    }
    const whole = JSON.stringify(event()).replace('"A"', String.raw`"\ud83d\ude00 \\ud800"`)
    expect(decodeEvent(whole)).toMatchObject({ event: { anonymousId: String.raw`😀 \ud800` } })
  })

  test('a scalar, null and a list are no object', () => {
    for (const value of ['1', 'null', '[]', '"x"', 'true']) {
      expect(decodeEvent(value)).toMatchObject({ reason: 'not_object' })
    }
  })

  test('a hundred thousand brackets cost a refusal, not the stack', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(decodeEvent(deep)).toMatchObject({ reason: 'not_object' })
    const inside = JSON.stringify(event({ data: { x: 0 } })).replace('"x":0', `"x":${deep}`)
    expect(decodeEvent(inside)).toMatchObject({ reason: 'bad_field', field: 'data.x' })
    const version = JSON.stringify(event()).replace('"1.0"', deep)
    expect(decodeEvent(version)).toMatchObject({ reason: 'unsupported_version' })
    const surrogate = inside.replace('"A"', String.raw`"\ud83d\ude00"`)
    expect(decodeEvent(surrogate)).toMatchObject({ reason: 'bad_field' })
  })

  test('a key that would set a prototype is refused wherever it stands, and sets none', () => {
    for (const place of ['"data":{', '"eventId":']) {
      const text = JSON.stringify(event()).replace(place, `"__proto__":{"polluted":1},${place}`)
      expect(decodeEvent(text)).toMatchObject({ reason: 'bad_field', field: '__proto__' })
    }
    const nested = JSON.stringify(event()).replace('"data":{', '"data":{"a":{"__proto__":{}}')
    expect(decodeEvent(nested)).toMatchObject({ reason: 'bad_field', field: 'data.a' })
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(accepted(event({ data: { constructor: 'x', toString: 'y' } })).data).toEqual({
      constructor: 'x',
      toString: 'y',
    })
  })
})

describe('versions', () => {
  test('any minor of major 1 is read, other majors and what is no version are not', () => {
    expect(accepted(event({ schemaVersion: '1.7', later: { a: 1 } }))).toMatchObject({
      schemaVersion: '1.7',
      later: { a: 1 },
    })
    for (const version of ['9.0', '0.9', '2.0', '1', 'x', 1, {}, '1.0.0', 'constructor.0']) {
      expect(refused(event({ schemaVersion: version }))).toBe('unsupported_version schemaVersion')
    }
    expect(refused(event({ schemaVersion: undefined }))).toBe('missing_field schemaVersion')
  })

  test('a later minor may know more dialects and policies than this program', () => {
    const merge = { fromCartId: 'a', intoCartId: 'b', policy: 'min' }
    expect(refused(named('cart_merge', merge))).toBe('bad_field data.policy')
    expect(refused(event({ dialect: 'matomo' }))).toBe('bad_field dialect')
    const later = { ...named('cart_merge', merge), schemaVersion: '1.1', dialect: 'matomo' }
    expect(accepted(later)).toMatchObject({ dialect: 'matomo', data: merge })
  })

  test('an unknown name is custom with customName', () => {
    expect(accepted(event({ name: 'wishlist_add' }))).toMatchObject({
      name: 'custom',
      customName: 'wishlist_add',
    })
    expect(accepted(event({ name: 'cart_abandonment' })).name).toBe('custom')
    expect(accepted(event({ name: 'custom', data: { customName: 'x' } })).customName).toBe('x')
    expect(refused(event({ name: 'custom' }))).toBe('missing_field customName')
  })

  test('a custom event may hold anything; what has not the shape of its name lives in extra', () => {
    const data = { items: 'none', total: 'x', currency: 'shells', query: 'q', taxMinor: 5 }
    expect(accepted(event({ name: 'mine', data }))).toMatchObject({
      data: { total: 'x', query: 'q', taxMinor: 5 },
      extra: { items: 'none', currency: 'shells' },
    })
    const many = Array.from({ length: 1001 }, () => item)
    expect(refused(event({ name: 'mine', data: { items: many } }))).toBe('bad_field extra')
  })
})

describe('identity and consent', () => {
  test('one of anonymousId and userId is needed, and no empty one', () => {
    expect(accepted(event({ anonymousId: undefined, userId: 'U' })).userId).toBe('U')
    expect(refused(event({ anonymousId: undefined }))).toBe('missing_identity anonymousId')
    expect(refused(event({ anonymousId: '' }))).toBe('missing_identity anonymousId')
    expect(refused(event({ anonymousId: 7 }))).toBe('missing_identity anonymousId')
    expect(refused(event({ anonymousId: 7, userId: 'U' }))).toBe('bad_field anonymousId')
    expect(refused(named('identify', {}))).toBe('missing_field userId')
  })

  test('without consent nothing that names the person is left', () => {
    const context = {
      consent: { analytics: false, marketing: null },
      ip: '192.0.2.0',
      userAgent: 'x',
      clickIds: { gclid: 'g' },
      page: { url: 'https://shop.example/a?email=x#y', referrer: 'https://a.example/?q=1' },
    }
    const result = accepted(event({ userId: 'U', context }))
    expect(result).toEqual({
      ...event({ anonymousId: 'no-consent', flags: ['noConsent'] }),
      context: {
        consent: { analytics: false, marketing: null },
        page: { url: 'https://shop.example/a', referrer: 'https://a.example/' },
      },
    })
    const nobody = event({ anonymousId: undefined, context: { consent: { analytics: false } } })
    expect(accepted(nobody).anonymousId).toBe('no-consent')
    expect(accepted({ ...nobody, name: 'identify', data: { traits: { a: 1 } } }).data).toEqual({})
  })

  test('null is unknown, and changes nothing', () => {
    const context = { consent: { analytics: null, marketing: null } }
    expect(accepted(event({ userId: 'U', context }))).toEqual(event({ userId: 'U', context }))
  })
})

describe('times', () => {
  test('are written in UTC with milliseconds; finer digits are cut off', () => {
    const time = (text: string) => accepted(event({ eventTime: text })).eventTime
    expect(time('2024-05-06T11:59:59.9999999+02:00')).toBe('2024-05-06T09:59:59.999Z')
    expect(time('2024-05-06t10:00:00z')).toBe('2024-05-06T10:00:00.000Z')
  })

  test('five minutes ahead of receivedAt stand, a millisecond more is put back, flagged', () => {
    expect(accepted(event({ eventTime: '2024-05-06T10:05:00.000Z' })).flags).toBeUndefined()
    expect(accepted(event({ eventTime: '2024-05-06T10:05:00.001Z', flags: ['test'] }))).toEqual(
      event({ flags: ['test', 'timeCorrected'] }),
    )
  })

  test('what is no time is refused, also where it is missing', () => {
    expect(refused(event({ eventTime: undefined }))).toBe('bad_time eventTime')
    expect(refused(event({ eventTime: 1714989600000 }))).toBe('bad_time eventTime')
    expect(refused(event({ receivedAt: 'now' }))).toBe('bad_time receivedAt')
    expect(refused(event({ sentAt: '2024-13-01T00:00:00Z' }))).toBe('bad_time sentAt')
    expect(accepted(event({ sentAt: null }))).toEqual(event())
  })
})

describe('fields', () => {
  test.each([
    ['missing_field eventId', event({ eventId: null })],
    ['bad_field eventId', event({ eventId: 'a b' })],
    ['bad_field eventId', event({ eventId: 'x'.repeat(129) })],
    ['missing_field source', event({ source: undefined })],
    ['missing_field data', event({ data: undefined })],
    ['bad_field data', event({ data: [] })],
    ['bad_field seq', event({ seq: 1.5 })],
    ['bad_field cartId', event({ cartId: '' })],
    ['bad_field context.page', event({ context: { page: 'x' } })],
    ['bad_field context.test', event({ context: { test: 'yes' } })],
    ['bad_field context.consent.analytics', event({ context: { consent: { analytics: 1 } } })],
    ['bad_field flags', event({ flags: 'late' })],
    ['bad_field extra', event({ extra: { a: 'x'.repeat(16 * 1024) } })],
    ['string_too_long anonymousId', event({ anonymousId: 'x'.repeat(129) })],
    ['string_too_long context.userAgent', event({ context: { userAgent: 'x'.repeat(1025) } })],
    ['string_too_long context.page.url', event({ context: { page: { url: 'x'.repeat(8193) } } })],
    ['string_too_long data.note', event({ data: { note: 'x'.repeat(1025) } })],
    ['too_many_items data.items', add({ items: Array.from({ length: 1001 }, () => item) })],
    ['missing_field data.items', add({ items: undefined })],
    ['missing_field data.items', add({ items: [] })],
    ['bad_field data.items', add({ items: {} })],
    ['bad_field data.items[1]', add({ items: [item, null] })],
    ['missing_field data.items[1].productId', add({ items: [item, {}] })],
    ['bad_field data.items[0].productId', add({ items: [{ ...item, productId: 5 }] })],
    ['negative_quantity data.items[0].quantity', add({ items: [{ ...item, quantity: 0 }] })],
    ['negative_quantity data.items[0].quantity', add({ items: [{ ...item, quantity: 1.5 }] })],
    ['negative_quantity data.items[0].quantity', add({ items: [{ ...item, quantity: '2' }] })],
    ['bad_money data.items[0].unitPriceMinor', add({ items: [{ ...item, unitPriceMinor: -1 }] })],
    ['bad_money data.items[0].discountMinor', add({ items: [{ ...item, discountMinor: 2000 }] })],
    ['bad_currency data.currency', add({ currency: undefined })],
    ['bad_currency data.currency', add({ currency: 'eur' })],
    ['bad_currency data.currency', add({ currency: 'EUX' })],
    ['bad_currency data.currency', named('view_cart', { currency: '€' })],
    ['missing_field data.query', named('search', {})],
    ['missing_field data.step', named('checkout_step', {})],
    ['bad_field data.step', named('checkout_step', { step: 0 })],
    ['missing_field data.fromCartId', named('cart_merge', { intoCartId: 'b' })],
    ['missing_field data.intoCartId', named('cart_merge', { fromCartId: 'a' })],
    ['missing_field data.items', purchase({ items: undefined })],
    ['missing_order_id data.orderId', purchase({ orderId: undefined })],
    ['missing_order_id data.orderId', purchase({ orderId: 7 })],
    ['bad_money data.totalMinor', purchase({ totalMinor: 19.99 })],
    ['bad_money data.taxMinor', purchase({ taxMinor: '100' })],
    ['bad_money data.shippingMinor', purchase({ shippingMinor: 2 ** 53 })],
    ['missing_order_id data.orderId', named('refund', {})],
    ['bad_currency data.currency', named('refund', { orderId: 'O', amountMinor: 5 })],
  ])('%s', (expected, value) => {
    expect(refused(value)).toBe(expected)
  })

  test.each([
    ['an order of a total alone', purchase({ items: undefined, itemsTotalMinor: 0 })],
    ['a snapshot that is empty', named('cart_update', { items: [], currency: 'EUR' })],
    ['a cart page without items', named('view_cart', {})],
    ['a full refund', named('refund', { orderId: 'O' })],
    ['a thousand lines', add({ items: Array.from({ length: 1000 }, () => item) })],
    ['the longest id', event({ anonymousId: 'x'.repeat(128) })],
    ['2^53-1 minor units', purchase({ totalMinor: 2 ** 53 - 1 })],
    ['a free discount of the whole price', add({ items: [{ ...item, discountMinor: 1999 }] })],
  ])('%s is accepted as it is', (_, value) => {
    expect(accepted(value)).toEqual(JSON.parse(JSON.stringify(value)))
  })

  test('a quantity that is missing is one, but the whole line where it is taken out', () => {
    const items = [{ productId: 'P' }]
    expect(accepted(add({ items })).data.items).toEqual([{ productId: 'P', quantity: 1 }])
    expect(accepted(named('remove_from_cart', { items })).data.items).toEqual(items)
  })

  test('null is absent', () => {
    const nulls = { userId: null, cartId: null, context: null, extra: null }
    expect(accepted(event({ ...nulls, data: { currency: null } }))).toEqual(event())
  })
})

describe('of several faults, the first in the order of 1.4 names the reason', () => {
  /** Each breaks one thing; applied from the back, the answer climbs to the front. */
  const faults: [RejectReason, (value: Record<string, unknown>) => void][] = [
    ['unsupported_version', (value) => (value['schemaVersion'] = '9.0')],
    ['missing_name', (value) => (value['name'] = undefined)],
    ['missing_identity', (value) => (value['anonymousId'] = undefined)],
    ['bad_time', (value) => (value['eventTime'] = 'x')],
    ['bad_field', (value) => (value['seq'] = 'x')],
    ['string_too_long', (value) => (value['sessionId'] = 'x'.repeat(1025))],
    ['missing_field', (value) => items(value).push({})],
    ['negative_quantity', (value) => items(value).push({ ...item, quantity: -1 })],
    ['bad_money', (value) => items(value).push({ ...item, unitPriceMinor: -1 })],
    ['missing_order_id', (value) => delete data(value)['orderId']],
    ['bad_currency', (value) => (data(value)['currency'] = 'x')],
    ['bad_money', (value) => (data(value)['taxMinor'] = -1)],
  ]
  const data = (value: Record<string, unknown>) => value['data'] as Record<string, unknown>
  const items = (value: Record<string, unknown>) => data(value)['items'] as unknown[]

  test('with every set of them', () => {
    fc.assert(
      fc.property(fc.subarray(faults, { minLength: 1 }), (some) => {
        const value = structuredClone(purchase({}))
        for (const [, breakIt] of [...some].reverse()) breakIt(value)
        // An event without a name has no items to need.
        expect(refused(value).split(' ')[0]).toBe(some[0]?.[0])
      }),
    )
  })

  test('and every reason can be given', () => {
    const given = new Set(faults.map(([reason]) => reason))
    const elsewhere = ['too_large', 'not_json', 'not_object', 'too_many_items']
    expect([...given, ...elsewhere].sort()).toEqual([...rejectReasons].sort())
  })
})

describe('any JSON value', () => {
  const json = fc.jsonValue({ maxDepth: 4 })
  /** Mostly right, sometimes anything. */
  const mostly = (right: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: json })
  const analytics = fc.constantFrom(true, false, null)
  const line = fc.record({ productId: fc.string(), unitPriceMinor: fc.nat() })
  const nearly = fc
    .record(
      {
        name: mostly(fc.oneof(fc.constantFrom(...eventNames), fc.string())),
        anonymousId: mostly(fc.string()),
        eventTime: mostly(fc.constant('2024-05-06T12:00:00+01:00')),
        sentAt: mostly(fc.constant(now)),
        context: mostly(fc.record({ consent: fc.record({ analytics }) })),
        flags: mostly(fc.array(fc.string())),
        extra: mostly(fc.dictionary(fc.string(), json)),
        customName: mostly(fc.string()),
        data: fc.oneof(
          fc.record({ items: fc.array(line), currency: mostly(fc.constant('EUR')) }),
          fc.record({ orderId: fc.string(), items: json, taxMinor: fc.integer() }),
          fc.dictionary(fc.string(), json),
        ),
      },
      { requiredKeys: ['name', 'anonymousId', 'eventTime', 'data'] },
    )
    .map((fields) => event(fields))

  test('is accepted or refused, never thrown at, and what is accepted decodes to itself', () => {
    let count = 0
    fc.assert(
      fc.property(fc.oneof(json, nearly), (value) => {
        const result = decodeEvent(JSON.stringify(value))
        if (!result.ok) return
        count++
        expect(decodeEvent(JSON.stringify(result.event))).toEqual(result)
      }),
      { numRuns: 2000 },
    )
    expect(count).toBeGreaterThan(200)
  })
})
