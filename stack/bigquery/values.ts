// Values on their way out (DuckDB to the REST API's `{v}`) and in (JSON to DuckDB).

import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimeValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import type { DuckDBValue } from '@duckdb/node-api'
import { invalid } from './refused.ts'
import { asText } from './schema.ts'
import type { Field } from './schema.ts'
import { fieldName } from './sql/types.ts'
import type { SqlType } from './sql/types.ts'

export type Cell = string | null | { v: Cell }[] | { f: { v: Cell }[] }

/** TIMESTAMPs are micros in cells, and written as each request asks for them. */
export function encode(value: DuckDBValue, type: SqlType): Cell {
  if (type.name === 'ARRAY') {
    if (value === null) return []
    return (value as DuckDBListValue).items.map((item) => {
      if (item === null) throw invalid('Array cannot have a null element; error in writing field')
      return { v: encode(item, type.of as SqlType) }
    })
  }
  if (value === null || value === undefined) return null
  switch (type.name as string) {
    case 'STRUCT': {
      const { entries } = value as DuckDBStructValue
      return {
        f: (type.fields ?? []).map((field, i) => ({
          v: encode(entries[fieldName(field.name, i)] as DuckDBValue, field.type),
        })),
      }
    }
    case 'FLOAT64':
      return floatText(Number(value))
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return trimmed(String(value))
    case 'BYTES':
      return Buffer.from((value as DuckDBBlobValue).bytes).toString('base64')
    case 'TIMESTAMP':
      return String((value as DuckDBTimestampTZValue).micros)
    case 'DATETIME':
      return isoMicros((value as DuckDBTimestampValue).micros)
    case 'DATE':
      return isoMicros(BigInt((value as DuckDBDateValue).days) * 86_400_000_000n).slice(0, 10)
    case 'TIME':
      return isoMicros((value as DuckDBTimeValue).micros).slice(11)
    default:
      return String(value)
  }
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (Object.is(value, -0)) return '-0.0'
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value)
}

const trimmed = (text: string): string =>
  text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text

/** 2024-01-02T03:04:05.000006, without the fraction where there is none. */
export function isoMicros(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = Number((micros - fraction) / 1_000_000n)
  const base = new Date(seconds * 1000).toISOString().slice(0, 19)
  return fraction === 0n ? base : `${base}.${String(fraction).padStart(6, '0')}`
}

/** The cell as a request wants its TIMESTAMPs. */
export function withTimestamps(cell: Cell, type: SqlType, asInt64: boolean): Cell {
  if (asInt64 || cell === null) return cell
  if (type.name === 'ARRAY')
    return (cell as { v: Cell }[]).map(({ v }) => ({
      v: withTimestamps(v, type.of as SqlType, asInt64),
    }))
  if (type.name === 'STRUCT') {
    return {
      f: (cell as { f: { v: Cell }[] }).f.map(({ v }, i) => ({
        v: withTimestamps(v, ((type.fields ?? [])[i] as { type: SqlType }).type, asInt64),
      })),
    }
  }
  if (type.name !== 'TIMESTAMP') return cell
  const text = cell as string
  const negative = text.startsWith('-') ? '-' : ''
  const digits = text.replace('-', '').padStart(7, '0')
  return `${negative}${digits.slice(0, -6)}.${digits.slice(-6)}`
}

/** What is wrong with one value of a row. */
export class BadValue extends Error {
  override name = 'BadValue'
  readonly location: string
  constructor(location: string, message: string) {
    super(message)
    this.location = location
  }
}

/** A row of JSON as DuckDB's values, in the order of the fields. */
export function decodeRow(
  row: unknown,
  fields: readonly Field[],
  { ignoreUnknown = false, path = '' } = {},
): DuckDBValue[] {
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    throw new BadValue(path, 'Row is not a JSON object')
  const given = new Map(
    Object.entries(row).map(([name, value]) => [name.toLowerCase(), value as unknown]),
  )
  const values = fields.map((field) => {
    const value = given.get(field.name.toLowerCase())
    given.delete(field.name.toLowerCase())
    return decode(value, field, path === '' ? field.name : `${path}.${field.name}`, ignoreUnknown)
  })
  const [unknown] = given.keys()
  if (unknown !== undefined && !ignoreUnknown) {
    const location = path === '' ? unknown : `${path}.${unknown}`
    throw new BadValue(location, `no such field: ${location}.`)
  }
  return values
}

function decode(value: unknown, field: Field, path: string, ignoreUnknown: boolean): DuckDBValue {
  if (field.mode === 'REPEATED') {
    if (value === undefined || value === null) return new DuckDBListValue([])
    if (!Array.isArray(value))
      throw new BadValue(
        path,
        `Array specified for non-repeated field: ${path}.`.replace(
          'Array specified for non-repeated',
          'Value is no array for repeated',
        ),
      )
    const one = { ...field, mode: 'REQUIRED' } as const
    return new DuckDBListValue(
      value.map((item, i) => {
        if (item === null)
          throw new BadValue(
            path,
            `Only optional fields can be set to NULL. Field: ${path}; Value: NULL`,
          )
        return decode(item, one, `${path}[${i}]`, ignoreUnknown)
      }),
    )
  }
  if (value === undefined || value === null) {
    if (field.mode === 'REQUIRED') throw new BadValue(path, `Missing required field: ${path}.`)
    return null
  }
  if (Array.isArray(value) && field.type !== 'JSON')
    throw new BadValue(path, `Array specified for non-repeated field: ${path}.`)
  return decodeOne(value, field, path, ignoreUnknown)
}

