// What a link says: source, range, zone, grain, comparison, currency, live window. Relative ranges stay relative, so
// that a shared link does not freeze. Values that make no sense fall back, and the page says so.
//
//   src=cloud   r=7d   r=36h   r=2026-11-01T00:00Z..now   tz=Europe/Amsterdam   g=day   cmp=prev   cur=EUR   w=15

import { isZone } from '../../../stack/contract/calendar.ts'
import type { CalendarUnit } from './zone.ts'
import { addUnits, startOf } from './zone.ts'

export type RangeUnit = 'm' | 'h' | 'd' | 'mo'

export type RangeSpec =
  | { kind: 'last'; amount: number; unit: RangeUnit }
  | { kind: 'span'; fromMs: number; toMs: number | 'now' }

export const compareChoices = ['none', 'prev', 'day', 'week', 'year'] as const
export type Compare = (typeof compareChoices)[number]

export const grainChoices = ['auto', 'minute', 'hour', 'day', 'week', 'month'] as const
export type GrainChoice = (typeof grainChoices)[number]

export const windowChoices = [1, 5, 15, 60] as const
export type WindowMin = (typeof windowChoices)[number]

export const sourceChoices = ['local', 'cloud', 'diff'] as const
/** Where figures come from; `diff` shows both sides. In the link and nowhere else, so that all see the same. */
export type Source = (typeof sourceChoices)[number]

export interface UrlState {
  source: Source
  range: RangeSpec
  /** Empty: the browser's. */
  zone: string
  grain: GrainChoice
  compare: Compare
  /** Empty: the shop's main currency. */
  currency: string
  windowMin: WindowMin
}

export const defaults: UrlState = {
  source: 'local',
  range: { kind: 'last', amount: 7, unit: 'd' },
  zone: '',
  grain: 'auto',
  compare: 'prev',
  currency: '',
  windowMin: 15,
}

export const presets = ['1h', '6h', '24h', '7d', '30d', '90d', '12mo'] as const

export function parseUrl(search: string): { state: UrlState; problems: string[] } {
  const params = new URLSearchParams(search)
  const problems: string[] = []
  const take = <T>(name: string, read: (text: string) => T | undefined, fallback: T): T => {
    const text = params.get(name)
    if (text === null || text === '') return fallback
    const value = read(text)
    if (value === undefined) problems.push(`“${name}=${text}” was not understood`)
    return value ?? fallback
  }
  const choice =
    <T extends string>(choices: readonly T[]) =>
    (text: string) =>
      choices.find((each) => each === text)
  const state: UrlState = {
    source: take('src', choice(sourceChoices), defaults.source),
    range: take('r', parseRange, defaults.range),
    zone: take('tz', (text) => (isZone(text) ? text : undefined), defaults.zone),
    grain: take('g', choice(grainChoices), defaults.grain),
    compare: take('cmp', choice(compareChoices), defaults.compare),
    currency: take('cur', (text) => (/^[A-Z]{3}$/.test(text) ? text : undefined), ''),
    windowMin: take(
      'w',
      (text) => windowChoices.find((each) => String(each) === text),
      defaults.windowMin,
    ),
  }
  return { state, problems }
}

export function printUrl(state: UrlState): string {
  const params = new URLSearchParams()
  const put = (name: string, text: string, fallback: string) => {
    if (text !== fallback) params.set(name, text)
  }
  put('src', state.source, defaults.source)
  put('r', printRange(state.range), printRange(defaults.range))
  put('tz', state.zone, defaults.zone)
  put('g', state.grain, defaults.grain)
  put('cmp', state.compare, defaults.compare)
  put('cur', state.currency, defaults.currency)
  put('w', String(state.windowMin), String(defaults.windowMin))
  // Slashes and colons may stand as they are in a query (RFC 3986, 3.4), and read better.
  const text = params.toString().replaceAll('%2F', '/').replaceAll('%3A', ':')
  return text === '' ? '' : `?${text}`
}

const unitWords: Record<string, RangeUnit> = {
  m: 'm',
  min: 'm',
  minute: 'm',
  minutes: 'm',
  h: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
  w: 'd',
  week: 'd',
  weeks: 'd',
  mo: 'mo',
  month: 'mo',
  months: 'mo',
}

