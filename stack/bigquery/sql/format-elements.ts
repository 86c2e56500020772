// The elements of FORMAT_DATE, PARSE_TIMESTAMP and their like, in DuckDB's words. What is not listed is refused.

import type { Zone } from './casts.ts'
import { unsupported } from './sql-error.ts'
import { quoteText } from './types.ts'

const expanded: Record<string, string> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  D: '%m/%d/%y',
  x: '%m/%d/%y',
  R: '%H:%M',
  h: '%b',
  c: '%a %b %e %H:%M:%S %Y',
  r: '%I:%M:%S %p',
}
/** The same in strftime of DuckDB. */
const same = new Set([
  'Y',
  'm',
  'd',
  'H',
  'M',
  'S',
  'y',
  'j',
  'B',
  'b',
  'A',
  'a',
  'I',
  'p',
  'U',
  'W',
  'V',
  'G',
  'u',
  'w',
])

function elements(format: string): string[] {
  return format.match(/%(E\*S|E\dS|E4Y|Ez|\*?[A-Za-z%])|[^%]+|%/g) ?? []
}

function expand(format: string): string {
  return format.replace(/%([A-Za-z%])/g, (all, letter: string) =>
    expanded[letter] === undefined ? all : expand(expanded[letter]),
  )
}

interface Context {
  zone: Zone | undefined
  /** The TIMESTAMP itself, for seconds since 1970. */
  utc: string
  at: number
}

/** `local` is a DATE or TIMESTAMP of DuckDB's: what clocks show. */
export function formatTime(format: string, local: string, { zone, utc, at }: Context): string {
  const stamp = `CAST(${local} AS TIMESTAMP)`
  const pieces = elements(expand(format)).map((element) => {
    if (!element.startsWith('%')) return quoteText(element)
    const code = element.slice(1)
    if (same.has(code)) return `strftime(${stamp}, '%${code}')`
    const fraction = /^E(\d)S$/.exec(code)?.[1]
    if (fraction !== undefined && Number(fraction) <= 6) {
      const digits = `substr(lpad(CAST(extract('microsecond' FROM ${stamp}) % 1000000 AS VARCHAR), 6, '0'), 1, ${fraction})`
      return fraction === '0'
        ? `strftime(${stamp}, '%S')`
        : `strftime(${stamp}, '%S') || '.' || ${digits}`
    }
    switch (code) {
      case '%':
        return `'%'`
      case 'n':
        return `chr(10)`
      case 't':
        return `chr(9)`
      case 'e':
        return `lpad(CAST(day(${stamp}) AS VARCHAR), 2, ' ')`
      case 'k':
        return `lpad(CAST(hour(${stamp}) AS VARCHAR), 2, ' ')`
      case 'l':
        return `lpad(strftime(${stamp}, '%-I'), 2, ' ')`
      case 'P':
        return `lower(strftime(${stamp}, '%p'))`
      case 'C':
        return `lpad(CAST(year(${stamp}) // 100 AS VARCHAR), 2, '0')`
      case 'Q':
        return `CAST(quarter(${stamp}) AS VARCHAR)`
      case 'E4Y':
        return `lpad(CAST(year(${stamp}) AS VARCHAR), 4, '0')`
      case 'E*S':
        return `strftime(${stamp}, '%S') || rtrim(rtrim('.' || lpad(CAST(extract('microsecond' FROM ${stamp}) % 1000000 AS VARCHAR), 6, '0'), '0'), '.')`
      case 's':
        if (zone !== undefined)
          return `CAST(CAST(floor(epoch_us(${utc}) / 1000000) AS BIGINT) AS VARCHAR)`
        break
      case 'Z':
        if (zone === 0) return `'UTC'`
        break
      case 'z':
        if (zone === 0) return `'+0000'`
        break
      case 'Ez':
        if (zone === 0) return `'+00:00'`
        break
      default:
    }
    throw unsupported(`the format element ${element}`, at)
  })
  return pieces.length === 0 ? `''` : `(${pieces.join(' || ')})`
}

const parsed = new Set(['Y', 'm', 'd', 'H', 'M', 'S', 'y', 'j', 'B', 'b', 'A', 'a', 'I', 'p'])

export function parseFormat(format: string, at: number): { texts: string[]; hasZone: boolean } {
  let hasZone = false
  let texts = ['']
  for (const element of elements(expand(format))) {
    const code = element.slice(1)
    let forms: string[]
    if (!element.startsWith('%')) forms = [element.replaceAll('%', '%%')]
    else if (parsed.has(code)) forms = [element]
    else if (code === 'e') forms = ['%d']
    else if (code === 'E4Y') forms = ['%Y']
    else if (code === '%') forms = ['%%']
    else if (/^E[*1-6]S$/.test(code)) forms = ['%S.%f', '%S']
    else if (code === 'z' || code === 'Ez') {
      hasZone = true
      forms = ['%z']
    } else throw unsupported(`the format element ${element}`, at)
    texts = texts.flatMap((text) => forms.map((form) => text + form))
  }
  return { texts, hasZone }
}
