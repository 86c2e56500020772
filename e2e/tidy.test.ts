// The repository checks itself: imports against the table of rooms, file names, opening paragraphs, banned calls with
// what to use instead, leftovers, large files. Each rule has a planted example that must be found.

import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'

interface SourceFile {
  path: string
  text: string
}

/** Who may import whom, beside files of its own room. `type:` allows types only. The most specific room wins. */
const rooms: Record<string, readonly string[]> = {
  'stack/base': [],
  'stack/contract': ['stack/base'],
  // The codec only: DECISIONS.md, 2026-11-24.
  'stack/kafka-client': ['stack/base', 'stack/kafka/protocol'],
  'stack/kafka/protocol': ['stack/base'],
  'stack/google': ['stack/base'],
  'stack/kafka': ['stack/base', 'stack/kafka/protocol'],
  'stack/grpc': ['stack/base'],
  'stack/pubsub': ['stack/base', 'stack/grpc'],
  'stack/duckdb': ['stack/base'],
  'stack/bigquery': ['stack/base', 'stack/duckdb', 'stack/grpc'],
  'stack/shop': ['stack/base', 'stack/contract', 'stack/kafka-client'],
  stack: ['stack/base'],
  processor: ['stack/base', 'stack/contract', 'stack/kafka-client', 'stack/duckdb'],
  bridge: [
    'stack/base',
    'stack/contract',
    'stack/kafka-client',
    'stack/google',
    'type:processor/history/read-api',
  ],
  'ui/web': ['stack/contract', 'type:ui/api', 'type:stack/base'],
  ui: [
    'stack/base',
    'stack/contract',
    'stack/kafka-client',
    'stack/google',
    'type:processor/history/read-api',
  ],
  e2e: ['stack/base', 'stack/contract'],
}

/** Packages that belong to one room; everything from `node:` is free, test tools belong to tests. */
const packages: Record<string, readonly string[]> = {
  kafkajs: ['stack/kafka-client'],
  '@duckdb/node-api': ['processor', 'stack/shop', 'stack/bigquery', 'stack/duckdb'],
  '@duckdb/node-bindings': ['stack/duckdb'],
  hono: ['stack/shop', 'processor', 'ui', 'stack/bigquery'],
  '@hono/node-server': ['stack/shop', 'processor', 'ui', 'stack/bigquery'],
  'solid-js': ['ui/web'],
  echarts: ['ui/web'],
  snappyjs: ['stack/kafka'],
  lz4js: ['stack/kafka'],
  '@grpc/grpc-js': ['stack/grpc', 'stack/pubsub', 'stack/google', 'stack/bigquery'],
  '@grpc/proto-loader': ['stack/pubsub', 'stack/bigquery'],
  protobufjs: ['stack/pubsub', 'stack/bigquery'],
  '@google-cloud/pubsub': ['stack/google'],
  '@google-cloud/bigquery': ['stack/google'],
  '@google-cloud/bigquery-storage': ['stack/google'],
  'google-auth-library': ['stack/google'],
}

const files = trackedSources()

describe('the repository', () => {
  test('has imports only as the table of rooms allows', () => {
    expect(files.flatMap(forbiddenImports)).toEqual([])
  })
  test('opens each source file with a paragraph that says what it holds', () => {
    expect(files.flatMap(missingOpening)).toEqual([])
  })
  test('names files in kebab case', () => {
    expect(files.flatMap(badName)).toEqual([])
  })
  test('reads time, timers, chance and environment only where they come in', () => {
    expect(files.flatMap(bannedCalls)).toEqual([])
  })
  test('holds no leftovers', () => {
    expect(files.flatMap(leftovers)).toEqual([])
  })
  test('holds no file of a megabyte or more', () => {
    const large = tracked().filter((path) => statSync(path).size > 1_000_000)
    expect(large).toEqual([])
  })
})

describe('each rule finds what is planted', () => {
  test.each([
    [forbiddenImports, 'stack/kafka/a.ts', "import { x } from '#stack/contract/events.ts'"],
    [forbiddenImports, 'stack/kafka/a.ts', "import { x } from '../contract/events.ts'"],
    [forbiddenImports, 'ui/web/a.ts', "import { x } from '../api/app.ts'"],
    [forbiddenImports, 'processor/a.ts', "const x = await import('#ui/start.ts')"],
    [forbiddenImports, 'stack/shop/a.ts', "import { Kafka } from 'kafkajs'"],
    [missingOpening, 'stack/a.ts', 'export const x = 1'],
    [badName, 'stack/kafka/PartitionLog.ts', '// x'],
    [bannedCalls, 'processor/a.ts', 'const now = Date.now()'],
    [bannedCalls, 'processor/a.ts', 'setTimeout(run, 5)'],
    [bannedCalls, 'ui/api/a.ts', 'const home = process.env.HOME'],
    [leftovers, 'stack/a.test.ts', "test.only('x', () => {})"],
    [leftovers, 'stack/a.ts', '// FIXME later'],
  ])('%o in %s', (rule, path, text) => {
    expect(rule({ path, text })).not.toEqual([])
  })
})

