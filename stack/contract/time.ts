// Reading and writing of times: RFC 3339, section 5.6. Any offset is read; digits finer than milliseconds are cut
// off; what is written is UTC with milliseconds. Leap seconds (:60) and times before 1970, which Kafka cannot carry
// as a record's time, are refused.
//
//   2024-05-06T10:00:00.000Z
//   0    5  8  11 14 17 19

import { dayMs, minuteMs, secondMs } from '../base/units.ts'

const canonicalLength = 24

/** Milliseconds since 1970, or undefined for what is no time. */
export function parseTime(text: string): number | undefined {
  const localMs = parseLocal(text)
  if (localMs === undefined) return undefined
  let at = 19
  let ms = 0
  if (text.charCodeAt(at) === 46) {
    const start = ++at
    for (let weight = 100; isDigit(text, at); at++, weight /= 10) {
      if (weight >= 1) ms += (text.charCodeAt(at) - 48) * weight
    }
    if (at === start) return undefined
  }
  const offsetMs = parseOffset(text, at)
  if (offsetMs === undefined) return undefined
  const timeMs = localMs + ms - offsetMs
  // NaN, from a year that is no number, is not >= 0 either.
  return timeMs >= 0 ? timeMs : undefined
}

/** The same for a time in its canonical text, from its bytes; undefined for any other text. */
export function timeAt(bytes: Uint8Array, at: number): number | undefined {
  const isCanonical =
    bytes[at + 4] === 45 &&
    bytes[at + 7] === 45 &&
    bytes[at + 10] === 84 &&
    bytes[at + 13] === 58 &&
    bytes[at + 16] === 58 &&
    bytes[at + 19] === 46 &&
    bytes[at + 23] === 90
  if (!isCanonical) return undefined
  const year = digitsAt(bytes, at, 4)
  const month = digitsAt(bytes, at + 5, 2)
  const day = digitsAt(bytes, at + 8, 2)
  const hour = digitsAt(bytes, at + 11, 2)
  const minute = digitsAt(bytes, at + 14, 2)
  const second = digitsAt(bytes, at + 17, 2)
  const ms = digitsAt(bytes, at + 20, 3)
  // NaN fails each comparison.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && ms >= 0)) return undefined
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  if (day > daysInMonth(year, month)) return undefined
  return (
    daysSince1970(year, month, day) * dayMs + ((hour * 60 + minute) * 60 + second) * secondMs + ms
  )
}

function digitsAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = (bytes[i] as number) - 48
    if (!(digit >= 0 && digit <= 9)) return NaN
    value = value * 10 + digit
  }
  return value
}

/** The canonical text of a time, which most texts are already. */
export function canonicalTime(text: string, timeMs: number): string {
  return text.length === canonicalLength && text.charCodeAt(23) === 90 && text.charCodeAt(10) === 84
    ? text
    : new Date(timeMs).toISOString()
}

/** Date and time of day, taken as if it were UTC. */
function parseLocal(text: string): number | undefined {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return undefined
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined
  const separator = text.charCodeAt(10)
  if (separator !== 84 && separator !== 116 && separator !== 32) return undefined
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  const second = twoDigits(text, 17)
  // A pair that is no digits is NaN, and every comparison with it is false.
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  return daysSince1970(year, month, day) * dayMs + ((hour * 60 + minute) * 60 + second) * secondMs
}

/** `Z` or `+hh:mm` at the very end of the text. */
function parseOffset(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at)
  if (sign === 90 || sign === 122) return text.length === at + 1 ? 0 : undefined
  if ((sign !== 43 && sign !== 45) || text.length !== at + 6) return undefined
  const hours = twoDigits(text, at + 1)
  const minutes = twoDigits(text, at + 4)
  if (text.charCodeAt(at + 3) !== 58 || !(hours <= 23 && minutes <= 59)) return undefined
  return (hours * 60 + minutes) * minuteMs * (sign === 45 ? -1 : 1)
}

function twoDigits(text: string, at: number): number {
  return isDigit(text, at) && isDigit(text, at + 1)
    ? (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48
    : NaN
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

/** Years begin in March here, so that the leap day is the last of its year. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return (
    y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719468
  )
}
