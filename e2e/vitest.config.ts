// Unit and integration tests of every room. What takes longer ends in `.long.test.ts` and runs by `npm run test:long`.
import { defineConfig } from 'vitest/config'
import './fixtures/own-broker.ts'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['{stack,bridge,processor,ui,e2e}/**/*.test.ts'],
    exclude: ['**/*.long.test.ts', '**/node_modules/**'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
