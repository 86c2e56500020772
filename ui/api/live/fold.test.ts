// The live fold: figures are a function of the set of records; frames carry what changed, and nothing twice.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EnrichedEvent } from '../../../stack/contract/events.ts'
import { defaultSettings } from '../../../stack/contract/settings.ts'
import { hourMs, isoTime, minuteMs, secondMs } from '../../../stack/base/units.ts'
import { LiveFold } from './fold.ts'
import type { LiveFrame } from './frame.ts'
import { calm, cartRecord, enriched, FixtureShop, sessionRecord } from './shop.fixture.ts'

const nowMs = Date.parse('2026-11-24T12:00:00.000Z')

const newFold = () =>
  new LiveFold({ settings: defaultSettings, epoch: 'e1', backToMs: nowMs - 65 * minuteMs })

let nextOffset = 0
const arrive = (fold: LiveFold, part: Partial<EnrichedEvent> & { timeMs: number }) => {
  const offset = nextOffset++
  const event = enriched({ offset, ...part })
  const place = { topic: 'enriched-user-events', partition: 0, offset, key: null }
  fold.applyEvent(event, place, nowMs)
  return event
}
const purchase = (
  fold: LiveFold,
  agoMs: number,
  data: EnrichedEvent['data'],
  further: Partial<EnrichedEvent> = {},
) =>
  arrive(fold, {
    timeMs: nowMs - agoMs,
    name: 'purchase',
    data: {
      currency: 'EUR',
      items: [{ productId: 'p1', quantity: 1, unitPriceMinor: 1000 }],
      ...data,
    },
    ...further,
  })
const frameOf = (fold: LiveFold, since: number | null = null): LiveFrame => {
  fold.build(nowMs)
  return fold.frame(since, calm)
}
const inSession = (key: string) => ({ session: { key, number: 1, elapsedMs: 0 } })

