// The rules of carts, one by one, at their edges (events.md 2.4). What the scenarios show already is not repeated here.

import { describe, expect, test } from 'vitest'
import { dayMs, hourMs, minuteMs } from '#stack/base/units.ts'
import { add, buy, clock, event, line, link, remove, rowsOf, statesOf } from './cart-events.ts'
import type { Told } from './cart-events.ts'

const hour = 60
const day = 24 * hour
const week = 7 * day
const asU: Told = { mark: 'u:U', userId: 'U' }

describe('R4: a first link', () => {
  test('makes the open cart the next episode of the user, with its starting event', () => {
    const first = [add(0, [line('Q')], asU), buy(5, 'O1', [line('Q')], asU)]
    const rows = rowsOf([...first, add(6), link(10)])
    expect(rows.map(({ cartKey, episode, state }) => [cartKey, episode, state])).toEqual([
      ['a:A', 1, 'merged'],
      ['u:U', 1, 'converted'],
      ['u:U', 2, 'lost'],
    ])
    expect(rows[2]).toMatchObject({ startedAt: clock(6), lastActivityAt: clock(10), userId: 'U' })
  })

  test('gives an abandoned cart to the user, whose purchase then recovers it', () => {
    const rows = rowsOf([add(0), link(2 * hour), buy(3 * hour, 'O1', [line('P')], asU)])
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ cartKey: 'a:A', state: 'recovered', personId: 'u:U' })
  })

  test('leaves a cart as it is that was bought, or lost, before it', () => {
    const [bought, lost] = rowsOf([add(0), buy(5, 'O1'), add(10), link(10 + hour + week, {})])
    expect(bought).toMatchObject({ state: 'converted', personId: 'a:A' })
    expect(lost).toMatchObject({ state: 'lost', personId: 'a:A', userId: null })
  })

  test('neither folds into an abandoned cart of the user nor reanimates it', () => {
    const rows = rowsOf([add(0, [line('Q')], asU), add(2 * hour), link(2 * hour + 5)])
    expect(rows.map(({ episode, state, itemCount }) => [episode, state, itemCount])).toEqual([
      [1, 'merged', 1],
      [1, 'lost', 1],
      [2, 'lost', 1],
    ])
  })

  test("folds nothing into or out of a cart with an id, but makes it the user's", () => {
    const rows = rowsOf([add(0, [line('P')], { cartId: 'c1' }), add(1, [line('Q')], asU), link(2)])
    expect(rows.map(({ cartKey, personId }) => [cartKey, personId])).toEqual([
      ['c:c1', 'u:U'],
      ['u:U', 'u:U'],
    ])
  })

  test('keeps the earlier start and its starting event, whichever cart it was', () => {
    const [, merged] = rowsOf([add(0), add(5, [line('Q')], asU), link(10)])
    expect(merged).toMatchObject({ cartKey: 'u:U', startedAt: clock(0) })
    const [, kept] = rowsOf([add(0, [line('Q')], asU), add(5), link(10)])
    expect(kept).toMatchObject({ cartKey: 'u:U', startedAt: clock(0) })
  })

  test('takes the later price of each line, also of the cart it came from', () => {
    const users = add(0, [line('P', { unitPriceMinor: 500 })], asU)
    const [, merged] = rowsOf([users, add(5, [line('P', { unitPriceMinor: 700 })]), link(10)])
    expect(merged).toMatchObject({ units: 1, valueMinor: 700 })
  })

  test('keeps what the carts had to say: flags, the later total and consent, both currencies', () => {
    const users = add(0, [line('P')], { ...asU, marketing: true, data: { cartTotalMinor: 1000 } })
    const visitors = [
      add(1, [line('Q')], { data: { currency: 'USD', cartTotalMinor: 7 } }),
      remove(2, [{ productId: 'R' }]),
    ]
    const [, merged] = rowsOf([users, ...visitors, link(10, { marketing: null })])
    expect(merged).toMatchObject({
      currencyMixed: true,
      valueMinor: null,
      currency: null,
      valueByCurrency: [
        { currency: 'EUR', valueMinor: 1000 },
        { currency: 'USD', valueMinor: 1000 },
      ],
      declaredValueMinor: 7,
      flags: ['totalMismatch', 'underflow'],
      contactable: true,
    })
  })

  test('replaces the lines where the policy says so, and remembers the prices of both', () => {
    const users = add(0, [line('P', { unitPriceMinor: 500 }), line('Q')], asU)
    const visitors = add(1, [{ productId: 'P', quantity: 3 }])
    const [, merged] = rowsOf([users, visitors, link(10)], { mergePolicy: 'replace' })
    expect(merged).toMatchObject({ itemCount: 1, units: 3, valueMinor: 1500 })
  })

  test("folds a cart into one that has less time: the earlier start's greatest age holds", () => {
    const views = Array.from({ length: 5 }, (_, i) => event(30 * (i + 1), 'page_view'))
    const users = add(150, [line('Q')], asU)
    const settings = { maxCartAgeMs: 3 * hourMs }
    const rows = rowsOf([add(0), ...views, users, link(170)], settings)
    expect(rows.at(-1)).toMatchObject({ cartKey: 'u:U', state: 'lost', deadlineAt: clock(180) })
  })

  test("makes the visitor's orders the user's, so that the order service closes no second cart", () => {
    const rows = statesOf([
      add(0),
      buy(5, 'O1'),
      link(6),
      add(7, [line('P')], asU),
      buy(8, 'O1', [line('P')], { ...asU, isServer: true, isActivity: false }),
    ])
    expect(rows).toEqual(['a:A#1 converted', 'u:U#1 lost'])
  })
})

