// Unit and integration tests of every room. What takes longer ends in `.long.test.ts` and runs by `npm run test:long`.
import { defineConfig } from 'vitest/config'
import type { TestSpecification } from 'vitest/node'
import { BaseSequencer } from 'vitest/node'
import './fixtures/own-broker.ts'

/** The longest files first, so that no worker ends alone with one: whole stacks, a browser, many random worlds. */
const longFiles = /\/e2e\/drills\/|\.property\.test|\/kill\.test|\/page\.test|\/scenarios\.test/

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => longFiles.test(moduleId)
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['{stack,bridge,processor,ui,e2e}/**/*.test.ts'],
    exclude: ['**/*.long.test.ts', '**/node_modules/**'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // Two cores; a third works while others wait for a stack, a browser or a silence. A fourth gained nothing.
    maxWorkers: 3,
    // No test replaces a module: files of one worker share what they import.
    isolate: false,
    sequence: { sequencer: LongFirst },
  },
})
