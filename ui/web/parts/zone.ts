// Times in the chosen zone: one formatter for every tile. All arithmetic of days and weeks asks the zone, so that days
// of 23 and 25 hours come out right.

export interface ZonedParts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  /** Monday is 0. */
  weekday: number
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  let made = formats.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options })
    formats.set(key, made)
  }
  return made
}

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

export function parts(ms: number, zone: string): ZonedParts {
  const found: Record<string, string> = {}
  const options = {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    weekday: 'short',
  } as const
  for (const { type, value } of format(zone, options).formatToParts(ms)) found[type] = value
  return {
    year: Number(found['year']),
    month: Number(found['month']),
    day: Number(found['day']),
    hour: Number(found['hour']),
    minute: Number(found['minute']),
    second: Number(found['second']),
    weekday: weekdays.indexOf(found['weekday'] ?? 'Mon'),
  }
}

export const weekdayNames = weekdays

export const clockTime = (ms: number, zone: string): string =>
  format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms)

export const hourMinute = (ms: number, zone: string): string =>
  format(zone, { hour: '2-digit', minute: '2-digit' }).format(ms)

export const dayMonth = (ms: number, zone: string): string =>
  format(zone, { day: 'numeric', month: 'short' }).format(ms)

export const fullTime = (ms: number, zone: string): string =>
  format(zone, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).format(ms)

export const monthYear = (ms: number, zone: string): string =>
  format(zone, { month: 'short', year: 'numeric' }).format(ms)

export const dateOnly = (ms: number, zone: string): string =>
  format(zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(ms)

/** UTC offset at that moment, minutes. */
function offsetMinutes(ms: number, zone: string): number {
  const { year, month, day, hour, minute, second } = parts(ms, zone)
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second)
  return Math.round((asUtc - Math.floor(ms / 1000) * 1000) / 60_000)
}

/** The moment at which the zone's wall clock shows this; in a gap, the moment after it. */
export function fromWall(
  wall: { year: number; month: number; day: number; hour?: number; minute?: number },
  zone: string,
): number {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour ?? 0, wall.minute ?? 0)
  const guess = asUtc - offsetMinutes(asUtc, zone) * 60_000
  return asUtc - offsetMinutes(guess, zone) * 60_000
}

export type CalendarUnit = 'minute' | 'hour' | 'day' | 'week' | 'month'

/** The start of the unit that holds the moment; weeks start on Monday. */
export function startOf(unit: CalendarUnit, ms: number, zone: string): number {
  if (unit === 'minute') return Math.floor(ms / 60_000) * 60_000
  const { year, month, day, minute, weekday } = parts(ms, zone)
  // Hours of zones with half-hour offsets start at the wall clock's full hour.
  if (unit === 'hour') return Math.floor(ms / 60_000) * 60_000 - minute * 60_000
  if (unit === 'day') return fromWall({ year, month, day }, zone)
  if (unit === 'week') return fromWall({ year, month, day: day - weekday }, zone)
  return fromWall({ year, month, day: 1 }, zone)
}

/** Calendar units further, by the wall clock from a day on. */
export function addUnits(ms: number, count: number, unit: CalendarUnit, zone: string): number {
  if (unit === 'minute') return ms + count * 60_000
  if (unit === 'hour') return ms + count * 3_600_000
  const wall = parts(ms, zone)
  const rest = ms - fromWall(wall, zone)
  if (unit === 'month') return fromWall({ ...wall, month: wall.month + count }, zone) + rest
  return fromWall({ ...wall, day: wall.day + count * (unit === 'week' ? 7 : 1) }, zone) + rest
}
