// A cart's life over real protocols: left, judged when the clock is moved, recovered by a late purchase; and the same
// in silence, with nothing arriving after the add.

import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'

interface CartRow {
  cart_key: string
  episode: number
  state: string
  value_minor: number | null
  abandoned_at: string | null
  recovered_at: string | null
  order_id: string | null
}

interface ClockAnswer {
  now: string
}

const item = { productId: 'P-1', quantity: 2, unitPriceMinor: 1250 }

describe('a cart over the running stack', () => {
  test(
    'is abandoned when the clock is moved past its deadline, and recovered by a purchase after it',
    { timeout: 90_000 },
    async () => {
      await using stack = await startStack()
      const startMs = await nowMs(stack)
      await send(stack, 'add_to_cart', startMs, { items: [item], currency: 'EUR' })
      await stack.settle()
      expect(await carts(stack)).toMatchObject([
        { cart_key: 'a:shopper', state: 'open', value_minor: 2500 },
      ])

      await stack.moveClock({ advanceMs: 2 * 3_600_000 })
      await stack.settle()
      const deadline = new Date(startMs + 3_600_000).toISOString()
      expect(await carts(stack)).toMatchObject([{ state: 'abandoned', abandoned_at: deadline }])

      const boughtMs = startMs + 2 * 3_600_000
      await send(stack, 'purchase', boughtMs, { orderId: 'O-1', items: [item], currency: 'EUR' })
      await stack.settle()
      expect(await carts(stack)).toMatchObject([
        {
          state: 'recovered',
          abandoned_at: deadline,
          order_id: 'O-1',
          recovered_at: new Date(boughtMs).toISOString(),
        },
      ])
      expect(await stack.rows('orders')).toMatchObject([
        { order_id: 'O-1', merchandise_minor: 2500 },
      ])
    },
  )

  test(
    'is converted, not abandoned, by a purchase that happened in time and arrived late',
    { timeout: 90_000 },
    async () => {
      await using stack = await startStack()
      const startMs = await nowMs(stack)
      await send(stack, 'add_to_cart', startMs, { items: [item], currency: 'EUR' })
      await stack.moveClock({ advanceMs: 2 * 3_600_000 })
      await stack.settle()
      expect(await carts(stack)).toMatchObject([{ state: 'abandoned' }])
      await send(stack, 'purchase', startMs + 1_800_000, {
        orderId: 'O-2',
        items: [item],
        currency: 'EUR',
      })
      await stack.settle()
      expect(await carts(stack)).toMatchObject([
        { state: 'converted', abandoned_at: null, order_id: 'O-2' },
      ])
    },
  )
})

async function nowMs(stack: Stack): Promise<number> {
  const { now } = await stack.post<ClockAnswer>('dashboard', '/__test/clock', { advanceMs: 0 })
  return Date.parse(now)
}

async function send(stack: Stack, name: string, atMs: number, data: object): Promise<void> {
  await stack.post('shop', '/v1/events', {
    name,
    eventId: `${name}-${atMs}`,
    eventTime: new Date(atMs).toISOString(),
    anonymousId: 'shopper',
    source: 'web',
    data,
  })
}

function carts(stack: Stack): Promise<CartRow[]> {
  return stack.rows<CartRow>('carts')
}
