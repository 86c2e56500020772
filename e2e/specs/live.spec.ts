// Live: figures move as events come, carts are left and recovered as the shop's time goes by, and a broker that goes
// away and comes back is said and survived.

import { minuteMs } from '#stack/base/units.ts'
import { expect, test } from '../fixtures/test.ts'
import { closedCarts, figure, kettle, newShoppers, openLive, send } from './dashboard.ts'

const cart = { data: { items: [kettle], currency: 'EUR' } }

test('figures move when events come', async ({ page, stack }) => {
  await openLive(stack, page)
  const openBefore = await figure(page, 'Open carts')
  const shoppers = newShoppers(7)
  await send(stack, shoppers, 'add_to_cart', cart)
  await expect.poll(() => figure(page, 'Open carts')).toBe(openBefore + 7)
  await expect.poll(() => figure(page, 'Active sessions')).toBeGreaterThanOrEqual(7)

  const revenueBefore = await figure(page, 'Net revenue')
  await send(stack, shoppers.slice(0, 4), 'purchase', cart)
  await expect.poll(() => figure(page, 'Open carts')).toBe(openBefore + 3)
  await expect.poll(() => figure(page, 'Net revenue')).toBe(revenueBefore + 100)
  const feed = page.getByRole('region', { name: 'Events as they arrive' })
  await feed.getByRole('button', { name: 'Purchases' }).click()
  await expect(feed.getByText('purchase').first()).toBeVisible()
})

test('a cart is abandoned when the clock is moved, and recovered by a late purchase', async ({
  page,
  stack,
}) => {
  await openLive(stack, page)
  const shoppers = newShoppers(3)
  const openBefore = await figure(page, 'Open carts')
  await send(stack, shoppers, 'add_to_cart', cart)
  await expect.poll(() => figure(page, 'Open carts')).toBe(openBefore + 3)

  await stack.moveClock({ advanceMs: 62 * minuteMs })
  await expect
    .poll(() => closedCarts(page, 'Abandoned'), { timeout: 40_000 })
    .toBeGreaterThanOrEqual(3)
  await expect.poll(() => figure(page, 'Open carts')).toBe(0)

  const recoveredBefore = await closedCarts(page, 'Recovered')
  await send(stack, shoppers, 'purchase', cart)
  await expect.poll(() => closedCarts(page, 'Recovered')).toBe(recoveredBefore + 3)
})

test('a chart is read by keys and shown as a table', async ({ page, stack }) => {
  await openLive(stack, page)
  await send(stack, newShoppers(2), 'page_view')
  const purchases = page.getByRole('region', { name: 'Purchases per second' })
  const plot = purchases.getByRole('img')
  await plot.focus()
  await plot.press('ArrowLeft')
  const spoken = page.getByRole('status').filter({ hasText: /^\d\d:\d\d:\d\d/ })
  await expect(spoken).toBeVisible()
  const first = await spoken.innerText()
  await plot.press('Shift+ArrowLeft')
  await expect(spoken).not.toHaveText(first)
  await plot.press('t')
  const table = purchases.getByRole('table')
  await expect(table.getByRole('columnheader', { name: 'Time' })).toBeVisible()
  expect(await table.getByRole('row').count()).toBeGreaterThan(10)
  await purchases.getByRole('button', { name: 'Purchases per second: as chart' }).click()
  await expect(table).toBeHidden()
})

test('a broker that hangs, is killed and comes back is said, and nothing is lost by it', async ({
  page,
  stack,
}) => {
  await openLive(stack, page)
  const broker = stack.pidOf('broker')
  process.kill(broker, 'SIGSTOP')
  await expect(page.getByText('The broker does not answer')).toBeVisible()
  process.kill(broker, 'SIGKILL')
  await expect(page.getByText('The broker does not answer')).toBeHidden({ timeout: 40_000 })

  const openBefore = await figure(page, 'Open carts')
  await expect(() => send(stack, newShoppers(2), 'add_to_cart', cart)).toPass()
  await expect
    .poll(() => figure(page, 'Open carts'), { timeout: 40_000 })
    .toBeGreaterThanOrEqual(openBefore + 2)
})
