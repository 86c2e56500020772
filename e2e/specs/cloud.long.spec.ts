// The cloud side on its stand-ins: the Bridge page says how the mirror stands, Live shows what comes out of Pub/Sub, and
// both say in plain words when a part of it is away.

import type { Page } from '@playwright/test'
import type { Stack } from '../fixtures/stack.ts'
import { expect, test } from '../fixtures/test.ts'
import { overflowPx, violationsOf } from './accessibility.ts'
import { figure, kettle, newShoppers, send, tile } from './dashboard.ts'

test.use({ stackArgs: ['--no-demo', '--cloud', 'emulator'] })

const cart = { data: { items: [kettle], currency: 'EUR' } }
const patience = { timeout: 60_000 }

async function openBridge(stack: Stack, page: Page): Promise<void> {
  await page.goto(`${stack.addresses['dashboard']}/bridge`)
  await expect(page.getByRole('heading', { level: 1, name: 'Bridge' })).toBeVisible()
}

/** The cell of a stream's row, by the head of its column. */
async function backlog(page: Page, stream: string): Promise<string> {
  const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: stream }) })
  return row.getByRole('cell').nth(2).innerText()
}

/** On the page as it stands; the tiles of Live are looked at in all ways elsewhere. */
async function expectAccessible(
  page: Page,
  { width, colorScheme }: { width: number; colorScheme: 'light' | 'dark' },
): Promise<void> {
  await page.setViewportSize({ width, height: 900 })
  await page.emulateMedia({ reducedMotion: 'reduce', colorScheme })
  expect(await violationsOf(page), `${width} px, ${colorScheme}`).toEqual([])
  expect(await overflowPx(page)).toBeLessThanOrEqual(0)
}

test('the Bridge page follows what is sent, and says when both sides hold the same', async ({
  page,
  stack,
}) => {
  await openBridge(stack, page)
  await expect(page.getByText(/^Mirroring to the stand-ins\. .* 0 refused\.$/)).toBeVisible(
    patience,
  )
  await expect(page.getByText(/^Equal: [\d,]+ rows on both sides/)).toBeVisible(patience)
  const topics = page.getByRole('region', { name: 'Topics to Pub/Sub', exact: true })
  const sent = async () =>
    Number(/^([\d,]+)/.exec(await topics.locator('footer').innerText())?.[1]?.replaceAll(',', ''))
  const before = await sent()
  await send(stack, newShoppers(20), 'add_to_cart', cart)
  await expect.poll(sent).toBeGreaterThanOrEqual(before + 40)
  await expect.poll(() => backlog(page, 'carts_log')).toBe('0')
  await expect(page.getByText('Nothing: every record and row got through.')).toBeVisible()
  await expectAccessible(page, { width: 1440, colorScheme: 'light' })
  await expectAccessible(page, { width: 390, colorScheme: 'dark' })
})

test('a bridge that hangs looks stuck, and comes back', async ({ page, stack }) => {
  await openBridge(stack, page)
  const bridge = stack.pidOf('bridge')
  process.kill(bridge, 'SIGSTOP')
  await expect(page.getByText(/^The bridge does not answer/)).toBeVisible(patience)
  await expect(page.getByText('logs/bridge.log')).toBeVisible()
  process.kill(bridge, 'SIGCONT')
  await expect(page.getByText(/^Mirroring to the stand-ins/)).toBeVisible(patience)
})

async function openLiveOf(stack: Stack, page: Page, source: 'cloud' | 'diff'): Promise<void> {
  await page.goto(`${stack.addresses['dashboard']}/live?src=${source}`)
  await page.getByText(/^as of /).waitFor(patience)
  // The cloud's fold begins empty and reads back.
  const { kpi } = await stack.get<LiveWord>('dashboard', '/api/live/snapshot')
  const { open, checkout } = kpi.carts
  await expect.poll(() => figure(page, 'Open carts'), patience).toBe(open + checkout)
}

/** Of a frame what is waited for. */
interface LiveWord {
  kpi: { carts: { open: number; checkout: number } }
}

test('figures of cloud Live move when events come out of Pub/Sub, and are those of this machine', async ({
  page,
  stack,
}) => {
  await openLiveOf(stack, page, 'cloud')
  await expect(page.getByText('EMULATOR')).toBeVisible()
  const openBefore = await figure(page, 'Open carts')
  const shoppers = newShoppers(7)
  await send(stack, shoppers, 'add_to_cart', cart)
  await expect.poll(() => figure(page, 'Open carts'), patience).toBe(openBefore + 7)
  await send(stack, shoppers.slice(0, 4), 'purchase', cart)
  await expect.poll(() => figure(page, 'Open carts'), patience).toBe(openBefore + 3)
  const revenue = await figure(page, 'Net revenue')

  await page.keyboard.press('Shift+L')
  await expect(page).toHaveURL(/src=diff/)
  await expect.poll(() => figure(page, 'Net revenue')).toBe(revenue)
  await expect(tile(page, 'Open carts').getByText(/^cloud [\d,]+ · equal$/)).toBeVisible(patience)
  await expect(tile(page, 'Net revenue').getByText(/^cloud .* · equal$/)).toBeVisible(patience)
  await expectAccessible(page, { width: 390, colorScheme: 'light' })
})

test('Pub/Sub that hangs, is killed and comes back is said, and nothing is lost by it', async ({
  page,
  stack,
}) => {
  await openLiveOf(stack, page, 'cloud')
  const openBefore = await figure(page, 'Open carts')
  const pubsub = stack.pidOf('pubsub')
  process.kill(pubsub, 'SIGSTOP')
  await expect(page.getByText('Pub/Sub does not answer')).toBeVisible(patience)
  // The clock of a part that hangs cannot be asked.
  await send(stack, newShoppers(3), 'add_to_cart', { ...cart, atMs: Date.now() })
  expect(await figure(page, 'Open carts')).toBe(openBefore)
  process.kill(pubsub, 'SIGKILL')
  await expect(page.getByText('Pub/Sub does not answer')).toBeHidden(patience)
  await expect.poll(() => figure(page, 'Open carts'), patience).toBe(openBefore + 3)
})