describe('figures', () => {
  test('money is per currency, refunds count when they happen, and nothing is converted', () => {
    const fold = newFold()
    purchase(fold, 10 * minuteMs, { orderId: 'o1' })
    purchase(fold, 5 * minuteMs, { orderId: 'o2', currency: 'JPY', itemsTotalMinor: 5000 })
    purchase(fold, 4 * minuteMs, { orderId: 'o3' })
    arrive(fold, {
      timeMs: nowMs - minuteMs,
      name: 'refund',
      data: { orderId: 'o1', amountMinor: 300 },
    })
    expect(frameOf(fold).kpi.money).toEqual([
      { currency: 'EUR', orders: 2, grossMinor: 2000, refundsMinor: 300, unknown: 0 },
      { currency: 'JPY', orders: 1, grossMinor: 5000, refundsMinor: 0, unknown: 0 },
    ])
  })

  test('the main currency stays, until another has more than twice its orders', () => {
    const fold = newFold()
    const orders = (currency: string, ids: readonly string[]) => {
      for (const orderId of ids) purchase(fold, minuteMs, { orderId, currency })
      return frameOf(fold).kpi.currency
    }
    expect(orders('EUR', ['e1'])).toBe('EUR')
    expect(orders('JPY', ['j1', 'j2'])).toBe('EUR')
    expect(orders('JPY', ['j3'])).toBe('JPY')
    expect(orders('EUR', ['e2', 'e3'])).toBe('JPY')
  })

  test('an order is the first purchase with its id, by event time, whichever arrives first (R20)', () => {
    const fold = newFold()
    purchase(fold, 60 * secondMs, { orderId: 'o1', itemsTotalMinor: 900 })
    purchase(fold, 90 * secondMs, { orderId: 'o1', itemsTotalMinor: 700 })
    const frame = frameOf(fold)
    expect(frame.kpi.money[0]).toMatchObject({ orders: 1, grossMinor: 700 })
    expect(frame.seconds.at).toContain((nowMs - 90 * secondMs) / secondMs)
  })

  test('the hour is half-open: 60 minutes ago counts, one millisecond more does not', () => {
    const fold = newFold()
    purchase(fold, hourMs, { orderId: 'in' })
    purchase(fold, hourMs + 1, { orderId: 'out' })
    expect(frameOf(fold).kpi.money[0]?.orders).toBe(1)
  })

  test('a session is active for five minutes after its last event', () => {
    const fold = newFold()
    arrive(fold, { timeMs: nowMs - 5 * minuteMs, ...inSession('s1') })
    arrive(fold, { timeMs: nowMs - 5 * minuteMs - 1, ...inSession('s2') })
    arrive(fold, { timeMs: nowMs - 9 * minuteMs, ...inSession('s3') })
    arrive(fold, { timeMs: nowMs - minuteMs, ...inSession('s3') })
    expect(frameOf(fold).kpi.sessionsActive).toBe(2)
  })

  test('conversion is over sessions whose end became certain in the hour', () => {
    const fold = newFold()
    const ended = (minutesAgo: number, orders: number) =>
      sessionRecord({
        sessionKey: `s${minutesAgo}`,
        startedMs: nowMs - (minutesAgo + 5) * minuteMs,
        endedMs: nowMs - minutesAgo * minuteMs,
        orders,
      })
    for (const [minutesAgo, orders] of [
      [31, 1],
      [60, 0],
      [88, 0],
      [95, 1],
    ] as const) {
      const session = ended(minutesAgo, orders)
      fold.applySession(session.sessionKey, session)
    }
    expect(frameOf(fold).kpi).toMatchObject({ sessionsClosed: 3, sessionsBought: 1 })
    fold.applySession('s31', null)
    expect(frameOf(fold).kpi).toMatchObject({ sessionsClosed: 2, sessionsBought: 0 })
  })

  test('a recovered cart stays an abandonment, its purchase is no conversion', () => {
    const fold = newFold()
    const startedMs = nowMs - 100 * minuteMs
    const abandonedAt = isoTime(nowMs - 30 * minuteMs)
    const boughtAt = isoTime(nowMs - 10 * minuteMs)
    const recovered = cartRecord({
      startedMs,
      state: 'recovered',
      abandonedAt,
      recoveredAt: boughtAt,
    })
    const again = cartRecord({
      startedMs: nowMs - 20 * minuteMs,
      episode: 2,
      afterAbandonment: true,
      state: 'converted',
      closedAt: boughtAt,
    })
    const other = cartRecord({ startedMs, cartKey: 'a:b', state: 'converted', closedAt: boughtAt })
    for (const cart of [again, recovered, other]) {
      fold.applyCart(`${cart.cartKey}#${cart.episode}`, cart)
    }
    expect(frameOf(fold).kpi.carts).toMatchObject({
      abandoned: 1,
      recovered: 1,
      converted: 1,
      open: 0,
    })
  })

  test('an older revision of a cart never replaces a newer one', () => {
    const fold = newFold()
    const startedMs = nowMs - 20 * minuteMs
    const closedAt = isoTime(nowMs - minuteMs)
    fold.applyCart('k', cartRecord({ startedMs, revision: 2, state: 'converted', closedAt }))
    fold.applyCart('k', cartRecord({ startedMs, revision: 1 }))
    expect(frameOf(fold).kpi.carts).toMatchObject({ open: 0, converted: 1 })
  })

  test('open carts count now, by stage, with their value by currency', () => {
    const fold = newFold()
    const startedMs = nowMs - 20 * minuteMs
    fold.applyCart('a', cartRecord({ startedMs, cartKey: 'a' }))
    fold.applyCart('b', cartRecord({ startedMs, cartKey: 'b', stage: 'payment' }))
    const unpriced = { valueMinor: null, currency: null, valueByCurrency: [] }
    fold.applyCart('c', cartRecord({ startedMs, cartKey: 'c', ...unpriced }))
    expect(frameOf(fold).kpi.carts).toMatchObject({
      open: 2,
      checkout: 1,
      openUnpriced: 1,
      openValue: [{ currency: 'EUR', valueMinor: 2000 }],
    })
  })

  test('a cart whose verdict is overdue is no open cart of now', () => {
    const fold = newFold()
    const open = (cartKey: string, deadlineAgoMs: number) =>
      cartRecord({
        cartKey,
        startedMs: nowMs - 60 * minuteMs,
        deadlineAt: isoTime(nowMs - deadlineAgoMs),
      })
    fold.applyCart('a', open('a', minuteMs))
    fold.applyCart('b', open('b', 3 * minuteMs))
    expect(frameOf(fold).kpi.carts.open).toBe(1)
  })

  test('a declared bot takes everything of its visitor out, before and after', () => {
    const fold = newFold()
    purchase(fold, minuteMs, { orderId: 'o1' }, { anonymousId: 'x', ...inSession('s1') })
    expect(frameOf(fold).kpi.orders5m).toBe(1)
    arrive(fold, { timeMs: nowMs - 2000, anonymousId: 'x', flags: ['bot'] })
    const frame = frameOf(fold)
    expect(frame.kpi).toMatchObject({ orders5m: 0, sessionsActive: 0 })
    expect(frame.counts.bots).toBe(1)
  })

  test('an order of a bot gives way to a person’s with the same id', () => {
    const fold = newFold()
    purchase(fold, 90_000, { orderId: 'o1', itemsTotalMinor: 1 }, { anonymousId: 'x' })
    purchase(fold, 60_000, { orderId: 'o1', itemsTotalMinor: 700 }, { anonymousId: 'y' })
    arrive(fold, { timeMs: nowMs - 2000, anonymousId: 'x', flags: ['bot'] })
    expect(frameOf(fold).kpi.money[0]).toMatchObject({ orders: 1, grossMinor: 700 })
  })

  test('more than 120 events in one minute make a visitor a bot, exactly 120 do not (R24)', () => {
    const fold = newFold()
    const hit = () =>
      arrive(fold, { timeMs: nowMs - minuteMs, anonymousId: 'fast', ...inSession('s1') })
    for (let i = 0; i < 120; i++) hit()
    expect(frameOf(fold).kpi.sessionsActive).toBe(1)
    hit()
    expect(frameOf(fold).kpi.sessionsActive).toBe(0)
  })

  test('the crowd without consent is no bot, and its orders count', () => {
    const fold = newFold()
    for (let i = 0; i < 200; i++) {
      arrive(fold, { timeMs: nowMs - minuteMs, anonymousId: 'no-consent', flags: ['noConsent'] })
    }
    const crowd = { anonymousId: 'no-consent', flags: ['noConsent' as const] }
    purchase(fold, minuteMs, { orderId: 'o1' }, crowd)
    expect(frameOf(fold).kpi.orders5m).toBe(1)
  })

  test('events of a test count nowhere', () => {
    const fold = newFold()
    purchase(fold, minuteMs, { orderId: 'o1' }, { flags: ['test'] })
    expect(frameOf(fold).kpi.money).toEqual([])
  })

  test('the ranking is by what lines brought, with the rank of the window before', () => {
    const fold = newFold()
    const sell = (productId: string, unitPriceMinor: number, agoMs: number) =>
      purchase(fold, agoMs, {
        orderId: `${productId}-${agoMs}`,
        items: [{ productId, quantity: 1, unitPriceMinor }],
      })
    sell('p1', 500, 2 * minuteMs)
    sell('p2', 900, 3 * minuteMs)
    sell('p1', 700, 8 * minuteMs)
    sell('p3', 100, 9 * minuteMs)
    const top = frameOf(fold).top?.byWindow
    expect(
      top?.[5].map(({ productId, netMinor, rankBefore }) => [productId, netMinor, rankBefore]),
    ).toEqual([
      ['p2', 900, null],
      ['p1', 500, 1],
    ])
    expect(top?.[60].map((row) => row.productId)).toEqual(['p1', 'p2', 'p3'])
    expect(top?.[60][0]).not.toHaveProperty('rankBefore')
  })
})

