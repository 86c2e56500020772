// History: its key figures are those of the tables, and a restart of the whole stack changes none of them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { minuteMs } from '#stack/base/units.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { expect, test } from '../fixtures/test.ts'
import { kettle, newShoppers, send, shopNowMs } from './dashboard.ts'

const labels = [
  'Net revenue',
  'Orders',
  'Average order value',
  'Session conversion',
  'Cart abandonment',
  'Sessions',
]

test('a restart keeps what History shows', async ({ page }) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-restart-'))
  const first = await startStack({ dataDir })
  const shoppers = newShoppers(5)
  // The page asks up to the last whole minute.
  const atMs = (await shopNowMs(first)) - 10 * minuteMs
  const data = { items: [kettle], currency: 'EUR' }
  await send(first, shoppers, 'add_to_cart', { atMs, data })
  await send(first, shoppers, 'purchase', { atMs: atMs + minuteMs, data })
  await first.settle()
  const before = await keyFigures(first, page)
  expect(before['Orders']).toBe('5')
  expect(before['Net revenue']).toContain('125')
  await page.goto('about:blank')
  expect(await first.stop()).toBe(0)
  {
    await using second = await startStack({ dataDir, portOffset: first.portOffset })
    expect(await keyFigures(second, page)).toEqual(before)
    await page.goto('about:blank')
  }
  rmSync(dataDir, { recursive: true, force: true })
})

test('the six key figures can be chosen, and their chart follows', async ({ page, stack }) => {
  await keyFigures(stack, page)
  const list = page.getByRole('list', { name: 'Key figures of the range' })
  for (const label of labels) {
    const choice = list.getByRole('button', { name: new RegExp(`^${label}`) })
    await choice.click()
    await expect(choice).toHaveAttribute('aria-pressed', 'true')
    await expect(page.getByRole('region', { name: new RegExp(`^${label} by `) })).toBeVisible()
  }
})

test('charts follow the range: they look as on a page that was opened with it', async ({
  page,
  stack,
  context,
}) => {
  const atMs = (await shopNowMs(stack)) - 20 * minuteMs
  const data = { items: [kettle], currency: 'EUR' }
  await send(stack, newShoppers(3), 'purchase', { atMs, data })
  await stack.settle()
  const history = `${stack.addresses['dashboard']}/history?cur=EUR&cmp=none`
  await page.goto(`${history}&r=7d`)
  await pictureOf(page, 'Net revenue by day')
  await page.getByText('24h', { exact: true }).click()
  const opened = await context.newPage()
  await opened.goto(`${history}&r=24h`)
  for (const title of ['Net revenue by hour', 'Gross, refunds, net'])
    await expect
      .poll(async () => (await pictureOf(page, title)) === (await pictureOf(opened, title)))
      .toBe(true)
  await opened.close()
})

interface Drawn {
  toDataURL(): string
}

/** What is drawn in a tile. */
async function pictureOf(page: Page, title: string): Promise<string> {
  const tile = page.getByRole('region', { name: title, exact: true })
  const canvas = tile.locator('canvas')
  await canvas.scrollIntoViewIfNeeded()
  await expect(tile.locator('.is-stale')).toHaveCount(0)
  return canvas.evaluate((element) => (element as unknown as Drawn).toDataURL())
}

/** What each key figure says, when all have been answered. */
async function keyFigures(stack: Stack, page: Page): Promise<Record<string, string>> {
  await page.goto(`${stack.addresses['dashboard']}/history?r=24h&cur=EUR`)
  const list = page.getByRole('list', { name: 'Key figures of the range' })
  const values = list.locator('.kpi-value')
  await expect(values).toHaveCount(labels.length)
  // Only an answer has an age; until then a figure says what one without a value says, too.
  await expect(list.locator('.kpi-age', { hasText: /settled|provisional/ })).toHaveCount(
    labels.length,
  )
  await expect(values.nth(1)).toHaveText(/^\d/)
  await expect(values.nth(5)).toHaveText(/^\d/)
  const said = await values.allInnerTexts()
  return Object.fromEntries(labels.map((label, i) => [label, said[i] ?? '']))
}