describe('R5: a cart with an id', () => {
  const cartId = 'c1'
  const stranger: Told = { mark: 'a:B', cartId }

  test("shows its owner's latest browser, and the sessions of everybody who acted on it", () => {
    const [row] = rowsOf([
      add(0, [line('P')], { cartId, sessionKey: 's2' }),
      add(5, [line('Q')], { ...stranger, sessionKey: 's1' }),
    ])
    expect(row).toMatchObject({ anonymousId: 'A', sessionKeys: ['s1', 's2'], itemCount: 2 })
  })

  test('is extended by what names it, whoever sends it, and by nothing else of strangers', () => {
    const [row] = rowsOf([
      add(0, [line('P')], { cartId }),
      event(10, 'view_cart', stranger),
      event(20, 'page_view', { mark: 'a:B' }),
    ])
    expect(row).toMatchObject({ lastActivityAt: clock(10) })
  })
})

describe('R6 to R8: content', () => {
  test('a remove without quantity takes the whole line', () => {
    const [row] = rowsOf([
      add(0, [line('P', { quantity: 3 }), line('Q')]),
      remove(1, [{ productId: 'P' }]),
    ])
    expect(row).toMatchObject({ units: 1, flags: [] })
  })

  test('a remove of a line that is not there flags underflow and leaves the others', () => {
    const [row] = rowsOf([add(0), remove(1, [{ productId: 'Q' }])])
    expect(row).toMatchObject({ units: 1, flags: ['underflow'] })
  })

  test('a snapshot adds up a line that it names twice', () => {
    const items = [line('P'), line('P', { quantity: 2 })]
    const [row] = rowsOf([event(0, 'cart_update', { data: { items, currency: 'EUR' } })])
    expect(row).toMatchObject({ itemCount: 1, units: 3 })
  })

  test('a checkout_step is no snapshot, although it may list what is paid for', () => {
    const step = (minutes: number) =>
      event(minutes, 'checkout_step', { data: { option: 'payment', items: [line('Q')] } })
    expect(rowsOf([step(0)])).toEqual([])
    const [row] = rowsOf([add(0), step(1)])
    expect(row).toMatchObject({ stage: 'payment', items: [{ productId: 'P' }] })
  })

  test('a price is known beyond the removal of its line', () => {
    const [row] = rowsOf([
      add(0, [line('P', { unitPriceMinor: 700 }), line('Q')]),
      remove(1, [{ productId: 'P' }]),
      add(2, [{ productId: 'P', quantity: 1 }]),
    ])
    expect(row).toMatchObject({ valueMinor: 1700 })
  })

  test("a view without currency means the cart's", () => {
    const [row] = rowsOf([add(0), event(1, 'view_cart', { data: { items: [line('Q')] } })])
    expect(row).toMatchObject({ currency: 'EUR', valueMinor: 1000 })
  })

  test('only the latest declared total is compared, with the value right after it', () => {
    const [row] = rowsOf([
      add(0, [line('P')], { data: { cartTotalMinor: 1 } }),
      add(1, [line('Q')], { data: { cartTotalMinor: 2000 } }),
      add(2, [line('R')]),
    ])
    expect(row).toMatchObject({ declaredValueMinor: 2000, valueMinor: 3000, flags: [] })
  })
})

