// A cart that moves from key to key: one key alone publishes of it, whichever is read first; and what is let go (T5)
// leaves its numbers behind.

import { describe, expect, test } from 'vitest'
import { defaultSettings } from '#stack/contract/settings.ts'
import { dayMs, minuteMs } from '#stack/base/units.ts'
import type { CartEvent, DeedCommand, MoveCommand, Person } from '../model.ts'
import { add, at, buy, event, line, link } from './cart-events.ts'
import { emptyHoldings, isEmptyHanded, takeDeed, takeMove } from './deed.ts'
import type { Holdings } from './deed.ts'
import { judgePerson, takeIn, takeOut } from './judge.ts'

const hour = 60
const day = 24 * hour

function judge(holdings: Holdings, minutes: number, hasRetention = false) {
  const change = { arrived: [], isMoved: false }
  const watermarkMs = minutes === Infinity ? Infinity : at(minutes)
  const context = { ...upTo(watermarkMs), settings: defaultSettings, processedAt: '', hasRetention }
  const { difference, letGoMs } = judgePerson(holdings, change, context)
  const rows = difference.carts.map(
    (row) => `${row.cartKey}#${row.episode} ${row.state} ${row.revision}`,
  )
  return { rows, tombstones: difference.tombstones, verdicts: difference.abandonments, letGoMs }
}

/** Judged, and settled as far. */
function upTo(watermarkMs: number) {
  return { watermarkMs, settledMs: watermarkMs }
}

function holding(key: Person, events: readonly CartEvent[] = []): Holdings {
  const holdings = emptyHoldings(key)
  for (const each of events) takeIn(holdings, each)
  return holdings
}

function away(key: Person, to: Person, move: number): MoveCommand {
  return { kind: 'away', key, cartKey: 'a:A', move, to, input: { partition: 0, offset: 0 } }
}

function here(key: Person, move: number): MoveCommand {
  return { kind: 'here', key, cartKey: 'a:A', move, input: { partition: 0, offset: 0 } }
}

describe('a cart that moves', () => {
  const first = add(0)

  test('is published by its new key only when the deed has come, with the next revision', () => {
    const visitor = holding('a:A', [first])
    judge(visitor, 0)
    const user = holding('u:U')
    takeMove(user, here('u:U', 1))
    for (const each of [first, link(10)]) takeIn(user, each)
    expect(judge(user, 10).rows).toEqual(['u:U#1 open 0'])

    const [deed] = takeMove(visitor, away('a:A', 'u:U', 1))
    expect(judge(visitor, 10)).toMatchObject({ rows: [], tombstones: [] })
    takeDeed(user, deed as DeedCommand)
    expect(judge(user, 10).rows).toEqual(['a:A#1 merged 1'])
  })

  test('is taken back by its new key when the fold has it no more', () => {
    const visitor = holding('a:A', [first])
    judge(visitor, hour)
    const [deed] = takeMove(visitor, away('a:A', 'u:U', 1)) as [DeedCommand]
    takeOut(visitor, first)
    expect(judge(visitor, hour)).toMatchObject({ tombstones: [], verdicts: [] })
    const user = holding('u:U')
    takeMove(user, here('u:U', 1))
    takeDeed(user, deed)
    const { tombstones, verdicts } = judge(user, hour)
    expect(tombstones).toEqual(['a:A#1'])
    expect(verdicts).toMatchObject([{ status: 'retracted', revision: 1 }])
  })

  test('sends its papers on when it has left before they came, and when it has come back since', () => {
    const user = holding('u:U')
    takeMove(user, here('u:U', 1))
    expect(takeMove(user, away('u:U', 'u:V', 2))).toEqual([])
    takeMove(user, here('u:U', 3))
    const visitor = holding('a:A', [first])
    judge(visitor, 0)
    const [deed] = takeMove(visitor, away('a:A', 'u:U', 1)) as [DeedCommand]
    const [onward] = takeDeed(user, deed) as [DeedCommand]
    expect(onward).toMatchObject({ key: 'u:V', move: 2 })
    takeIn(user, first)
    expect(judge(user, 0).rows).toEqual([])

    const other = holding('u:V')
    takeMove(other, here('u:V', 2))
    takeMove(other, away('u:V', 'u:U', 3))
    const [back] = takeDeed(other, onward) as [DeedCommand]
    takeDeed(user, back)
    expect(judge(user, 0).rows).toEqual(['a:A#1 open 1'])
  })

  test('takes along what stage one has let go of while this key was behind, but not what is told again', () => {
    const [bought, later] = [buy(1, 'O1'), add(10 * day)]
    const visitor = holding('a:A', [first, bought, later])
    judge(visitor, 2)
    const [deed] = takeMove(visitor, { ...away('a:A', 'u:U', 1), toldFromMs: at(10 * day) })
    expect(visitor.events).toEqual([later])
    const user = holding('u:U', [later, link(10 * day + 5)])
    takeMove(user, here('u:U', 1))
    takeDeed(user, deed as DeedCommand)
    takeDeed(user, deed as DeedCommand)
    const { rows } = judge(user, 10 * day + 5)
    expect(rows).toEqual(['a:A#1 converted 1', 'a:A#2 merged 1', 'u:U#1 open 0'])
  })

  test("a user's own cart is published by the user's key alone, while news of a login are under way", () => {
    // Here as the event of a stranger on a cart of V; it links A to U, whose carts are kept elsewhere.
    const stranger = link(10, { name: 'view_cart', cartId: 'c1', namedCart: 'owner', via: 'c1' })
    const other = holding('u:V', [first, stranger])
    expect(judge(other, 10).rows).toEqual(['a:A#1 merged 0'])
  })

  test('is published again for a deed that comes twice: its sender may have repeated its last words', () => {
    const visitor = holding('a:A', [first])
    judge(visitor, hour)
    const [deed] = takeMove(visitor, away('a:A', 'u:U', 1)) as [DeedCommand]
    expect(takeMove(visitor, away('a:A', 'u:U', 1))).toEqual([])
    const user = holding('u:U', [first, link(2 * hour)])
    takeMove(user, here('u:U', 1))
    takeDeed(user, deed)
    expect(judge(user, 2 * hour).verdicts).toMatchObject([{ status: 'abandoned', revision: 1 }])
    takeDeed(user, deed)
    const again = judge(user, 2 * hour)
    expect(again.rows).toEqual(['a:A#1 abandoned 2'])
    expect(again.verdicts).toMatchObject([{ status: 'abandoned', revision: 2 }])
  })
})

