// What stage one makes of an input position and of a visitor, through the pipeline in one process.

import { describe, expect, test } from 'vitest'
import { hourMs, isoTime, minuteMs } from '#stack/base/units.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { topics } from '#stack/contract/topics.ts'
import { LocalPipeline, recordOf } from './local-pipeline.ts'
import type { CartCommand } from './model.ts'
import { Restored } from './state/changelog.ts'

const startMs = Date.parse('2026-03-02T10:00:00.000Z')
const add: Partial<ShopEvent> = {
  name: 'add_to_cart',
  data: { items: [{ productId: 'P', quantity: 1, unitPriceMinor: 100 }], currency: 'EUR' },
}
const crawler = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

function shopEvent(minute: number, rest: Partial<ShopEvent> = {}): ShopEvent {
  const time = isoTime(startMs + minute * minuteMs)
  const own: ShopEvent = {
    schemaVersion: '1.0',
    eventId: `e${minute}`,
    name: 'page_view',
    eventTime: time,
    receivedAt: time,
    source: 'web',
    dialect: 'native',
    anonymousId: 'A',
    data: {},
  }
  return { ...own, ...rest }
}

function received(minute: number, lagMs: number, rest: Partial<ShopEvent> = {}): ShopEvent {
  return shopEvent(minute, { ...rest, receivedAt: isoTime(startMs + minute * minuteMs + lagMs) })
}

function run(...events: readonly ShopEvent[]): LocalPipeline {
  const pipeline = new LocalPipeline()
  pipeline.append(...events)
  pipeline.run()
  return pipeline
}

describe('the outcome of an input position', () => {
  test('of an event is its enriched record, with its position and without its address', () => {
    const context = { ip: '81.2.69.0', page: { url: 'https://shop.example/' } }
    const [event] = run(shopEvent(0, { context })).tables().events
    expect(event?.input).toEqual({ topic: topics.events.name, partition: 0, offset: 0 })
    expect(event?.context).toEqual({ page: { url: 'https://shop.example/' } })
    expect(event?.session).toMatchObject({ number: 1, elapsedMs: 0 })
    expect(event?.personId).toBe('a:A')
  })

  test('of a copy is a duplicate that names the first, whatever its content and time', () => {
    const copy = shopEvent(0, { ...add, receivedAt: isoTime(startMs + hourMs) })
    const { events, rejected } = run(shopEvent(0), shopEvent(1), copy).tables()
    expect(events.map(({ name }) => name)).toEqual(['page_view', 'page_view'])
    expect(rejected).toMatchObject([
      { reason: 'duplicate', input: { offset: 2 }, first: { offset: 0 } },
    ])
  })

  test('is no duplicate where another source uses the same id', () => {
    const { events, rejected } = run(shopEvent(0), shopEvent(0, { source: 'app' })).tables()
    expect([events.length, rejected.length]).toEqual([2, 0])
  })

  test('stays what it is when the position is read again', () => {
    const pipeline = run(shopEvent(0), shopEvent(0))
    pipeline.restart()
    pipeline.append(shopEvent(0), shopEvent(5))
    pipeline.run()
    const { events, rejected } = pipeline.tables()
    expect(events.map(({ input }) => input.offset)).toEqual([0, 3])
    expect(rejected.map(({ first }) => first?.offset)).toEqual([0, 0])
  })
})

describe('lateness (T1)', () => {
  test('is none up to the delay, a label above it, too late above L, each to the millisecond', () => {
    const lags = [30_000, 30_001, 24 * hourMs, 24 * hourMs + 1]
    const events = lags.map((lagMs, i) => received(i, lagMs))
    const flags = run(...events)
      .tables()
      .events.map((event) => event.flags ?? [])
    expect(flags).toEqual([[], ['late'], ['late'], ['tooLate']])
  })

  test('too late changes no session, cart or link', () => {
    const late = 24 * hourMs + 1
    const pipeline = run(
      received(0, late, add),
      received(1, late, { name: 'identify', userId: 'U' }),
    )
    expect(pipeline.tables()).toMatchObject({ sessions: [], carts: [] })
    expect(pipeline.tables().events.map(({ session }) => session)).toEqual([null, null])
  })
})

describe('who is left out (R24, 1.6)', () => {
  test('bots, tests and visitors without consent have no session and no cart', () => {
    const contexts = [
      { userAgent: crawler },
      { test: true },
      { consent: { analytics: false, marketing: null } },
    ]
    const pipeline = run(...contexts.map((context, i) => shopEvent(i, { ...add, context })))
    const { events, sessions, carts } = pipeline.tables()
    expect([sessions, carts]).toEqual([[], []])
    expect(events.map((event) => event.flags)).toEqual([['bot'], ['test'], ['noConsent']])
    expect(events[2]).toMatchObject({ anonymousId: 'no-consent', personId: null })
  })

  test('a server-only event has no session, even inside one, and still links', () => {
    const server = { source: 'orders-service', userId: 'U' }
    const pipeline = run(shopEvent(0), shopEvent(1, server), shopEvent(2))
    expect(pipeline.tables().sessions).toMatchObject([
      { eventCount: 2, personId: 'u:U', userId: null },
    ])
  })
})