describe('R9 and R10: value', () => {
  const listed = (currency: string) => ({
    productId: 'K',
    quantity: 2,
    listPrice: { unitPriceMinor: 700, currency },
  })

  test("a list price counts only in the line's currency", () => {
    expect(rowsOf([add(0, [listed('EUR')])])[0]).toMatchObject({ valueMinor: 1400 })
    expect(rowsOf([add(0, [listed('USD')])])[0]).toMatchObject({ valueMinor: null })
  })

  test("one unknown line makes the cart's value unknown, and no value of it is counted", () => {
    const [row] = rowsOf([add(0, [line('P'), { productId: 'Z', quantity: 1 }])])
    expect(row).toMatchObject({ valueMinor: null, currency: 'EUR', valueByCurrency: [] })
  })

  test('an unknown value is never below the least one', () => {
    const states = statesOf([add(0, [{ productId: 'Z' }])], { minCartValueMinor: 5000 })
    expect(states).toEqual(['a:A#1 lost'])
  })

  test('a cart has one currency again when the line in the other is gone', () => {
    const [row] = rowsOf([
      add(0),
      add(1, [line('Q')], { data: { currency: 'USD' } }),
      remove(2, [{ productId: 'Q' }]),
    ])
    expect(row).toMatchObject({ currencyMixed: false, currency: 'EUR', valueMinor: 1000 })
  })
})

describe('R11: after an end', () => {
  test.each([
    ['emptied', [remove(10, [{ productId: 'P' }])]],
    ['converted', [buy(10, 'O1')]],
    ['recovered', [buy(2 * hour, 'O1')]],
  ])('%s: adding again starts an episode with nothing carried over', (state, end) => {
    const rows = rowsOf([add(0, [line('P')]), ...end, add(3 * hour, [line('Q')])])
    expect(rows.map((row) => [row.state, row.itemCount])).toEqual([
      [state, state === 'emptied' ? 0 : 1],
      ['lost', 1],
    ])
    expect(rows[1]).toMatchObject({ afterAbandonment: false })
  })
})

