// A person clicks while the past is still being loaded: no verdict of the past changes by it, and the person's cart is
// judged by its own time, as if there were no past.

import { describe, expect, test } from 'vitest'
import { hourMs, minuteMs } from '#stack/base/units.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { closeAll, hasSharedData, importFiles, outcomeOf, sharedFile } from './shared-data.ts'

const past = [sharedFile('otto/sessions.jsonl')]
const clicker = 'clicker'
/** Four weeks in about ten seconds, so that there is a meanwhile. */
const speed = ['--speed', '240000']

interface CartRow {
  anonymous_id: string
  state: string
  abandoned_at: string | null
}

describe.skipIf(!hasSharedData)('a click during the load of the past', () => {
  test('changes no verdict of the past nor of that cart', { timeout: 180_000 }, async () => {
    const expected = await undisturbed()
    await using stack = await startStack()
    let isLoading = true
    const load = importFiles(stack, past, speed).finally(() => (isLoading = false))
    await expect.poll(() => received(stack), { timeout: 60_000 }).toBeGreaterThan(50)
    const clickedMs = Date.now()
    await click(stack, clickedMs)
    await expect.poll(() => statesOf(stack), { timeout: 60_000 }).toEqual([['open', null]])
    expect(isLoading).toBe(true)
    await load

    await stack.settle(60_000)
    expect(await statesOf(stack)).toEqual([['open', null]])
    await stack.moveClock({ advanceMs: hourMs + 2 * minuteMs })
    await stack.settle(60_000)
    expect(await statesOf(stack)).toEqual([['abandoned', clickedMs + hourMs]])
    await closeAll(stack, 60_000)
    const outcome = await outcomeOf(stack, clicker)
    expect(outcome).toEqual(expected)
    expect(outcome['carts']?.length).toBeGreaterThan(10)
  })
})

async function undisturbed(): ReturnType<typeof outcomeOf> {
  await using stack = await startStack()
  await importFiles(stack, past)
  await closeAll(stack, 60_000)
  return await outcomeOf(stack)
}

async function received(stack: Stack): Promise<number> {
  const { totals } = await stack.get<{ totals: { received: number } }>('history', '/v1/positions')
  return totals.received
}

async function click(stack: Stack, atMs: number): Promise<void> {
  await stack.post('shop', '/v1/events', {
    eventId: 'click',
    name: 'add_to_cart',
    eventTime: new Date(atMs).toISOString(),
    anonymousId: clicker,
    source: 'web',
    data: { currency: 'EUR', items: [{ productId: 'P-1', quantity: 1, unitPriceMinor: 500 }] },
  })
}

/** From the table itself: what SQL is asked of may be some seconds old. */
async function statesOf(stack: Stack): Promise<[state: string, abandonedMs: number | null][]> {
  const carts = await stack.rows<CartRow>('carts')
  return carts
    .filter((cart) => cart.anonymous_id === clicker)
    .map(({ state, abandoned_at }) => [
      state,
      abandoned_at === null ? null : Date.parse(abandoned_at),
    ])
}
