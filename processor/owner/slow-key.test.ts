// R5 with retention (T5) where stage two is far behind the hop: what the hop has let go of a cart, it tells to no new key
// of the owner; it must come with the papers of the cart.

import { expect, test } from 'vitest'
import { minuteMs } from '#stack/base/units.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { told } from './told.ts'

const monthMinutes = 30 * 24 * 60

test('a login renames the owner of a cart whose events the hop let go before stage two counted them', () => {
  const items = [{ productId: 'P', quantity: 1, unitPriceMinor: 1000 }]
  const stranger = { anonymousId: 'A', cartId: 'c1' }
  const log = [
    told(0, 'checkout_step', { anonymousId: 'B', cartId: 'c1', data: { step: 1 } }),
    told(10, 'add_to_cart', { ...stranger, data: { items, currency: 'EUR' } }),
    told(20, 'purchase', { ...stranger, data: { orderId: 'O', items, currency: 'EUR' } }),
    told(monthMinutes - 60, 'page_view', { anonymousId: 'A' }),
    told(monthMinutes, 'identify', { anonymousId: 'B', userId: 'U' }),
  ]
  for (const partitions of [1, 4]) {
    const pipeline = new LocalPipeline({ partitions, watermark: 'byHand' })
    for (const event of log) {
      pipeline.raiseTo(Date.parse(event.receivedAt) - minuteMs)
      pipeline.append(event)
      pipeline.run({ reads: (stage) => stage !== 'persons' })
    }
    pipeline.drain()
    const { carts } = pipeline.tables()
    expect(carts.map(({ cartKey, personId, state }) => [cartKey, personId, state])).toEqual([
      ['c:c1', 'a:B', 'converted'],
    ])
  }
})