describe('R12 and R13: activity', () => {
  const server: Told = { isActivity: false, isServer: true }

  test('a server changes a cart and does not extend it', () => {
    const [row] = rowsOf([add(0), add(30, [line('Q')], server)])
    expect(row).toMatchObject({ itemCount: 2, deadlineAt: clock(hour) })
  })

  test('a repeated purchase is activity', () => {
    const rows = rowsOf([add(0), buy(1, 'O1'), add(2), buy(30, 'O1')])
    expect(rows[1]).toMatchObject({ state: 'lost', deadlineAt: clock(30 + hour) })
  })

  test('a cart is never older than maxCartAge, however busy its person is', () => {
    const views = Array.from({ length: 30 }, (_, i) => event(30 * (i + 1), 'page_view'))
    const [row] = rowsOf([add(0), ...views], { maxCartAgeMs: 10 * hourMs })
    expect(row).toMatchObject({ deadlineAt: clock(10 * hour), lastActivityAt: clock(9.5 * hour) })
  })

  test('a cart that comes back has its greatest age from then on', () => {
    const views = Array.from({ length: 9 }, (_, i) => event(120 + 30 * i, 'page_view'))
    const rows = rowsOf([add(0), add(110), ...views], { maxCartAgeMs: 3 * hourMs })
    expect(rows.map(({ deadlineAt }) => deadlineAt)).toEqual([clock(60), clock(110 + 180)])
  })

  test('in cart scope a login extends nothing, and a merge both of its carts', () => {
    const settings = { activityScope: 'cart' } as const
    const [, taken] = rowsOf([add(0), link(30)], settings)
    expect(taken).toMatchObject({ cartKey: 'u:U', lastActivityAt: clock(0) })
    const merge = ['c1', 'c2'].map((via) =>
      event(30, 'cart_merge', {
        eventId: 'm',
        data: { fromCartId: 'c1', intoCartId: 'c2' },
        namedCart: 'owner',
        via,
      }),
    )
    const carts = ['c1', 'c2'].map((cartId) => add(0, [line('P')], { cartId }))
    const rows = rowsOf([...carts, ...merge], settings)
    expect(rows.map(({ lastActivityAt }) => lastActivityAt)).toEqual([clock(30), clock(30)])
  })

  test("in cart scope only what is under the cart's key extends it", () => {
    const events = [
      add(0),
      event(10, 'page_view'),
      event(20, 'view_cart'),
      buy(30, 'O1', [line('Z')]),
    ]
    const [row] = rowsOf(events, { activityScope: 'cart' })
    expect(row).toMatchObject({ lastActivityAt: clock(30) })
  })
})

describe('R14: the watermark', () => {
  test('an event does not overtake a deadline that has not fired', () => {
    const events = [add(0), add(2 * hour, [line('Q')])]
    expect(rowsOf(events, {}, hour - 1)).toMatchObject([{ state: 'open', itemCount: 1 }])
    expect(statesOf(events, {}, hour)).toEqual(['a:A#1 abandoned', 'a:A#2 open'])
  })

  test('a cart is lost at the end of its recovery, not before', () => {
    expect(statesOf([add(0)], {}, hour + week - 1)).toEqual(['a:A#1 abandoned'])
    expect(statesOf([add(0)], {}, hour + week)).toEqual(['a:A#1 lost'])
  })
})

describe('R16 to R18: which cart an order closes', () => {
  const cartId = 'c1'

  test('by overlap the most recently touched one; activity is no touch', () => {
    const rows = statesOf([
      add(0, [line('P')], { cartId: 'c1' }),
      add(1, [line('P')], { cartId: 'c2' }),
      event(2, 'view_cart', { cartId: 'c1' }),
      event(3, 'page_view'),
      buy(4, 'O1'),
    ])
    expect(rows).toEqual(['c:c1#1 converted', 'c:c2#1 lost'])
  })

  test('an order without items closes the most recently touched one', () => {
    const order = event(4, 'purchase', {
      data: { orderId: 'O1', currency: 'EUR', itemsTotalMinor: 900 },
    })
    const touched = add(1, [line('Q')], { cartId: 'c2' })
    expect(statesOf([add(0), touched, order])).toEqual(['a:A#1 lost', 'c:c2#1 converted'])
  })

  test('the owner of a named cart that is closed goes on by overlap, a stranger does not', () => {
    const closed = [add(0, [line('P')], { cartId }), buy(1, 'O1', [line('P')], { cartId })]
    const other = add(2, [line('P')])
    const again: Told = { cartId, mark: 'a:B' }
    expect(statesOf([...closed, other, buy(3, 'O2', [line('P')], { cartId })])).toContain(
      'a:A#1 converted',
    )
    expect(statesOf([...closed, other, buy(3, 'O2', [line('P')], again)])).toContain('a:A#1 lost')
  })

  test("what acts on somebody else's cart closes none of its own person", () => {
    const elsewhere: Told = { cartId, namedCart: 'elsewhere' }
    expect(statesOf([add(0), buy(1, 'O1', [line('P')], elsewhere)])).toEqual(['a:A#1 lost'])
  })
})

