// Whether the tests would notice: each patch here plants one bug into a copy of the tree, and the test that its first line
// names must fail there, by that name, and pass without it. A patch that no longer applies fails, too.

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const shared = resolve(root, process.env['SLIPWAY_SHARED'] ?? '../shared')
const copied = ['stack', 'processor', 'bridge', 'ui', 'e2e', 'package.json', 'tsconfig.json']

interface Planted {
  patch: string
  file: string
  name: string
}

const bugs = await plantedBugs()
let tree: string

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'slipway-planted-'))
  for (const each of copied) await cp(join(root, each), join(tree, each), { recursive: true })
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
})

afterAll(() => rm(tree, { recursive: true, force: true }))

describe('a planted bug is caught by name', () => {
  test('by tests that pass without it', async () => {
    for (const [file, those] of Map.groupBy(bugs, (bug) => bug.file)) {
      const names = [...new Set(those.map(({ name }) => name))]
      const states = await statesOf(file, names)
      for (const name of names)
        expect({ file, name, states: states(name) }).toMatchObject({ states: ['passed'] })
    }
  })

  // `$patch` would be cut short.
  test.each(bugs.map((bug) => [bug.patch, bug] as const))('%s', async (patch, { file, name }) => {
    const path = join(import.meta.dirname, patch)
    await run('git', ['apply', path], { cwd: tree })
    try {
      const states = await statesOf(file, [name])
      expect(states(name)).toEqual(['failed'])
    } finally {
      await run('git', ['apply', '--reverse', path], { cwd: tree })
    }
  })

  test('and stands in the list of the README', async () => {
    const readme = await readFile(join(root, 'e2e/README.md'), 'utf8')
    expect(readme).toContain(bugs.map(lineOf).join('\n'))
  })
})

async function plantedBugs(): Promise<Planted[]> {
  const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.patch'))
  const patches = files.sort().map(async (patch) => {
    const text = await readFile(join(import.meta.dirname, patch), 'utf8')
    const [, file = '', name = ''] = /^(\S+): (.*)/.exec(text) ?? []
    return { patch, file, name }
  })
  return Promise.all(patches)
}

function lineOf({ patch, file, name }: Planted): string {
  return `| \`${patch.replace('.patch', '')}\` | \`${file}\` | ${name} |`
}

interface Report {
  testResults: { assertionResults: { title: string; status: string }[] }[]
}

/** How tests of a file end in the copy, by their names. A test that did not run at all has no state. */
async function statesOf(
  file: string,
  names: readonly string[],
): Promise<(name: string) => string[]> {
  const report = join(tree, 'report.json')
  const pattern = names
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('|')
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', file, '-t', `(${pattern})$`]
  const config = ['--config', 'e2e/vitest.config.ts', '--reporter=json', `--outputFile=${report}`]
  const env = { ...process.env, SLIPWAY_SHARED: shared }
  // It exits with an error where a test fails; the report says which.
  await run(process.execPath, [...vitest, ...config], { cwd: tree, env }).catch(() => undefined)
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as Report
  await rm(report)
  const results = testResults.flatMap(({ assertionResults }) => assertionResults)
  return (name) => [
    ...new Set(results.filter(({ title }) => title === name).map(({ status }) => status)),
  ]
}