/** `7d`, `last 36 h`, `3 weeks`, `2026-11-01..2026-11-08`, `2026-11-01T00:00Z..now`. */
export function parseRange(text: string): RangeSpec | undefined {
  const last = /^(?:last\s+)?(\d{1,4})\s*([a-z]+)$/i.exec(text.trim())
  if (last) {
    const word = (last[2] as string).toLowerCase()
    const unit = unitWords[word]
    const amount = Number(last[1]) * (word.startsWith('w') ? 7 : 1)
    return unit !== undefined && amount > 0 ? { kind: 'last', amount, unit } : undefined
  }
  const [fromText, toText, more] = text.split('..')
  const fromMs = Date.parse(fromText ?? '')
  const toMs = toText === 'now' ? 'now' : Date.parse(toText ?? '')
  const isSpan = more === undefined && !Number.isNaN(fromMs) && (toMs === 'now' || toMs > fromMs)
  return isSpan ? { kind: 'span', fromMs, toMs } : undefined
}

export function printRange(range: RangeSpec): string {
  if (range.kind === 'last') return `${range.amount}${range.unit}`
  const iso = (ms: number) => new Date(ms).toISOString().replace(/(:00)?\.000Z$/, 'Z')
  return `${iso(range.fromMs)}..${range.toMs === 'now' ? 'now' : iso(range.toMs)}`
}

export interface Span {
  fromMs: number
  toMs: number
  /** The range ends now, so its last bucket is under way. */
  endsNow: boolean
}

const calendarUnit: Record<RangeUnit, CalendarUnit> = {
  m: 'minute',
  h: 'hour',
  d: 'day',
  mo: 'month',
}

/**
 * The range in time. Days and months are whole ones of the zone, the present one included, so that only the last
 * bucket is unfinished; shorter ranges roll.
 */
export function spanOf(range: RangeSpec, nowMs: number, zone: string): Span {
  const toMs = (Math.floor(nowMs / 60_000) + 1) * 60_000
  if (range.kind === 'span') {
    const endsNow = range.toMs === 'now' || range.toMs > nowMs
    return { fromMs: range.fromMs, toMs: range.toMs === 'now' ? toMs : range.toMs, endsNow }
  }
  const unit = calendarUnit[range.unit]
  const fromMs =
    unit === 'day' || unit === 'month'
      ? addUnits(startOf(unit, nowMs, zone), 1 - range.amount, unit, zone)
      : toMs - range.amount * (unit === 'hour' ? 3_600_000 : 60_000)
  return { fromMs, toMs, endsNow: true }
}

/** The other side of a comparison: shifted, so that equal elapsed time is compared with equal elapsed time. */
export function comparedSpan(
  span: Span,
  compare: Compare,
  range: RangeSpec,
  zone: string,
): Span | undefined {
  const shift = (count: number, unit: CalendarUnit): Span => ({
    fromMs: addUnits(span.fromMs, -count, unit, zone),
    toMs: addUnits(span.toMs, -count, unit, zone),
    endsNow: false,
  })
  if (compare === 'none') return undefined
  if (compare === 'day') return shift(1, 'day')
  if (compare === 'week') return shift(1, 'week')
  if (compare === 'year') return shift(52, 'week')
  if (range.kind === 'last') return shift(range.amount, calendarUnit[range.unit])
  const length = span.toMs - span.fromMs
  return { fromMs: span.fromMs - length, toMs: span.fromMs, endsNow: false }
}

const hourMs = 3_600_000
const bucketsMax = 1500

const grainMs: Record<Exclude<GrainChoice, 'auto'>, number> = {
  minute: 60_000,
  hour: hourMs,
  day: 24 * hourMs,
  week: 7 * 24 * hourMs,
  month: 30 * 24 * hourMs,
}

/** The chosen grain, or the one that gives a readable number of buckets; never more than a chart can hold. */
export function grainFor(choice: GrainChoice, span: Span): Exclude<GrainChoice, 'auto'> {
  const lengthMs = span.toMs - span.fromMs
  if (choice !== 'auto' && lengthMs / grainMs[choice] <= bucketsMax) return choice
  if (lengthMs <= 3 * hourMs) return 'minute'
  if (lengthMs <= 4 * 24 * hourMs) return 'hour'
  if (lengthMs <= 100 * 24 * hourMs) return 'day'
  if (lengthMs <= 400 * 24 * hourMs) return 'week'
  return 'month'
}

/** `[` and `]`: one length back or forth, as a fixed span. */
export function stepped(
  range: RangeSpec,
  direction: -1 | 1,
  nowMs: number,
  zone: string,
): RangeSpec {
  const span = spanOf(range, nowMs, zone)
  const length = span.toMs - span.fromMs
  const fromMs = span.fromMs + direction * length
  const toMs = span.toMs + direction * length
  if (fromMs > nowMs) return range
  return { kind: 'span', fromMs, toMs: toMs >= nowMs ? 'now' : toMs }
}
