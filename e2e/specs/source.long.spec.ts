// The switch between local, cloud and both, on a stack with stand-ins: the same figures from either side, a planted
// difference that is named, and a cloud that goes away and comes back.

import type { Locator, Page } from '@playwright/test'
import { test as base, expect } from '@playwright/test'
import type { Stack } from '../fixtures/stack.ts'
import { startStack } from '../fixtures/stack.ts'
import { overflowPx, violationsOf } from './accessibility.ts'

const test = base.extend<object, { stack: Stack }>({
  stack: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      await using stack = await startStack({ args: ['--no-demo', '--cloud', 'emulator'] })
      await stack.post('dashboard', '/__test/seed', { scenario: 'calm', seed: 1, records: 2000 })
      await stack.settle(60_000)
      await untilMirrored(stack)
      await use(stack)
    },
    { scope: 'worker', timeout: 180_000 },
  ],
})

async function untilMirrored(stack: Stack): Promise<void> {
  const behind = async () => {
    type Standing = { behind?: { rows: number } | null }
    const standing = await stack.get<Standing>('dashboard', '/api/cloud/standing')
    return standing.behind?.rows
  }
  await expect.poll(behind, { timeout: 90_000 }).toBe(0)
}

const strip = (page: Page): Locator =>
  page.getByRole('complementary', { name: 'Where the figures come from' })
const figures = (page: Page): Locator =>
  page.getByRole('list', { name: 'Key figures of the range' })
const source = (page: Page, name: string): Locator =>
  page.getByRole('group', { name: 'Source' }).getByRole('button', { name })
const history = (stack: Stack, search: string): string =>
  `${stack.addresses['dashboard']}/history?r=30d&cur=EUR&cmp=none${search}`

async function keyFigures(page: Page): Promise<string[]> {
  const values = figures(page).locator('.kpi-value')
  await expect(values.nth(1)).toHaveText(/^\d/)
  await expect(values.nth(5)).toHaveText(/^\d/)
  return values.allInnerTexts()
}

test('the switch is on every page, and the link keeps it', async ({ page, stack }) => {
  await page.goto(`${stack.addresses['dashboard']}/live`)
  await expect(strip(page)).toContainText('LOCAL')
  await source(page, 'Cloud').click()
  for (const name of ['Live', 'History', 'Bridge']) {
    await page.getByRole('link', { name, exact: true }).click()
    await expect(page).toHaveURL(/src=cloud/)
    await expect(page).toHaveTitle(`EMULATOR slipway-local · ${name} · Slipway`)
    await expect(strip(page)).toContainText('project slipway-local, dataset slipway')
    await expect(source(page, 'Cloud')).toHaveAttribute('aria-pressed', 'true')
  }
})

test('History says the same from either side', async ({ page, stack }) => {
  await page.goto(history(stack, ''))
  const local = await keyFigures(page)
  await source(page, 'Cloud').click()
  await expect(page.getByText(/^BigQuery: .+ billed/)).toBeVisible()
  expect(await keyFigures(page)).toEqual(local)
  await source(page, 'Diff').click()
  await expect(figures(page).locator('.badge.is-equal')).toHaveCount(local.length)
})

test('a difference is named: by the figure, and by the bucket', async ({ page, stack }) => {
  const newest = `_seq = (SELECT MAX(_seq) FROM slipway.orders_log WHERE currency = 'EUR' AND NOT (_deleted OR is_bot OR is_test))`
  const change = (by: string) =>
    query(
      stack,
      `UPDATE slipway.orders_log SET merchandise_minor = merchandise_minor ${by} WHERE ${newest}`,
    )
  await change('+ 5000')
  await page.goto(history(stack, '&src=diff'))
  const revenue = figures(page).getByRole('button', { name: /^Net revenue/ })
  await expect(revenue).toContainText(/differs in 1 of \d+ buckets/, { timeout: 30_000 })
  await expect(revenue).toContainText('+€50')
  await expect(figures(page).getByRole('button', { name: /^Orders/ })).toContainText('equal as of')
  const chart = page.getByRole('region', { name: 'Net revenue by day' })
  await expect(
    chart.getByRole('img', { name: /cloud − local. Over the whole range \+€50/ }),
  ).toBeVisible()
  await change('- 5000')
})

test('a cloud that does not answer is a state with steps, and ends by itself', async ({
  page,
  stack,
}) => {
  const faults = (list: object[]) =>
    fetch(`http://${stack.addresses['bigqueryControl']}/control/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ faults: list }),
    })
  await page.goto(history(stack, '&src=cloud'))
  await keyFigures(page)
  await faults([{ method: '/queries', code: 503, times: 100_000 }])
  const panel = page.getByRole('region', { name: 'BigQuery does not answer' })
  await expect(panel).toBeVisible()
  await expect(panel).toContainText('npm start -- --cloud emulator')
  await expect(source(page, 'Cloud')).toBeEnabled()
  await source(page, 'Local').click()
  await keyFigures(page)
  await expect(panel).toBeHidden()
  await source(page, 'Diff').click()
  await expect(panel).toBeVisible()
  await keyFigures(page)
  await source(page, 'Cloud').click()
  await faults([])
  await expect(panel).toBeHidden()
  await keyFigures(page)
})

for (const [src, width, colorScheme] of [
  // Both widths and both schemes; what tiles have in common with local ones is looked at in pages.spec.ts.
  ['cloud', 390, 'light'],
  ['diff', 1440, 'dark'],
] as const) {
  test(`axe finds nothing on History of ${src} at ${width} px, ${colorScheme}`, async ({
    page,
    stack,
  }) => {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ reducedMotion: 'reduce', colorScheme })
    await page.goto(history(stack, `&src=${src}`))
    await keyFigures(page)
    await expect(page.getByRole('img', { name: 'Loading' })).toHaveCount(0)
    if (src === 'diff') await expect(page.getByText('not compared yet')).toHaveCount(0)
    expect(await violationsOf(page)).toEqual([])
    expect(await overflowPx(page)).toBeLessThanOrEqual(0)
  })
}

async function query(stack: Stack, sql: string): Promise<void> {
  const path = '/bigquery/v2/projects/slipway-local/queries'
  const response = await fetch(`http://${stack.addresses['bigquery']}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ useLegacySql: false, query: sql }),
  })
  if (!response.ok) throw new Error(await response.text())
}
