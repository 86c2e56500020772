// The scenarios of events.md 2.8 as the tests of this room take them: input, options, expected tables. The data lies in
// the folder that SLIPWAY_SHARED names; where it is absent the tests say so and are skipped.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CatalogueLine } from '#stack/contract/catalogue.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'

export type Columns = Record<string, unknown>

interface Options {
  watermark?: string
  activity_scope?: Settings['activityScope']
  merge_policy?: Settings['mergePolicy']
  cooldown?: number
  min_cart_value?: number
  allowed_lateness?: number
  session_gap?: number
  collect?: boolean
  catalogue?: CatalogueLine[]
}

export interface Scenario {
  number: string
  title: string
  /** Canonical events, or raw lines as the collector meets them. */
  lines: Columns[]
  isCollected: boolean
  settings: Settings
  /** Judge as of this time; undefined: until everything that can close has closed. */
  watermarkMs: number | undefined
  catalogue: CatalogueLine[]
  tables: Record<string, Columns[]>
  /** What a topic must have carried on the way, in words. */
  stream: string[]
}

/** Folders by number. */
export function scenarioFolders(shared: string | undefined): string[] {
  const folder = folderOf(shared)
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function folderOf(shared: string | undefined): string {
  return join(shared ?? '../shared', 'data/scenarios')
}

export function readScenarios(shared: string | undefined): Scenario[] {
  const folder = folderOf(shared)
  if (!existsSync(folder)) {
    process.stderr.write(`scenarios skipped: no folder ${folder} (SLIPWAY_SHARED names it)\n`)
    return []
  }
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'expected.json')))
    .map((number) => readScenario(folder, number))
    .sort((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true }))
}

function readScenario(folder: string, number: string): Scenario {
  const read = (file: string): string => readFileSync(join(folder, number, file), 'utf8')
  const expected = JSON.parse(read('expected.json')) as {
    title: string
    options?: Options
    expect?: Record<string, Columns[]>
    stream?: string[]
  }
  const { title, options = {}, expect: tables = {}, stream = [] } = expected
  return {
    number,
    title,
    lines: read('input.ndjson')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as Columns),
    isCollected: options.collect === true,
    settings: settingsOf(options),
    watermarkMs: options.watermark === undefined ? undefined : Date.parse(options.watermark),
    catalogue: options.catalogue ?? [],
    tables,
    stream,
  }
}

function settingsOf(options: Options): Settings {
  return {
    ...defaultSettings,
    activityScope: options.activity_scope ?? defaultSettings.activityScope,
    mergePolicy: options.merge_policy ?? defaultSettings.mergePolicy,
    cooldownMs: options.cooldown ?? defaultSettings.cooldownMs,
    minCartValueMinor: options.min_cart_value ?? defaultSettings.minCartValueMinor,
    allowedLatenessMs: options.allowed_lateness ?? defaultSettings.allowedLatenessMs,
    sessionGapMs: options.session_gap ?? defaultSettings.sessionGapMs,
  }
}