describe('records', () => {
  test('one that a restarted processor wrote twice is counted once, by its input position', () => {
    const fold = newFold()
    const event = enriched({ timeMs: nowMs - 1000, offset: 7 })
    const at = (offset: number) => ({ topic: 't', partition: 0, offset, key: null })
    fold.applyEvent(event, at(100), nowMs)
    fold.applyEvent(event, at(101), nowMs)
    expect(fold.counts.events).toBe(1)
  })

  test('one from before the window changes no figure', () => {
    const fold = newFold()
    purchase(fold, 66 * minuteMs, { orderId: 'old' })
    const frame = frameOf(fold)
    expect(frame.kpi.money).toEqual([])
    expect(frame.seconds.at).toEqual([])
  })

  test('any order of arrival gives the same frame', () => {
    const records = [
      ...Array.from({ length: 12 }, (_, i) =>
        enriched({
          timeMs: nowMs - (i * 7 + 1) * minuteMs,
          offset: i,
          // Each from an input of its own, so that positions do not order them.
          input: { topic: 'ecommerce-events', partition: i, offset: 1 },
          name: i % 3 === 0 ? 'purchase' : 'view_item',
          anonymousId: `a${i % 4}`,
          ...inSession(`s${i % 4}`),
          data: {
            orderId: `o${i % 5}`,
            currency: i % 2 === 0 ? 'EUR' : 'USD',
            items: [
              { productId: `p${i % 3}`, name: `P${i % 3}`, quantity: 1, unitPriceMinor: 100 * i },
            ],
          },
        }),
      ),
      enriched({
        timeMs: nowMs - 2000,
        offset: 99,
        input: { topic: 'ecommerce-events', partition: 99, offset: 1 },
        anonymousId: 'a2',
        flags: ['bot'],
      }),
    ]
    const figures = (list: readonly EnrichedEvent[]) => {
      const fold = newFold()
      for (const event of list) {
        fold.applyEvent(event, { topic: 't', partition: 0, offset: 0, key: null }, nowMs)
      }
      const { kpi, seconds, minutes, top, counts } = frameOf(fold)
      return { kpi, seconds, minutes, top, counts }
    }
    const expected = figures(records)
    fc.assert(
      fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (shuffled) => {
        expect(figures(shuffled)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })
})

describe('frames', () => {
  test('a reader who missed frames has the same rows as one who missed none', () => {
    const shopNowMs = nowMs
    const fold = newFold()
    const shop = new FixtureShop(fold, { seed: 3, perSecond: 5, fromMs: nowMs - 70 * minuteMs })
    shop.advanceTo(shopNowMs)
    fold.build(shopNowMs)
    const seen = new Map<number, number>()
    const keep = ({ seconds }: LiveFrame, into: Map<number, number>) => {
      for (const [i, at] of seconds.at.entries()) into.set(at, seconds.orders[i] as number)
    }
    const first = fold.frame(null, calm)
    keep(first, seen)
    const resumed = new Map(seen)
    for (let step = 1; step <= 30; step++) {
      const atMs = shopNowMs + step * secondMs
      shop.advanceTo(atMs)
      fold.build(atMs)
      keep(fold.frame(first.seq + step - 1, calm), seen)
    }
    keep(fold.frame(first.seq, calm), resumed)
    expect(resumed).toEqual(seen)
    expect([...seen.values()].reduce((sum, n) => sum + n, 0)).toBeGreaterThan(10)
  })

  test('orders on screen are those of the shop', () => {
    const fold = newFold()
    const shop = new FixtureShop(fold, { seed: 5, perSecond: 5, fromMs: nowMs - 50 * minuteMs })
    shop.advanceTo(nowMs)
    const { kpi, seconds } = frameOf(fold)
    expect(shop.truth.orders).toBeGreaterThan(5)
    expect(kpi.money.reduce((sum, money) => sum + money.orders, 0)).toBe(shop.truth.orders)
    expect(seconds.orders.reduce((sum, n) => sum + n, 0)).toBe(shop.truth.orders)
    expect(seconds.events.reduce((sum, n) => sum + n, 0)).toBe(shop.truth.events)
  })

  test('feed rows come once, newest last, and say of how many they are', () => {
    const fold = newFold()
    for (let i = 0; i < 3; i++) arrive(fold, { timeMs: nowMs - i })
    const first = frameOf(fold)
    expect(first.feed.rows.map((row) => row.index)).toEqual([0, 1, 2])
    for (let i = 0; i < 100; i++) arrive(fold, { timeMs: nowMs - i })
    const next = frameOf(fold, first.seq)
    expect(next.feed.outOf).toBe(100)
    expect(next.feed.rows).toHaveLength(25)
    expect(next.feed.rows.at(-1)?.index).toBe(102)
    arrive(fold, { timeMs: nowMs })
    expect(fold.frame(next.seq, calm).feed).toEqual({ rows: [], outOf: 0 })
    expect(frameOf(fold, next.seq).feed.rows.map((row) => row.index)).toEqual([103])
  })

  test('a steady frame stays below 8 kB at ten events a second', () => {
    const fold = newFold()
    const shop = new FixtureShop(fold, { seed: 1, perSecond: 10, fromMs: nowMs - 65 * minuteMs })
    shop.advanceTo(nowMs)
    fold.build(nowMs)
    for (let step = 1; step <= 12; step++) {
      shop.advanceTo(nowMs + step * secondMs)
      fold.build(nowMs + step * secondMs)
      const frame = fold.frame(fold.seq - 1, calm)
      expect(JSON.stringify(frame).length).toBeLessThan(frame.top ? 12_000 : 8192)
    }
  })

  test('a clock that test control moves ahead empties the windows, and back does not break them', () => {
    const fold = newFold()
    purchase(fold, minuteMs, { orderId: 'o1' })
    fold.build(nowMs)
    fold.build(nowMs + 2 * hourMs)
    expect(fold.frame(null, calm).kpi.money).toEqual([])
    fold.build(nowMs)
    expect(() => purchase(fold, 1000, { orderId: 'o2' })).not.toThrow()
    expect(frameOf(fold).kpi.orders5m).toBe(1)
  })
})
