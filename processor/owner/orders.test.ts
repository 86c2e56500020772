// R20 where an order and a cart are kept under different keys: through all stages, in any order of arrival and in one and
// four partitions.

import { describe, expect, test } from 'vitest'
import type { ShopEvent } from '#stack/contract/events.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { told } from './told.ts'

const items = [{ productId: 'P', quantity: 1, unitPriceMinor: 1000 }]

function add(minute: number, anonymousId: string, cartId?: string): ShopEvent {
  const data = { items, currency: 'EUR' }
  return told(minute, 'add_to_cart', { anonymousId, data, ...(cartId !== undefined && { cartId }) })
}

function buy(minute: number, who: Partial<ShopEvent>): ShopEvent {
  return told(minute, 'purchase', { data: { orderId: 'O1', items, currency: 'EUR' }, ...who })
}

/** `c:c1 converted` and so on, by cart key. */
function statesOf(log: readonly ShopEvent[], partitions: number): string[] {
  const pipeline = new LocalPipeline({ partitions, watermark: 'byHand', hasRetention: false })
  for (const event of log) {
    pipeline.append(event)
    pipeline.run()
  }
  pipeline.drain()
  const { carts } = pipeline.tables()
  return carts.map(({ cartKey, state }) => `${cartKey} ${state}`).sort()
}

/** Every result that an order of arrival and a number of partitions makes; one, if it does not matter. */
function resultsOf(log: readonly ShopEvent[]): string[][] {
  const results = [1, 4].flatMap((partitions) => [
    statesOf(log, partitions),
    statesOf(log.toReversed(), partitions),
  ])
  return [...new Map(results.map((states) => [states.join(), states])).values()]
}

describe('an order that its person has reported before', () => {
  test('closes no cart of somebody else', () => {
    const log = [add(0, 'A', 'c1'), buy(5, { anonymousId: 'B' })]
    expect(resultsOf([...log, buy(10, { anonymousId: 'B', cartId: 'c1' })])).toEqual([
      ['c:c1 lost'],
    ])
  })

  test('closes none after a login either', () => {
    const login = told(6, 'identify', { anonymousId: 'B', userId: 'U' })
    const log = [add(0, 'A', 'c1'), buy(5, { anonymousId: 'B' }), login]
    expect(resultsOf([...log, buy(10, { userId: 'U', cartId: 'c1' })])).toEqual([['c:c1 lost']])
    expect(resultsOf([...log, buy(10, { userId: 'V', cartId: 'c1' })])).toEqual([
      ['c:c1 converted'],
    ])
  })

  test('closes one where another order was meant, which the same person reported', () => {
    const other = { data: { orderId: 'O2', items, currency: 'EUR' } }
    const log = [add(0, 'A', 'c1'), buy(5, { anonymousId: 'B', ...other })]
    expect(resultsOf([...log, buy(10, { anonymousId: 'B', cartId: 'c1' })])).toEqual([
      ['c:c1 converted'],
    ])
  })
})

test('an order that its person has reported before closes none, although the cart was long past when it was read', () => {
  const log = [
    add(0, 'A', 'c1'),
    buy(5, { anonymousId: 'B' }),
    buy(10, { anonymousId: 'B', cartId: 'c1' }),
  ]
  for (const partitions of [1, 4]) {
    const pipeline = new LocalPipeline({ partitions, watermark: 'byHand' })
    pipeline.append(...log)
    pipeline.raiseTo(Date.parse('2024-06-06T00:00:00.000Z'))
    pipeline.drain()
    const { carts } = pipeline.tables()
    expect(carts.map(({ cartKey, state }) => `${cartKey} ${state}`)).toEqual(['c:c1 lost'])
  }
})

describe('an order that several persons report', () => {
  const both = [add(0, 'B'), add(1, 'D'), buy(5, { anonymousId: 'B', cartId: 'c9' })]

  test('closes a cart of each, while no cart has the id they name', () => {
    const log = [...both, buy(10, { anonymousId: 'D', cartId: 'c9' })]
    expect(resultsOf(log)).toEqual([['a:B converted', 'a:D converted']])
  })

  test('closes one cart through the id of one', () => {
    const log = [add(0, 'A', 'c1'), buy(5, { anonymousId: 'B', cartId: 'c1' }), add(7, 'A', 'c1')]
    const again = buy(10, { anonymousId: 'D', cartId: 'c1' })
    expect(resultsOf([...log, again])).toEqual([['c:c1 converted', 'c:c1 lost']])
  })
})
