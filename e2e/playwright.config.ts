// Browser tests: each file starts a stack of its own, so nothing is shared and nothing waits by the clock.

import { defineConfig } from '@playwright/test'
import { browserLaunch } from '#stack/base/test-browser.ts'
import './fixtures/own-broker.ts'

const launch = await browserLaunch()

export default defineConfig({
  testDir: './specs',
  testIgnore: '**/*.long.spec.ts',
  outputDir: './.results',
  timeout: 90_000,
  expect: { timeout: 15_000 },
  workers: 2,
  retries: 0,
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    launchOptions: { executablePath: launch.executablePath, args: launch.args },
    viewport: { width: 1440, height: 900 },
    // Without pictures of each moment, which the run is slower by; the last one says enough.
    trace: { mode: 'retain-on-failure', screenshots: false, snapshots: false },
    screenshot: 'only-on-failure',
  },
})