function forbiddenImports({ path, text }: SourceFile): string[] {
  return importsOf(text).flatMap(({ specifier, isType }) => {
    const target = targetOf(path, specifier)
    if (target === undefined) return forbiddenPackage(path, specifier)
    // The name and the version of what this is.
    if (target === 'package.json') return []
    return isAllowed(path, target, isType) ? [] : [`${path} may not import ${specifier}`]
  })
}

function isAllowed(path: string, target: string, isType: boolean): boolean {
  const from = roomOf(path)
  const to = roomOf(target)
  if (from === to || (isTest(path) && (target.endsWith('/start.ts') || to === 'stack/base')))
    return true
  // A room's own inner rooms are its own business: processor/history, ui/api.
  if (from === undefined || to === undefined) return false
  if (isTest(path) && to.startsWith('stack/')) return true
  if (isTest(path) && target.endsWith('.contract.ts')) return true
  if (from === 'e2e' && /(\/start|\/test-broker|\.bench)\.ts$/.test(target)) return true
  const allowed = rooms[from] as readonly string[]
  return allowed.includes(to) || (isType && allowed.some((entry) => isTypeEntry(entry, target)))
}

function isTypeEntry(entry: string, target: string): boolean {
  return entry.startsWith('type:') && target.startsWith(entry.slice('type:'.length))
}

function forbiddenPackage(path: string, specifier: string): string[] {
  if (isTest(path) || path.startsWith('e2e/')) return []
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const owners = packages[name]
  if (!owners || owners.some((owner) => path.startsWith(`${owner}/`))) return []
  return [`${path} may not import the package ${name}`]
}

function importsOf(text: string): { specifier: string; isType: boolean }[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|import\('([^']+)'\)|(?:^|\n)import\s+'([^']+)'/g
  return [...text.matchAll(pattern)].map((match) => ({
    specifier: (match[2] ?? match[3] ?? match[4]) as string,
    isType: match[1] !== undefined,
  }))
}

/** Path from the root, or undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1)
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier)
  return undefined
}

function roomOf(path: string): string | undefined {
  return Object.keys(rooms)
    .filter((room) => path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]
}

/** A test file's names say it. */
function missingOpening({ path, text }: SourceFile): string[] {
  if (isTest(path)) return []
  const body = text.replace(/^#!.*\n/, '')
  return /^(\/\/ \S|\/\*)/.test(body) ? [] : [`${path} does not say what it holds`]
}

function badName({ path }: SourceFile): string[] {
  const name = posix.basename(path).replace(/(\.[a-z]+)+$/, '')
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? [] : [`${path} is not in kebab case`]
}

/** Tests of the whole wait by the real clock, the page has no other one. */
const banned: readonly [pattern: RegExp, instead: string, whereFree: RegExp][] = [
  [/\bDate\.now\(/, 'the Clock', /^stack\/base\/|^ui\/web\/|^e2e\//],
  [
    /(?<!\.)\bset(Timeout|Interval)\(/,
    'Clock.after and Clock.every',
    /^stack\/base\/|^ui\/web\/|^e2e\/|^stack\/shop\/storefront\/script/,
  ],
  [/\bMath\.random\(/, 'Random of stack/base', /^ui\/web\/|^stack\/shop\/storefront\/script/],
  [
    /\bprocess\.env\b/,
    'an option, read in main.ts',
    /main\.ts$|^e2e\/|^stack\/(slipway|supervise|prepare|kafka\/dump-log|base\/test-browser|base\/part-process|kafka-client\/test-broker)\.ts$/,
  ],
  [/\bconsole\./, 'the Logger', /^$/],
]

function bannedCalls({ path, text }: SourceFile): string[] {
  if (isTest(path)) return []
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  return banned.flatMap(([pattern, instead, free]) =>
    pattern.test(code) && !free.test(path) ? [`${path}: ${pattern.source} — use ${instead}`] : [],
  )
}

const leftoverPattern = /FIXME|TODO|XXX|\.only\(|\bdebugger\b/

function leftovers({ path, text }: SourceFile): string[] {
  const match = path === 'e2e/tidy.test.ts' ? null : leftoverPattern.exec(text)
  return match ? [`${path} holds "${match[0]}"`] : []
}

function isTest(path: string): boolean {
  return /\.(test|contract|bench)\.tsx?$/.test(path)
}

function trackedSources(): SourceFile[] {
  return tracked()
    .filter((path) => /^(stack|bridge|processor|ui|e2e)\/.*\.tsx?$/.test(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
}

function tracked(): string[] {
  return execFileSync('git', ['ls-files'], { encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '' && statSync(path, { throwIfNoEntry: false }) !== undefined)
}
