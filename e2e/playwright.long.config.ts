// Browser tests that end in `.long.spec.ts`: those on a stack with the cloud side, which take two minutes.

import { defineConfig } from '@playwright/test'
import common from './playwright.config.ts'

export default defineConfig(common, { testIgnore: [], testMatch: '**/*.long.spec.ts' })
