// What takes too long for ten minutes of `npm test`: kill loops, long property runs, other people's suites.
import { defineConfig } from 'vitest/config'
import './fixtures/own-broker.ts'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['{stack,bridge,processor,ui,e2e}/**/*.long.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
})
