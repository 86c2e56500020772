// What the browser tests ask of the dashboard: a figure by its label, events of shoppers that nobody else has.

import { randomUUID } from 'node:crypto'
import type { Locator, Page } from '@playwright/test'
import type { Stack } from '../fixtures/stack.ts'

export const kettle = { productId: 'P-1', quantity: 2, unitPriceMinor: 1250 }

/** The shop's own now: tests before may have moved it. */
export async function shopNowMs(stack: Stack): Promise<number> {
  const { now } = await stack.post<{ now: string }>('dashboard', '/__test/clock', { advanceMs: 0 })
  return Date.parse(now)
}

export function newShoppers(count: number): string[] {
  return Array.from({ length: count }, () => `shopper-${randomUUID()}`)
}

/** One event of each shopper, now or at a time. */
export async function send(
  stack: Stack,
  shoppers: readonly string[],
  name: string,
  options: { atMs?: number; data?: Record<string, unknown> } = {},
): Promise<void> {
  const atMs = options.atMs ?? (await shopNowMs(stack))
  const body = shoppers.map((anonymousId) => ({
    eventId: `${name}-${anonymousId}-${atMs}`,
    name,
    eventTime: new Date(atMs).toISOString(),
    anonymousId,
    source: 'web',
    data: { ...(name === 'purchase' ? { orderId: `O-${anonymousId}` } : {}), ...options.data },
  }))
  await stack.post('shop', '/v1/events', body)
}

/** The tile of a key figure. */
export function tile(page: Page, label: string): Locator {
  return page
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name: label, exact: true }) })
}

/** The number in large print. */
export async function figure(page: Page, label: string): Promise<number> {
  return numberIn(await tile(page, label).locator('.kpi-value').innerText())
}

/** Of the carts that closed in the last hour. */
export async function closedCarts(page: Page, outcome: string): Promise<number> {
  const row = page
    .getByRole('region', { name: 'Cart flow' })
    .locator('.flow-outcome')
    .filter({ has: page.getByRole('term').filter({ hasText: outcome }) })
  return numberIn(await row.getByRole('definition').first().locator('b').innerText())
}

function numberIn(text: string): number {
  return Number(text.replaceAll(/[^\d.-]/g, '') || NaN)
}

/** The live view is connected and has drawn its first frame. */
export async function openLive(stack: Stack, page: Page): Promise<void> {
  await page.goto(`${stack.addresses['dashboard']}/live`)
  await page.getByText(/^as of /).waitFor()
}