describe('what is let go', () => {
  const keepMinutes =
    (defaultSettings.allowedLatenessMs + defaultSettings.abandonAfterMs) / minuteMs + 10

  test('is a closed episode with its events, L + W + 10 min after its end, not before', () => {
    const holdings = holding('a:A', [add(0), buy(5, 'O1')])
    judge(holdings, 5 + keepMinutes, true)
    expect(holdings.events).toHaveLength(2)
    const { letGoMs } = judge(holdings, 5 + keepMinutes, true)
    expect(letGoMs).toBe(at(5 + keepMinutes) + 1)
    judge(holdings, 6 + keepMinutes, true)
    expect(holdings.events).toEqual([])
  })

  test('is not an open cart, however old', () => {
    const settings = { ...defaultSettings, maxCartAgeMs: 5 * dayMs }
    const views = Array.from({ length: 120 }, (_, i) => event(30 * i, 'page_view'))
    const holdings = holding('a:A', [add(0), ...views])
    const context = { settings, processedAt: '', hasRetention: true, ...upTo(at(60 * hour)) }
    judgePerson(holdings, { arrived: [], isMoved: false }, context)
    expect(holdings.events).toHaveLength(121)
  })

  test('leaves numbers and orders behind', () => {
    const holdings = holding('a:A', [add(0), buy(5, 'O1')])
    judge(holdings, 3 * day, true)
    for (const each of [add(4 * day), buy(4 * day + 1, 'O1')]) takeIn(holdings, each)
    expect(judge(holdings, 4 * day).rows).toEqual(['a:A#2 open 0'])
  })

  test('is not an abandoned cart before its recovery has ended', () => {
    const holdings = holding('a:A', [add(0)])
    judge(holdings, 7 * day, true)
    expect(holdings.events).toHaveLength(1)
    judge(holdings, hour + 7 * day + keepMinutes + 1, true)
    expect(holdings.events).toEqual([])
    expect(holdings.published).toEqual({ carts: {}, verdicts: {} })
  })

  test('moves with the cart, so that a later login goes on with the numbers', () => {
    const visitor = holding('a:A', [add(0), buy(5, 'O1')])
    judge(visitor, 3 * day, true)
    const [deed] = takeMove(visitor, away('a:A', 'u:U', 1)) as [DeedCommand]
    const user = holding('u:U')
    takeMove(user, here('u:U', 1))
    // Stage one kept the old events longer than this key did.
    for (const each of [add(0), add(4 * day), link(4 * day + 1)]) takeIn(user, each)
    takeDeed(user, deed)
    expect(judge(user, 4 * day + 1).rows).toEqual(['a:A#2 merged 0', 'u:U#1 open 0'])
  })

  test('is an order of the visitor, and its event is no repetition of itself where it is still kept', () => {
    const cartId = 'c1'
    const mine = { mark: 'u:U', userId: 'U' }
    const order = buy(5, 'O1', [line('P')], { cartId })
    const visitor = holding('a:A', [{ ...order, namedCart: 'elsewhere' }])
    judge(visitor, 3 * day, true)
    expect(visitor.events).toEqual([])
    // U's own cart, abandoned, spans the order and keeps it.
    const kept = [add(0, [line('Q')], mine), add(1, [line('P')], { ...mine, cartId }), order]
    const user = holding('u:U', kept)
    expect(judge(user, 3 * day, true).rows).toContain('c:c1#1 converted 0')
    takeMove(user, here('u:U', 1))
    takeIn(user, link(3 * day))
    takeDeed(user, takeMove(visitor, away('a:A', 'u:U', 1))[0] as DeedCommand)
    takeIn(user, buy(3 * day + 1, 'O1', [line('Q')], { mark: 'u:U', userId: 'U' }))
    expect(judge(user, 3 * day + 1, true).rows).toEqual([])
  })

  test('is a cart that moves to whoever bought it, and its purchase stays activity there', () => {
    const cartId = 'c1'
    const mine = { mark: 'u:U', userId: 'U' }
    const order = buy(5, 'O1', [line('P')], { ...mine, cartId })
    const visitor = holding('a:A', [add(0, [line('P')], { cartId }), order])
    judge(visitor, 3 * day, true)
    expect(visitor.events).toEqual([])
    const user = holding('u:U', [
      add(0, [line('Q')], mine),
      { ...order, namedCart: 'elsewhere' },
      add(20 * hour, [line('R')], mine),
    ])
    expect(judge(user, 3 * day, true).rows).toEqual(['u:U#1 abandoned 0', 'u:U#2 abandoned 0'])
    const move = { cartKey: 'c:c1', move: 1, input: { partition: 0, offset: 0 } }
    takeMove(user, { ...move, kind: 'here', key: 'u:U' })
    takeIn(user, order)
    const away = { ...move, kind: 'away', key: 'a:A', to: 'u:U' } as const
    takeDeed(user, takeMove(visitor, away)[0] as DeedCommand)
    expect(judge(user, 3 * day, true).rows).toEqual([])
  })

  test('is the last record of a visitor, whose cooldown goes on under the key of the user', () => {
    const settings = { ...defaultSettings, cooldownMs: 30 * dayMs }
    const context = { settings, processedAt: '', hasRetention: true, ...upTo(at(10 * day)) }
    const visitor = holding('a:A', [add(0)])
    judgePerson(visitor, { arrived: [], isMoved: false }, context)
    expect(visitor.events).toEqual([])
    const again = [add(10 * day), buy(10 * day + 2 * hour, 'O1'), link(11 * day)]
    const user = holding('u:U', again)
    takeMove(user, here('u:U', 1))
    takeDeed(user, takeMove(visitor, away('a:A', 'u:U', 1))[0] as DeedCommand)
    const later = { ...context, ...upTo(at(11 * day)) }
    const { difference } = judgePerson(user, { arrived: [], isMoved: false }, later)
    expect(difference.abandonments.at(-1)).toMatchObject({
      status: 'recovered',
      personId: 'a:A',
      suppressed: true,
    })
  })

  test('is mere activity too, in bulk', () => {
    const views = Array.from({ length: 100 }, (_, i) => event(i, 'page_view'))
    const holdings = holding('a:A', views)
    judge(holdings, 99 + keepMinutes + 1, true)
    expect(isEmptyHanded(holdings)).toBe(true)
  })

  test('is the memory of a move, in the end', () => {
    const user = holding('u:U')
    takeMove(user, here('u:U', 1))
    takeDeed(user, takeMove(holding('a:A'), away('a:A', 'u:U', 1))[0] as DeedCommand)
    const { letGoMs } = judge(user, 0, true)
    judge(user, ((letGoMs ?? 0) - at(0)) / minuteMs, true)
    expect(isEmptyHanded(user)).toBe(true)
  })

  test('goes into a base that knows the last unsuppressed record while the cooldown asks for it', () => {
    const holdings = holding('a:A', [add(0, [line('P')])])
    const settings = { ...defaultSettings, cooldownMs: 30 * dayMs }
    const context = { settings, processedAt: '', hasRetention: true, ...upTo(at(10 * day)) }
    judgePerson(holdings, { arrived: [], isMoved: false }, context)
    expect(holdings.events).toEqual([])
    takeIn(holdings, add(10 * day, [line('P')]))
    const later = { ...context, ...upTo(at(11 * day)) }
    const { difference } = judgePerson(holdings, { arrived: [], isMoved: false }, later)
    expect(difference.abandonments).toMatchObject([{ suppressed: true, episode: 2 }])
  })
})