describe('R19: recovery', () => {
  test('recovers every episode it goes on from, each within its own window', () => {
    const settings = { recoveryWindowMs: 5 * hourMs }
    const events = [add(0), add(4 * hour), add(8 * hour), buy(8 * hour + 5, 'O1')]
    expect(statesOf(events, settings)).toEqual(['a:A#1 lost', 'a:A#2 recovered', 'a:A#3 converted'])
  })

  test('tells the merchandise amount of the order: as sent, else lines less discount, else unknown', () => {
    const amountOf = (data: Told['data']) =>
      rowsOf([
        add(0),
        event(2 * hour, 'purchase', { data: { orderId: 'O', currency: 'EUR', ...data } }),
      ])[0]?.recoveredValueMinor
    expect(amountOf({ items: [line('P')], itemsTotalMinor: 900 })).toBe(900)
    expect(
      amountOf({ items: [line('P', { quantity: 2, discountMinor: 100 })], discountMinor: 300 }),
    ).toBe(1500)
    expect(amountOf({ items: [line('P'), { productId: 'Q', quantity: 1 }] })).toBe(null)
    expect(amountOf({ items: [line('P')], discountMinor: 5000 })).toBe(0)
  })
})

describe('R20: an order', () => {
  test('never closes a second cart through the same cartId, whoever reports it', () => {
    const cartId = 'c1'
    const service: Told = { cartId, mark: 'u:U', isActivity: false, isServer: true }
    const events = [add(0, [line('P')], { cartId }), add(1), buy(5, 'O1', [line('P')], service)]
    expect(statesOf([...events, buy(6, 'O1', [line('P')], { cartId })])).toEqual([
      'a:A#1 lost',
      'c:c1#1 converted',
    ])
  })
})

describe('R22: reanimation', () => {
  test('at exactly the deadline, with the lines and prices, and a stage of its own', () => {
    const paid = event(1, 'checkout_step', { data: { option: 'payment' } })
    const rows = rowsOf([add(0), paid, event(1 + hour, 'begin_checkout')])
    expect(rows.map((row) => [row.episode, row.stage, row.valueMinor])).toEqual([
      [1, 'payment', 1000],
      [2, 'checkout', 1000],
    ])
    expect(rows[1]).toMatchObject({ startedAt: clock(1 + hour), afterAbandonment: true })
  })

  test('not by a view without items, and not at the end of the recovery', () => {
    expect(statesOf([add(0), event(2 * hour, 'view_cart')])).toHaveLength(1)
    const [, late] = rowsOf([add(0), add(hour + week, [line('Q')])])
    expect(late).toMatchObject({ episode: 2, itemCount: 1, afterAbandonment: false })
  })

  test('by a remove, which may empty it', () => {
    expect(statesOf([add(0), remove(2 * hour, [{ productId: 'P' }])])).toEqual([
      'a:A#1 lost',
      'a:A#2 emptied',
    ])
  })
})

