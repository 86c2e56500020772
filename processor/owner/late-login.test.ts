// R5 with retention (T5): a cart's owner is renamed by its first login (R4), however long ago it named the cart.

import { expect, test } from 'vitest'
import { minuteMs } from '#stack/base/units.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { told } from './told.ts'

const monthMinutes = 30 * 24 * 60

test('a login renames the owner of a cart that was named a month before others filled it', () => {
  const items = [{ productId: 'P', quantity: 1, unitPriceMinor: 1000 }]
  const log = [
    told(0, 'checkout_step', { anonymousId: 'B', cartId: 'c1', data: { step: 1 } }),
    told(monthMinutes, 'add_to_cart', {
      anonymousId: 'A',
      cartId: 'c1',
      data: { items, currency: 'EUR' },
    }),
    told(monthMinutes + 20, 'identify', { anonymousId: 'B', userId: 'U' }),
  ]
  for (const partitions of [1, 4]) {
    const pipeline = new LocalPipeline({ partitions, watermark: 'byHand' })
    for (const event of log) {
      pipeline.advanceTo(Date.parse(event.receivedAt) - minuteMs)
      pipeline.append(event)
      pipeline.run()
    }
    pipeline.drain()
    const { carts } = pipeline.tables()
    expect(carts.map(({ cartKey, personId }) => [cartKey, personId])).toEqual([['c:c1', 'u:U']])
  }
})