describe('what travels to the stages behind', () => {
  const commandsOf = (pipeline: LocalPipeline, topic: string): CartCommand[] =>
    pipeline.log.all(topic).map(({ value }) => JSON.parse(value?.toString() ?? '') as CartCommand)
  const keysOf = (pipeline: LocalPipeline): string[] =>
    commandsOf(pipeline, topics.cartsByPerson.name).flatMap((command) =>
      command.kind === 'watermark' ? [] : [`${command.kind} ${command.key}`],
    )

  test('is nothing of a visitor who only looks', () => {
    expect(keysOf(run(shopEvent(0), shopEvent(1)))).toEqual([])
  })

  test('is activity that may extend a cart, as long as the cart may live by it', () => {
    const pipeline = run(
      shopEvent(0),
      shopEvent(1, add),
      shopEvent(60),
      shopEvent(119),
      shopEvent(180),
    )
    expect(keysOf(pipeline)).toEqual(['in a:A', 'in a:A', 'in a:A'])
  })

  test('goes over to the user with a first login, told to both keys before the events', () => {
    const pipeline = run(shopEvent(0, add))
    pipeline.append(shopEvent(5, { name: 'identify', userId: 'U' }))
    pipeline.run()
    expect(keysOf(pipeline)).toEqual([
      'in a:A',
      'away a:A',
      'here u:U',
      'out a:A',
      'in u:U',
      'in u:U',
      'deed u:U',
    ])
  })

  test('goes by cartId where it names one', () => {
    const pipeline = run(shopEvent(0, { ...add, cartId: 'c1' }))
    const named = commandsOf(pipeline, topics.cartsById.name).filter(({ kind }) => kind === 'in')
    expect(named).toMatchObject([{ kind: 'in', key: 'c1' }])
    expect(commandsOf(pipeline, topics.cartsByPerson.name)).toContainEqual(
      expect.objectContaining({ kind: 'in', key: 'a:A' }),
    )
  })
})

describe('retention (T5)', () => {
  test('lets a visitor go when nothing of it can change any more, and not before', () => {
    const pipeline = new LocalPipeline({ watermark: 'byHand' })
    pipeline.append(shopEvent(0))
    pipeline.run()
    const closesMs = startMs + 30 * minuteMs
    const goneMs = closesMs + 24 * hourMs + hourMs + 10 * minuteMs
    pipeline.advanceTo(goneMs - 1)
    expect(pipeline.keyCount).toBe(1)
    pipeline.advanceTo(goneMs)
    expect(pipeline.keyCount).toBe(0)
    const changelog = new Restored()
    for (let partition = 0; partition < pipeline.log.partitionCount; partition++) {
      for (const { key, value } of pipeline.log.partition(topics.visitorsChangelog.name, partition))
        changelog.add(key, value)
    }
    expect([...changelog.states()]).toEqual([])
  })

  test('keeps an anonymous cart until no login could bring it back', () => {
    const pipeline = new LocalPipeline({ watermark: 'byHand' })
    pipeline.append(shopEvent(0, add))
    pipeline.run()
    pipeline.advanceTo(startMs + 7 * 24 * hourMs)
    const buy: Partial<ShopEvent> = {
      name: 'purchase',
      anonymousId: 'phone',
      userId: 'U',
      data: { orderId: 'O', currency: 'EUR', items: [{ productId: 'P', quantity: 1 }] },
    }
    pipeline.append(shopEvent(6 * 24 * 60, { name: 'identify', userId: 'U' }))
    pipeline.append(shopEvent(6 * 24 * 60 + 1, buy))
    pipeline.run()
    expect(pipeline.tables().carts).toMatchObject([{ cartKey: 'a:A', state: 'recovered' }])
  })
})

test('what silence has closed stays closed after a restart, although the records tell an earlier time', () => {
  const pipeline = run(shopEvent(0))
  pipeline.advanceTo(startMs + hourMs)
  pipeline.restart()
  pipeline.append(shopEvent(1))
  pipeline.run()
  expect(pipeline.tables().sessions).toMatchObject([{ eventCount: 2, isClosed: true }])
})

test('a load that ends is told on, as a position without an event', () => {
  const pipeline = new LocalPipeline()
  pipeline.appendRecord({ ...recordOf(shopEvent(0)), headers: { 'slipway-load': 'L' } })
  pipeline.appendRecord({
    key: null,
    value: '',
    headers: { 'slipway-load': 'L', 'slipway-load-end': 'L' },
  })
  pipeline.run()
  const [told] = pipeline.log.all(topics.rejected.name)
  expect(told?.key?.toString()).toBe('ecommerce-events-0@1')
  expect(told?.value).toBeNull()
  expect(told?.headers['slipway-load-end']?.toString()).toBe('L')
})