describe('C of 2.7: what goes on from an abandoned episode', () => {
  const after = (rows: ReturnType<typeof rowsOf>) =>
    rows.map(({ cartKey, episode, state, afterAbandonment }) => [
      `${cartKey}#${episode} ${state}`,
      afterAbandonment,
    ])
  const inCart = (cartId: string): Told => ({ cartId })

  test('is remembered when a login folds it into the cart of the user', () => {
    const back = [add(0), event(2 * hour, 'begin_checkout')]
    const order = buy(2 * hour + 10, 'O1', [line('P')], asU)
    expect(after(rowsOf([...back, link(2 * hour + 5), order]))).toEqual([
      ['a:A#1 recovered', false],
      ['a:A#2 merged', true],
      ['u:U#1 converted', true],
    ])
    const users = add(2 * hour + 1, [line('Q')], asU)
    expect(after(rowsOf([...back, users, link(2 * hour + 5), order])).at(-1)).toEqual([
      'u:U#1 converted',
      true,
    ])
  })

  test('is remembered through several folds', () => {
    const merge = ['c1', 'c2'].map((via) =>
      event(2 * hour + 6, 'cart_merge', {
        ...asU,
        eventId: 'merge',
        data: { fromCartId: 'c1', intoCartId: 'c2' },
        namedCart: 'owner',
        via,
      }),
    )
    const rows = rowsOf([
      add(0, [line('P')], inCart('c1')),
      event(2 * hour, 'begin_checkout', inCart('c1')),
      add(2 * hour + 1, [line('Q')], inCart('c2')),
      link(2 * hour + 5),
      ...merge,
      buy(2 * hour + 10, 'O1', [line('Q')], { ...asU, ...inCart('c2') }),
    ])
    expect(after(rows)).toEqual([
      ['c:c1#1 recovered', false],
      ['c:c1#2 merged', true],
      ['c:c2#1 converted', true],
    ])
  })

  test('is remembered through an episode that was too small for a record, and a small one is none', () => {
    const events = [
      add(0, [line('P'), line('Q')]),
      remove(2 * hour, [{ productId: 'Q' }]),
      event(4 * hour, 'begin_checkout'),
      buy(4 * hour + 5, 'O1'),
    ]
    expect(after(rowsOf(events, { minCartValueMinor: 1001 }))).toEqual([
      ['a:A#1 recovered', false],
      ['a:A#2 converted', true],
      ['a:A#3 converted', true],
    ])
    expect(after(rowsOf(events, { minCartValueMinor: 2001 })).at(-1)).toEqual([
      'a:A#3 converted',
      false,
    ])
  })
})

describe('R23: a small cart', () => {
  const settings = { minCartValueMinor: 1001 }

  test('has no record, is never lost, and a purchase converts it', () => {
    expect(statesOf([add(0)], settings)).toEqual(['a:A#1 ignored_small'])
    const [bought] = rowsOf([add(0), buy(2 * hour, 'O1')], settings)
    expect(bought).toMatchObject({ state: 'converted', abandonmentId: null, closedAt: clock(120) })
  })

  test('is converted by the purchase that recovers what it came back as', () => {
    const events = [add(0), add(2 * hour, [line('Q')]), buy(4 * hour, 'O1')]
    expect(statesOf(events, settings)).toEqual(['a:A#1 converted', 'a:A#2 recovered'])
    expect(statesOf(events, { ...settings, recoveryWindowMs: 2.5 * hourMs })).toEqual([
      'a:A#1 ignored_small',
      'a:A#2 recovered',
    ])
  })

  test('comes back as the next episode, which may be large enough', () => {
    expect(statesOf([add(0), add(2 * hour, [line('Q')])], settings)).toEqual([
      'a:A#1 ignored_small',
      'a:A#2 lost',
    ])
  })
})

