// Buckets of time in a reporting zone: where minutes, hours, days, weeks (from Monday) and months begin. A day of a
// daylight-saving change has 23 or 25 hours, each of them a bucket. The zone rules come from Intl, so that two SQL
// engines with zone tables of different age agree.

import { dayMs, hourMs, minuteMs } from '../base/units.ts'
import type { Grain } from './metrics/definition.ts'

/** Bounds of consecutive buckets: one more than there are buckets; the first and last are cut to the window. */
export function bucketBounds(
  fromMs: number,
  toMs: number,
  { grain, zone, max }: { grain: Grain; zone: string; max: number },
): number[] | undefined {
  const bounds = [fromMs]
  let at = startOf(fromMs, grain, zone)
  while (bounds.length <= max) {
    at = next(at, grain, zone)
    if (at >= toMs) return [...bounds, toMs]
    bounds.push(at)
  }
  return undefined
}

export function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) instanceof Intl.DateTimeFormat
  } catch {
    return false
  }
}

/** Midnight in the zone of a date `2024-05-06`. */
export function startOfDate(date: string, zone: string): number {
  return utcOfLocal(Date.parse(`${date}T00:00:00Z`), zone)
}

/** The latest bucket start at or before. */
function startOf(ms: number, grain: Grain, zone: string): number {
  const local = ms + offsetMs(ms, zone)
  if (grain === 'minute' || grain === 'hour') {
    const width = grain === 'minute' ? minuteMs : hourMs
    return ms - (local % width)
  }
  return utcOfLocal(localStart(local, grain), zone)
}

function next(startMs: number, grain: Grain, zone: string): number {
  if (grain === 'minute') return startMs + minuteMs
  if (grain === 'hour') return startMs + hourMs
  const local = startMs + offsetMs(startMs, zone)
  // Well inside the next one, whatever the clocks do meanwhile.
  const inside = { day: 1.5 * dayMs, week: 7.5 * dayMs, month: 31.5 * dayMs }[grain]
  return utcOfLocal(localStart(local + inside, grain), zone)
}

/** Of a local time taken as if it were UTC. */
function localStart(local: number, grain: 'day' | 'week' | 'month'): number {
  const day = local - (local % dayMs)
  if (grain === 'day') return day
  const date = new Date(day)
  if (grain === 'week') return day - ((date.getUTCDay() + 6) % 7) * dayMs
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

/** The instant that clocks in the zone show as this; the first one that is not before, where they skip it. */
function utcOfLocal(local: number, zone: string): number {
  const first = local - offsetMs(local, zone)
  const second = local - offsetMs(first, zone)
  return second + offsetMs(second, zone) === local ? second : Math.max(first, second)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Local minus UTC. */
function offsetMs(ms: number, zone: string): number {
  if (zone === 'UTC') return 0
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(zone, format)
  }
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value)
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000
}
