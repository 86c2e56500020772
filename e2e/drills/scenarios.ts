// The scenarios of events.md 2.8 for one stack together: each in a namespace of people, carts and orders of its own and
// moved in time, those that are judged as of a time to that time, all others so far back that everything has closed.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dayMs } from '#stack/base/units.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { noConsentId } from '#stack/contract/events.ts'
import type { Dialect } from '#stack/contract/events.ts'
import { collect } from '#stack/shop/start.ts'
import { hasSharedData, sharedFile } from './shared-data.ts'

export type Columns = Record<string, unknown>

export interface Scenario {
  number: string
  title: string
  /** Canonical events, in this namespace and time. */
  events: Columns[]
  /** By table, as expected in this namespace and time. */
  tables: Record<string, Columns[]>
}

interface Expected {
  title: string
  options?: Columns & { watermark?: string; collect?: boolean }
  expect?: Record<string, Columns[]>
}

interface RawLine {
  receivedAt: string
  dialect: Dialect
  position: number
  body: unknown
}

/** What one stack with the default settings cannot show beside the others, and why. */
const leftOut: Record<string, string> = {
  2: 'judged a millisecond before a deadline, and the clock of a running stack does not stand still',
  21: 'a catalogue of its own',
  65: 'the collector refuses one of its lines, so that it never reaches the topic',
}
const comparedTables = ['carts', 'sessions', 'events', 'orders', 'order_lines', 'refunds']
/** Longer than any scenario and the recovery window after it. */
const longAgoMs = 40 * dayMs

/** `asOfMs`: the time that those with a watermark are judged at. */
export function readScenarios(asOfMs: number): Scenario[] {
  if (!hasSharedData) return []
  return readdirSync(sharedFile('scenarios'))
    .filter((number) => existsSync(fileOf(number, 'expected.json')) && !(number in leftOut))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap((number) => {
      const expected = JSON.parse(readFileSync(fileOf(number, 'expected.json'), 'utf8')) as Expected
      return hasDefaultSettings(expected) ? [placed(number, expected, asOfMs)] : []
    })
    .filter(({ tables }) => Object.keys(tables).length > 0)
}

const fileOf = (number: string, name: string) => join(sharedFile('scenarios'), number, name)

const settingOf: Record<string, keyof typeof defaultSettings> = {
  activity_scope: 'activityScope',
  merge_policy: 'mergePolicy',
  cooldown: 'cooldownMs',
  min_cart_value: 'minCartValueMinor',
  allowed_lateness: 'allowedLatenessMs',
  session_gap: 'sessionGapMs',
}

function hasDefaultSettings({ options = {} }: Expected): boolean {
  return Object.entries(settingOf).every(
    ([option, setting]) => !(option in options) || options[option] === defaultSettings[setting],
  )
}

function placed(number: string, expected: Expected, asOfMs: number): Scenario {
  const { title, options = {}, expect: tables = {} } = expected
  const lines = readFileSync(fileOf(number, 'input.ndjson'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Columns)
  const events = options.collect === true ? lines.flatMap(collected) : lines
  const lastMs = Math.max(...events.map(({ receivedAt }) => Date.parse(receivedAt as string)))
  const shiftMs =
    options.watermark === undefined
      ? -dayMs * Math.ceil((lastMs - (asOfMs - longAgoMs)) / dayMs)
      : asOfMs - Date.parse(options.watermark)
  const place = (value: unknown) => moved(value, { name: `s${number}-`, shiftMs }) as Columns
  return {
    number,
    title,
    events: events.map(place),
    tables: Object.fromEntries(
      comparedTables.flatMap((table) =>
        tables[table] === undefined ? [] : [[table, tables[table].map(place)]],
      ),
    ),
  }
}

function collected(line: Columns): Columns[] {
  const { receivedAt, dialect, position, body } = line as unknown as RawLine
  return collect(dialect, body, { receivedMs: Date.parse(receivedAt), position }).map((outcome) => {
    if ('rejection' in outcome) throw new Error(`refused: ${JSON.stringify(line)}`)
    return { ...outcome.event }
  })
}

const idFields =
  /^(eventId|anonymousId|userId|cartId|orderId|refundId|checkoutId|event_id|anonymous_id|user_id|cart_id|order_id)$/
const keyFields = /^(cart_key|person_id|from|into)$/
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Ids of the namespace, times moved; everything else as it is. */
function moved(value: unknown, to: { name: string; shiftMs: number }, field = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => moved(each, to, field))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, moved(inner, to, key)]),
    )
  }
  if (typeof value !== 'string') return value
  if (idFields.test(field)) return value === noConsentId ? value : to.name + value
  if (keyFields.test(field)) return value.replace(/^([auc]:)?/, `$1${to.name}`)
  return timePattern.test(value) ? new Date(Date.parse(value) + to.shiftMs).toISOString() : value
}

export interface Mismatch {
  table: string
  missing: Columns[]
  unexpected: Columns[]
}

/** Each expected row is found once, by the columns it names, among the rows of this namespace, and none is left over. */
export function mismatches(
  { number, tables }: Scenario,
  found: Readonly<Record<string, readonly Columns[]>>,
): Mismatch[] {
  return Object.entries(tables).flatMap(([table, expected]) => {
    const own = new RegExp(`[":]s${number}-`)
    const unexpected = (found[table] ?? []).filter((row) => own.test(JSON.stringify(row)))
    const missing = expected.filter((columns) => {
      const at = unexpected.findIndex((row) => holds(row, columns))
      if (at >= 0) unexpected.splice(at, 1)
      return at < 0
    })
    return missing.length + unexpected.length === 0 ? [] : [{ table, missing, unexpected }]
  })
}

function holds(row: Columns, columns: Columns): boolean {
  return Object.entries(columns).every(([name, value]) => canonical(row[name]) === canonical(value))
}

/** History writes times to the microsecond. */
function canonical(value: unknown): string {
  const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
  return JSON.stringify(isTime ? Date.parse(value) : value)
}