describe('cart_merge', () => {
  const merge = (minutes: number, told: Told = {}) => {
    const data = { fromCartId: 'c1', intoCartId: 'c2', ...told.data }
    const one = event(minutes, 'cart_merge', { ...told, data })
    // As it comes: once by the hop of each cart.
    return ['c1', 'c2'].map((via) => ({ ...one, namedCart: 'owner' as const, via }))
  }
  const c1 = add(0, [line('P', { quantity: 2 })], { cartId: 'c1' })

  test('folds open into open, and the one that is folded away is merged', () => {
    const rows = rowsOf([c1, add(1, [line('P')], { cartId: 'c2' }), ...merge(2)])
    expect(rows.map(({ cartKey, state, units }) => [cartKey, state, units])).toEqual([
      ['c:c1', 'merged', 2],
      ['c:c2', 'lost', 2],
    ])
  })

  test('goes by its own policy', () => {
    const events = [
      c1,
      add(1, [line('P')], { cartId: 'c2' }),
      ...merge(2, { data: { policy: 'sum' } }),
    ]
    expect(rowsOf(events)[1]).toMatchObject({ units: 3 })
  })

  test('goes on under the other id when that has no open cart', () => {
    expect(statesOf([c1, ...merge(2)])).toEqual(['c:c1#1 merged', 'c:c2#1 lost'])
  })

  test("does nothing when the first is not open, or one cart is somebody else's", () => {
    expect(statesOf([c1, ...merge(2 * hour)])).toEqual(['c:c1#1 lost'])
    const [onlyFirst] = merge(2)
    expect(statesOf([c1, onlyFirst as ReturnType<typeof event>])).toEqual(['c:c1#1 lost'])
  })
})

describe('what the record says', () => {
  test("contactable is the owner's latest word among what touched or extended it", () => {
    const contactable = (...told: [number, boolean | null][]) =>
      rowsOf([
        add(0),
        ...told.map(([minutes, marketing]) => event(minutes, 'page_view', { marketing })),
      ])[0]?.contactable
    expect(contactable([1, true], [2, null])).toBe(true)
    expect(contactable([1, true], [2, false])).toBe(false)
    expect(contactable([1, true], [200, false])).toBe(true)
    expect(contactable()).toBe(false)
  })

  test('a stranger who acts on a cart has no word on whether its owner may be written to', () => {
    const stranger: Told = { mark: 'a:B', cartId: 'c1', marketing: false }
    const owners = add(0, [line('P')], { cartId: 'c1', marketing: true })
    expect(rowsOf([owners, event(1, 'view_cart', stranger)])).toMatchObject([{ contactable: true }])
  })

  test('place and campaign come from the first of its events that has one', () => {
    const spring = { source: 'mail', medium: null, name: 'spring' }
    const [row] = rowsOf([
      add(0),
      add(1, [line('Q')], { country: 'DE', campaign: spring }),
      add(2, [line('R')], { country: 'FR', device: 'mobile' }),
    ])
    expect(row).toMatchObject({ country: 'DE', device: 'mobile', campaignName: 'spring' })
  })

  test('cooldown counts from the last unsuppressed record; at its end the next is free', () => {
    const settings = { cooldownMs: 3 * hourMs, recoveryWindowMs: dayMs }
    const rows = rowsOf([add(0), add(2 * hour), add(3 * hour), add(4 * hour)], settings)
    expect(rows.map(({ abandonedAt, suppressed }) => [abandonedAt, suppressed])).toEqual([
      [clock(hour), false],
      [clock(3 * hour), true],
      [clock(4 * hour), false],
      [clock(5 * hour), true],
    ])
  })

  test('of two records that fall due together the one that started first is free', () => {
    const settings = { cooldownMs: hourMs }
    const carts = [add(1, [line('P')], { cartId: 'c1' }), add(0, [line('P')], { cartId: 'c2' })]
    const rows = rowsOf([...carts, event(5, 'page_view')], settings)
    expect(rows.map(({ cartKey, suppressed }) => [cartKey, suppressed])).toEqual([
      ['c:c1', true],
      ['c:c2', false],
    ])
  })

  test('a window that is another is told in the deadline', () => {
    const [row] = rowsOf([add(0)], { abandonAfterMs: 10 * minuteMs })
    expect(row).toMatchObject({ abandonedAt: clock(10) })
  })
})
