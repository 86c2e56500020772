// Google mode on the page: which project it is of, and what Google refuses as a state with steps, on Live and on History.

import type { Page } from '@playwright/test'
import { test as base, expect } from '@playwright/test'
import { execFile } from 'node:child_process'
import type { PretendedGoogle } from '../fixtures/google.ts'
import { pretendGoogle } from '../fixtures/google.ts'
import type { Stack } from '../fixtures/stack.ts'
import { startStack } from '../fixtures/stack.ts'

interface WorkerFixtures {
  google: PretendedGoogle
  stack: Stack
}

const place = { projectId: 'shop-production', region: 'europe-west3' }

const test = base.extend<object, WorkerFixtures>({
  google: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      await using google = await pretendGoogle(place)
      const words = ['bridge', 'apply', '--cloud', 'google', '--location', place.region]
      const env = { ...process.env, ...google.env }
      // Google is answered by this process, which must not wait for it.
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      execFile(process.execPath, ['stack/slipway.ts', ...words], { env }, (error) =>
        error ? reject(error) : resolve(),
      )
      await promise
      await use(google)
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  stack: [
    async ({ google }, use) => {
      const args = ['--no-demo', '--cloud', 'google']
      await using stack = await startStack({ args, env: google.env })
      await stack.post('dashboard', '/__test/seed', { scenario: 'calm', seed: 1, records: 200 })
      await stack.settle(60_000)
      const isThere = async () => {
        const { isReady } = await stack.get<{ isReady: boolean }>(
          'dashboard',
          '/api/cloud/standing',
        )
        return isReady
      }
      await expect.poll(isThere, { timeout: 90_000 }).toBe(true)
      await use(stack)
    },
    { scope: 'worker', timeout: 180_000 },
  ],
})

const patience = { timeout: 60_000 }
const open = (stack: Stack, page: Page, name: string) =>
  page.goto(`${stack.addresses['dashboard']}/${name}?src=cloud`)

test('the strip and the title name the project', async ({ page, stack }) => {
  await open(stack, page, 'history')
  await expect(page).toHaveTitle('CLOUD shop-production · History · Slipway')
  const strip = page.getByRole('complementary', { name: 'Where the figures come from' })
  await expect(strip).toContainText('project shop-production, dataset slipway')
  await expect(strip).toContainText('of Google')
})

for (const [refusal, history, historyStep, live, liveStep] of [
  [
    'login',
    'Google does not accept the login',
    'export GOOGLE_APPLICATION_CREDENTIALS=key.json',
    'Google does not accept the login',
    'export GOOGLE_APPLICATION_CREDENTIALS=key.json',
  ],
  [
    'permission',
    'A permission is missing',
    'roles/bigquery.dataViewer',
    'A permission is missing',
    'roles/pubsub.editor',
  ],
  [
    'api',
    'The API of BigQuery is off',
    'gcloud services enable bigquery.googleapis.com --project shop-production',
    'The API of Pub/Sub is off',
    'gcloud services enable pubsub.googleapis.com --project shop-production',
  ],
] as const) {
  test(`a refusal of the ${refusal} is a panel with steps, and goes by itself`, async ({
    page,
    stack,
    google,
  }) => {
    test.setTimeout(180_000)
    await open(stack, page, 'live')
    const ofLive = page.getByRole('region', { name: live })
    await expect(page.getByText(/^as of /)).toBeVisible(patience)
    google.refuse(refusal)
    await expect(ofLive).toContainText(liveStep, patience)
    await page.getByRole('link', { name: 'History', exact: true }).click()
    const ofHistory = page.getByRole('region', { name: history })
    await expect(ofHistory).toContainText(historyStep, patience)
    google.refuse(undefined)
    await expect(ofHistory).toBeHidden(patience)
    await page.getByRole('link', { name: 'Live', exact: true }).click()
    await expect(ofLive).toBeHidden(patience)
  })
}
