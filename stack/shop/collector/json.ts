// JSON of other people, read without losing the digits of their numbers. A double keeps 15 decimal digits; a longer
// number (0.30000000000000004, 1e400) is kept as the text it was written in, as JSON.rawJSON, which money is read
// from and which JSON.stringify writes again as it stood.

import { isUtf8 } from 'node:buffer'

/** What TypeScript's library does not yet declare of ECMAScript 2026. */
interface RawJson {
  readonly rawJSON: string
}
interface JsonOfTheDay {
  rawJSON(text: string): RawJson
  isRawJSON(value: unknown): value is RawJson
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
}
const json = JSON as unknown as JsonOfTheDay

/** Sixteen digits in a row, or an exponent: only then a number may have lost something. */
const suspicious = /\d[\d.]{15}|\d[eE][+-]?\d/
const exactDigits = 15
/** Every walk recurses, and some cost more than the keys they see; no event may be as deep or wide as this. */
const depthMax = 64
const keysMax = 1000

/** Throws SyntaxError like JSON.parse. What is nested too deep or has too many keys is cut off, and says so. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (isUnwieldy(value, depthMax)) return pruned(value, depthMax)
  if (!suspicious.test(text)) return value
  return json.parse(text, (_key, inner, { source }) =>
    typeof inner === 'number' && source !== undefined && isInexact(inner, source)
      ? json.rawJSON(source)
      : inner,
  )
}

function isUnwieldy(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  if (Array.isArray(value)) return value.some((element) => isUnwieldy(element, levels - 1))
  let keys = 0
  for (const key in value) {
    if (++keys > keysMax) return true
    if (isUnwieldy((value as Record<string, unknown>)[key], levels - 1)) return true
  }
  return false
}

function pruned(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return '(deeper levels were cut off)'
  if (Array.isArray(value)) return value.map((element) => pruned(element, levels - 1))
  const members = Object.entries(value)
  const kept = members.slice(0, keysMax).map(([key, inner]) => [key, pruned(inner, levels - 1)])
  if (members.length > keysMax) kept.push(['(further keys were cut off)', true])
  return Object.fromEntries(kept)
}

function isInexact(value: number, source: string): boolean {
  if (Number.isSafeInteger(value) && /^-?\d+$/.test(source)) return false
  const [mantissa = ''] = source.split(/[eE]/)
  const significant = mantissa.replace(/[-.]/g, '').replace(/^0+/, '')
  return (
    significant.length > exactDigits ||
    !Number.isFinite(value) ||
    (value === 0 && significant !== '')
  )
}

/** The decimal text of a number or of a string that may hold one; undefined for anything else. */
export function decimalText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number') return String(value)
  return json.isRawJSON(value) ? value.rawJSON : undefined
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !json.isRawJSON(value)
  )
}

/** Keys sorted, no spaces. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isPlainObject(value)) return JSON.stringify(value) ?? 'null'
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`)
  return `{${members.join(',')}}`
}

/** The text of bytes that are UTF-8, without the mark that some editors put first; undefined for others. */
export function utf8Text(bytes: Buffer): string | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const key in value) {
    if (isDeeperThan((value as Record<string, unknown>)[key], levels - 1)) return true
  }
  return false
}
