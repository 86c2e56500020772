// The storefront, clicked through: a reload forgets nothing, and what was bought is an order in history.

import { expect, test } from '../fixtures/test.ts'

interface OrderRow {
  order_id: string
  cart_key: string | null
  merchandise_minor: number
  units: number
}

/** A browser that says it has no head is taken for a bot, and a bot has no cart. */
test.use({
  userAgent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36',
})

test('what is put into the cart stays there over a reload and is bought', async ({
  page,
  stack,
}) => {
  await page.goto(stack.addresses['shop'] as string)
  await page.getByRole('main').getByRole('listitem').getByRole('link').first().click()
  await page.getByLabel('Quantity').fill('3')
  await page.getByRole('button', { name: 'Put into cart' }).click()
  const cartLink = page
    .getByRole('navigation', { name: 'Your shop' })
    .getByRole('link', { name: /Cart/ })
  await expect(cartLink).toContainText('3')
  await page.reload()
  await expect(cartLink).toContainText('3')

  await cartLink.click()
  await expect(page.getByLabel(/^Quantity of/)).toHaveValue('3')
  await page.getByRole('link', { name: 'Go to checkout' }).click()
  await page.getByLabel('Name', { exact: true }).fill('A Shopper')
  await page.getByLabel('Street and number').fill('Quay 1')
  await page.getByLabel('Postcode and town').fill('1000 Harbour')
  await page.getByLabel('Country').fill('Netherlands')
  await page.getByRole('button', { name: 'Go to payment' }).click()
  await page.getByRole('button', { name: 'Place the order' }).click()
  await expect(page.getByRole('heading', { name: 'Thank you' })).toBeVisible()
  await expect(cartLink).toContainText('0')

  const orderId = await page.getByTestId('order-id').innerText()
  await stack.settle(60_000)
  const orders = await stack.rows<OrderRow>('orders')
  const bought = orders.find((row) => row.order_id === orderId)
  expect(bought).toMatchObject({ units: 3 })
  const carts = await stack.rows<{ cart_key: string; state: string; order_id: string }>('carts')
  expect(carts.filter((cart) => cart.order_id === orderId)).toMatchObject([
    { cart_key: bought?.cart_key, state: 'converted' },
  ])
})
