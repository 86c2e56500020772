// The story of a cart from its rows is the story that the stages published.

import { expect, test } from 'vitest'
import { hourMs, isoTime, minuteMs } from '#stack/base/units.ts'
import type { ShopEvent } from '#stack/contract/events.ts'
import { LocalPipeline } from '../../local-pipeline.ts'
import { memoryHistory, readTopics, tableRows } from '../testing.ts'
import { answerWhy, cartsNear } from './why.ts'

const startMs = Date.parse('2024-05-06T10:00:00.000Z')
const items = [{ productId: 'P', quantity: 1 }]

const event = (eventId: string, minute: number, rest: Partial<ShopEvent>): ShopEvent => ({
  schemaVersion: '1.0',
  eventId,
  name: 'page_view',
  eventTime: isoTime(startMs + minute * minuteMs),
  receivedAt: isoTime(startMs + minute * minuteMs),
  source: 'web',
  dialect: 'native',
  anonymousId: 'A',
  data: {},
  ...rest,
})

test('a cart begun before a login and bought elsewhere is told with its price, session and verdicts', async () => {
  const pipeline = new LocalPipeline({
    catalogue: [{ productId: 'P', unitPriceMinor: 1999, currency: 'EUR' }],
    watermark: 'byHand',
  })
  pipeline.append(
    event('e1', 0, { name: 'add_to_cart', data: { items, currency: 'EUR' } }),
    event('e2', 5, { name: 'identify', userId: 'U' }),
    event('e3', 200, {
      name: 'purchase',
      anonymousId: 'B',
      userId: 'U',
      data: { orderId: 'O1', items, currency: 'EUR' },
    }),
    event('x1', 1, { anonymousId: 'X', name: 'add_to_cart', data: { items, currency: 'EUR' } }),
  )
  pipeline.drain()
  await using history = await memoryHistory()
  await readTopics(pipeline.log, history)
  const story = await answerWhy(history, 'u:U', startMs + 10 * hourMs)
  const told = story?.lines.map((line) => line.event?.eventId)
  expect(told).toEqual(expect.arrayContaining(['e2', 'e3']))
  expect(told).not.toContain('x1')
  expect(story?.revisions.map(({ status }) => status)).toEqual(['abandoned', 'recovered'])
  const [cart] = (await tableRows(history, 'carts')).filter((row) => row['cart_key'] === 'u:U')
  expect(story?.episodes).toHaveLength(1)
  expect(story?.episodes[0]).toMatchObject({
    state: cart?.['state'],
    valueMinor: cart?.['value_minor'],
    sessionKeys: cart?.['session_keys'],
  })
  expect(await answerWhy(history, 'u:nobody', null)).toBeNull()
})

test('a name that no cart has is answered with those it may mean', async () => {
  const pipeline = new LocalPipeline({ watermark: 'byHand' })
  const add = { name: 'add_to_cart', data: { items, currency: 'EUR' } } as const
  pipeline.append(
    event('e1', 0, { ...add, anonymousId: 'visitor-17' }),
    event('e2', 0, { ...add, anonymousId: 'visitor-18', cartId: 'basket-4' }),
    event('e3', 5, {
      name: 'purchase',
      anonymousId: 'visitor-18',
      cartId: 'basket-4',
      data: { orderId: 'O1', items, currency: 'EUR' },
    }),
  )
  pipeline.drain()
  await using history = await memoryHistory()
  await readTopics(pipeline.log, history)
  expect(await cartsNear(history, 'visitor-17')).toEqual(['a:visitor-17'])
  expect(await cartsNear(history, 'a:visitor-71')).toEqual(['a:visitor-17'])
  expect(await cartsNear(history, 'visitor-18')).toEqual(['c:basket-4'])
  expect(await cartsNear(history, 'O1')).toEqual(['c:basket-4'])
  expect(await cartsNear(history, 'xyz')).toEqual([])
})
