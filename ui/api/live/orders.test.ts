// What an order and a refund are worth (events.md 2.7).

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orderOf, refundAmounts, refundOf } from './orders.ts'
import type { LiveOrder } from './orders.ts'
import { enriched } from './shop.fixture.ts'

const purchase = (data: Parameters<typeof enriched>[0]['data'], further = {}) =>
  orderOf(
    enriched({
      timeMs: 1000,
      offset: 1,
      name: 'purchase',
      data: { orderId: 'o1', currency: 'EUR', ...data },
      ...further,
    }),
    'a:a1',
  ) as LiveOrder
const refund = (data: Parameters<typeof enriched>[0]['data'], timeMs = 2000) => {
  const event = enriched({ timeMs, offset: 2, name: 'refund', data: { orderId: 'o1', ...data } })
  const made = refundOf(event, 'a:a1')
  if (!made) throw new Error('no refund')
  return made
}
const item = (productId: string, quantity: number, unitPriceMinor?: number, discountMinor = 0) => ({
  productId,
  quantity,
  discountMinor,
  ...(unitPriceMinor === undefined ? {} : { unitPriceMinor }),
})

describe('the merchandise amount', () => {
  test('is what the producer says, when it says it', () => {
    expect(purchase({ itemsTotalMinor: 990, items: [item('p', 2, 600)] }).merchandiseMinor).toBe(
      990,
    )
  })

  test('is the lines at their price after discounts, minus the discount of the order, never below 0', () => {
    const items = [item('p', 2, 600, 100), item('q', 1, 50)]
    expect(purchase({ items }).merchandiseMinor).toBe(1050)
    expect(purchase({ items, discountMinor: 50 }).merchandiseMinor).toBe(1000)
    expect(purchase({ items, discountMinor: 9999 }).merchandiseMinor).toBe(0)
  })

  test('is unknown when one price is: an order, but no revenue', () => {
    const order = purchase({ items: [item('p', 1, 600), item('q', 1)] })
    expect(order.merchandiseMinor).toBeNull()
    expect(order.lines.map((line) => line.netMinor)).toEqual([null, null])
  })

  test('takes the catalogue’s price where the event gives none, in the event’s currency only (R9)', () => {
    const items = [item('p', 2)]
    const listPrices = [{ unitPriceMinor: 300, currency: 'EUR' }]
    expect(purchase({ items }, { listPrices }).merchandiseMinor).toBe(600)
    const dollars = [{ unitPriceMinor: 300, currency: 'USD' }]
    expect(purchase({ items }, { listPrices: dollars }).merchandiseMinor).toBeNull()
  })

  test('is spread over the lines so that they add up exactly, whatever the amounts', () => {
    const lines = fc.array(
      fc.record({ price: fc.nat(1_000_000), quantity: fc.integer({ min: 1, max: 50 }) }),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(lines, fc.option(fc.nat(50_000_000)), fc.nat(2_000_000), (list, total, off) => {
        const items = list.map(({ price, quantity }, i) => item(`p${i}`, quantity, price))
        const order = purchase({
          items,
          discountMinor: off,
          ...(total === null ? {} : { itemsTotalMinor: total }),
        })
        const sum = order.lines.reduce((all, line) => all + (line.netMinor as number), 0)
        expect(sum).toBe(order.merchandiseMinor)
      }),
    )
  })

  test('gives the rest of a division to the largest remainder, ties by productId', () => {
    const order = purchase({ items: [item('b', 1, 100), item('a', 1, 100)], discountMinor: 1 })
    expect(order.lines.map((line) => [line.productId, line.netMinor])).toEqual([
      ['b', 100],
      ['a', 99],
    ])
  })
})

describe('a refund', () => {
  const order = purchase({ items: [item('p', 2, 600), item('q', 1, 50)] })

  test('is its amount, else its items at their own price, else at the order’s', () => {
    expect(refundAmounts([refund({ amountMinor: 70, items: [item('p', 1)] })], order)).toEqual([70])
    expect(refundAmounts([refund({ items: [item('p', 1, 500)] })], order)).toEqual([500])
    expect(refundAmounts([refund({ items: [item('p', 1)] })], order)).toEqual([600])
  })

  test('without amount and items is all that is left, and never more than is left', () => {
    const first = refund({ amountMinor: 1000 }, 2000)
    const rest = refund({}, 3000)
    const more = refund({ amountMinor: 5 }, 4000)
    expect(refundAmounts([first, rest, more], order)).toEqual([1000, 250, 0])
  })

  test('in another currency than its order’s is 0', () => {
    expect(refundAmounts([refund({ amountMinor: 70, currency: 'USD' })], order)).toEqual([0])
  })

  test('of an order that is not known counts as sent, or is unknown', () => {
    expect(refundAmounts([refund({ amountMinor: 70 })], undefined)).toEqual([70])
    expect(refundAmounts([refund({})], undefined)).toEqual([null])
  })
})
