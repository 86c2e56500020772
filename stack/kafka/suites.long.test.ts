// Suites that none of us wrote, on a broker of ours in a process of its own, compared with what the same tests do on
// Apache Kafka. Each is a program that takes BROKERS and prints a line for each test: `pass`, `fail` or `skip`, its name,
// what went wrong. Writes the table in the README. Needs SLIPWAY_SUITES, the folder with the suites.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isoTime } from '../base/units.ts'
import { PartProcess } from '../base/part-process.ts'

const folder = process.env['SLIPWAY_SUITES']
/** Each with the program that it cannot do without. */
const programOf = { kcat: 'kcat', java: 'java', 'franz-go': 'go' }
const suites = Object.keys(programOf) as (keyof typeof programOf)[]
/** Why a test may fail here that passes on Kafka. */
const excused: Readonly<Record<string, string>> = {
  transactions_list_and_describe:
    'fails on Kafka too whenever the id that it makes up is the longest of its column',
}
const rows: string[] = []

test.skipIf(folder === undefined).each(suites)(
  '%s passes wherever it passes on Kafka',
  async (suite) => {
    const program = programOf[suite]
    if (spawnSync(program, ['--help'], { stdio: 'ignore' }).error) {
      process.stdout.write(`the suite ${suite} is skipped: ${program} is not installed\n`)
      return
    }
    const dataDir = await mkdtemp(join(tmpdir(), 'slipway-suites-'))
    const broker = new PartProcess(
      new URL('./main.ts', import.meta.url).pathname,
      ['--data', dataDir, '--port', '0'].concat(['--control-port', '0'], ['--log-level', 'error']),
    )
    try {
      const { kafka: brokers = '' } = await broker.ready
      const here = resultsOf(await run(join(folder ?? '', suite), brokers))
      const kafka = resultsOf(
        await readFile(join(folder ?? '', `${suite}.kafka-4.3.1.txt`), 'utf8'),
      )
      const failed = [...here].filter(([, result]) => result === 'fail').map(([name]) => name)
      const open = failed.filter((name) => kafka.get(name) === 'pass')
      rows.push(rowOf(suite, here, kafka, open))
      expect(open.filter((name) => excused[name] === undefined)).toEqual([])
    } finally {
      await broker.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  },
  1_800_000,
)

afterAll(async () => {
  if (rows.length < suites.length) return
  const readme = new URL('./README.md', import.meta.url)
  const table = [
    `${isoTime(Date.now()).slice(0, 10)}:`,
    '',
    '| suite | passes here | fails | skips itself | passes on Kafka | fails here only |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
  const text = await readFile(readme, 'utf8')
  const between = /<!-- suites -->[\s\S]*<!-- \/suites -->/
  await writeFile(readme, text.replace(between, `<!-- suites -->\n\n${table}\n\n<!-- /suites -->`))
})

async function run(program: string, brokers: string): Promise<string> {
  const child = spawn(program, [], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BROKERS: brokers },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
  await once(child, 'close')
  return output
}

type Result = 'pass' | 'fail' | 'skip'

function resultsOf(output: string): Map<string, Result> {
  const found = output.matchAll(/^(pass|fail|skip) +(\S+)/gm)
  return new Map([...found].map((match) => [match[2] as string, match[1] as Result]))
}

function rowOf(
  suite: string,
  here: Map<string, Result>,
  kafka: Map<string, Result>,
  open: readonly string[],
): string {
  const count = (results: Map<string, Result>, wanted: Result) =>
    [...results.values()].filter((result) => result === wanted).length
  const reasons = open.map((name) => (excused[name] ? `${name}: ${excused[name]}` : name))
  return `| ${suite} | ${count(here, 'pass')} | ${count(here, 'fail')} | ${count(here, 'skip')} | ${count(kafka, 'pass')} | ${reasons.join(', ') || '–'} |`
}