/** One value of a field, whatever its mode says. */
export function decodeOne(
  value: unknown,
  field: Field,
  path: string,
  ignoreUnknown = false,
): DuckDBValue {
  const text = asText(value)
  const bad = (kind: string): never => {
    throw new BadValue(path, `Cannot convert value to ${kind} (bad value): ${text}`)
  }
  switch (field.type) {
    case 'RECORD': {
      const inner = decodeRow(value, field.fields ?? [], { ignoreUnknown, path })
      return new DuckDBStructValue(
        Object.fromEntries(
          (field.fields ?? []).map(({ name }, i) => [name, inner[i] as DuckDBValue]),
        ),
      )
    }
    case 'INTEGER':
      return decodeInteger(text, value) ?? bad('integer')
    case 'FLOAT': {
      const number =
        {
          inf: Infinity,
          infinity: Infinity,
          '+inf': Infinity,
          '-inf': -Infinity,
          '-infinity': -Infinity,
          nan: Number.NaN,
        }[text.toLowerCase()] ?? Number(text)
      if (
        typeof value === 'boolean' ||
        text.trim() === '' ||
        (Number.isNaN(number) && text.toLowerCase() !== 'nan')
      )
        return bad('float')
      return number
    }
    case 'BOOLEAN':
      if (/^(true|false|1|0|t|f|yes|no|y|n)$/i.test(text)) return /^(true|1|t|yes|y)$/i.test(text)
      return bad('boolean')
    case 'STRING':
      if (typeof value === 'object')
        throw new BadValue(path, `This field: ${path.split('.').at(-1)} is not a record.`)
      return text
    case 'BYTES':
      return new DuckDBBlobValue(Buffer.from(text, 'base64'))
    case 'NUMERIC':
    case 'BIGNUMERIC': {
      const scale = field.type === 'NUMERIC' ? 9 : 18
      return decimal(text, scale) ?? bad(field.type.toLowerCase())
    }
    case 'DATE': {
      const days = daysOf(text)
      return days === undefined ? bad('date') : new DuckDBDateValue(days)
    }
    case 'TIMESTAMP': {
      const micros = timestampMicros(value)
      return micros === undefined ? bad('timestamp') : new DuckDBTimestampTZValue(micros)
    }
    case 'DATETIME': {
      const micros =
        /[zZ]$|[+-]\d\d:?\d\d$/.test(text) && text.length > 10 ? undefined : timestampMicros(text)
      return micros === undefined ? bad('datetime') : new DuckDBTimestampValue(micros)
    }
    case 'TIME': {
      const micros = timestampMicros(`1970-01-01 ${text}`)
      return micros === undefined || !/^\d{1,2}:\d{1,2}:\d{1,2}/.test(text)
        ? bad('time')
        : new DuckDBTimeValue(micros)
    }
    case 'JSON': {
      const json = typeof value === 'string' ? value : JSON.stringify(value)
      try {
        JSON.parse(json)
      } catch {
        return bad('JSON')
      }
      return json
    }
    default:
      return bad(field.type.toLowerCase())
  }
}

function decodeInteger(text: string, value: unknown): bigint | undefined {
  if (typeof value === 'boolean' || typeof value === 'object') return undefined
  const whole = /^\s*([+-]?\d+)(?:\.0*)?\s*$/.exec(text)?.[1]
  const number =
    whole === undefined
      ? typeof value === 'number' && Number.isInteger(value)
        ? BigInt(value)
        : undefined
      : BigInt(whole)
  return number === undefined || number > 2n ** 63n - 1n || number < -(2n ** 63n)
    ? undefined
    : number
}

function decimal(text: string, scale: number): DuckDBDecimalValue | undefined {
  const plain = /^-?[\d.]+e[+-]?\d+$/i.test(text) ? Number(text).toFixed(scale) : text
  const [, sign, whole, fraction = ''] = /^\s*([+-]?)(\d*)(?:\.(\d*))?\s*$/.exec(plain) ?? []
  if (
    whole === undefined ||
    (whole === '' && fraction === '') ||
    fraction.length > scale ||
    whole.length > 38 - scale
  )
    return undefined
  const digits = BigInt(`${whole}${fraction.padEnd(scale, '0')}`)
  return new DuckDBDecimalValue(sign === '-' ? -digits : digits, 38, scale)
}

function daysOf(text: string): number | undefined {
  const [, y, m, d] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text) ?? []
  if (y === undefined) return undefined
  const ms = Date.UTC(Number(y), Number(m) - 1, Number(d))
  const back = new Date(ms)
  if (Number(y) < 100) back.setUTCFullYear(Number(y))
  return back.getUTCMonth() === Number(m) - 1 && back.getUTCDate() === Number(d)
    ? Math.round(back.getTime() / 86_400_000)
    : undefined
}

export function timestampMicros(value: unknown): bigint | undefined {
  const text = String(value).trim()
  // Numbers are seconds since 1970.
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) {
    const [whole = '0', fraction = ''] = /e/i.test(text)
      ? Number(text).toFixed(6).split('.')
      : text.split('.')
    const micros =
      BigInt(whole.replace('-', '')) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
    return whole.startsWith('-') ? -micros : micros
  }
  const [, day, h = '0', m = '0', s = '0', fraction = '', zone = ''] =
    /^(\d{4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s?(Z|UTC|[+-]\d{1,2}(?::?\d{2})?)?$/i.exec(
      text,
    ) ?? []
  const days = day === undefined ? undefined : daysOf(day)
  if (days === undefined || Number(h) > 23 || Number(m) > 59 || Number(s) > 59) return undefined
  const [, sign, zh = '0', zm = '0'] = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone) ?? []
  const offset = (Number(zh) * 60 + Number(zm)) * (sign === '-' ? -1 : 1)
  const seconds = days * 86_400 + Number(h) * 3600 + Number(m) * 60 + Number(s) - offset * 60
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
}
