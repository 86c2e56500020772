// Functions of dates and times whose argument is a part (MONTH, WEEK(MONDAY)), an interval, a zone or a format.

import { fromLocal, toLocal, zoneNamed } from './casts.ts'
import type { Zone } from './casts.ts'
import { formatTime, parseFormat } from './format-elements.ts'
import type { Typed } from './scope.ts'
import { SqlError, unsupported } from './sql-error.ts'
import type { Call, Expr } from './syntax.ts'
import { arrayOf, date, datetime, int64, string, time, timestamp, typeText } from './types.ts'
import type { SqlType } from './types.ts'
import { coerced } from './casts.ts'

type Translate = (expr: Expr) => Typed
type Family = 'DATE' | 'DATETIME' | 'TIME' | 'TIMESTAMP'

const types: Record<Family, SqlType> = {
  DATE: date,
  DATETIME: datetime,
  TIME: time,
  TIMESTAMP: timestamp,
}
const weekdays = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY']
const clockParts = ['MICROSECOND', 'MILLISECOND', 'SECOND', 'MINUTE', 'HOUR']
const dayParts = ['DAY', 'WEEK', 'ISOWEEK', 'MONTH', 'QUARTER', 'YEAR', 'ISOYEAR']

interface Part {
  name: string
  /** Of WEEK: the day that begins it, from Sunday as 0. */
  weekday: number
}

function partOf(expr: Expr | undefined, at: number): Part {
  if (expr?.k === 'name' && expr.path.length === 1)
    return part((expr.path[0] as string).toUpperCase(), undefined, at)
  if (expr?.k === 'call' && expr.name === 'WEEK' && expr.args[0]?.k === 'name') {
    return part('WEEK', (expr.args[0].path[0] as string).toUpperCase(), at)
  }
  throw new SqlError('A valid date part name is required', expr?.at ?? at)
}

export function part(name: string, weekday: string | undefined, at: number): Part {
  if (name === 'ISOWEEK') return { name: 'WEEK', weekday: 1 }
  if (!clockParts.includes(name) && !dayParts.includes(name)) {
    throw new SqlError(`A valid date part name is required but found ${name}`, at)
  }
  const day = weekday === undefined ? 0 : weekdays.indexOf(weekday)
  if (day < 0)
    throw new SqlError(`A valid date part argument for WEEK is required, but found ${weekday}`, at)
  return { name, weekday: day }
}

/** The translated call, or undefined where this is none of these functions. */
export function timeFunction(call: Call, translate: Translate): Typed | undefined {
  const [, family, verb] =
    /^(DATE|DATETIME|TIME|TIMESTAMP)_(ADD|SUB|DIFF|TRUNC)$/.exec(call.name) ?? []
  if (verb !== undefined) return arithmetic(call, family as Family, verb, translate)
  const [, how, of] = /^(FORMAT|PARSE)_(DATE|DATETIME|TIME|TIMESTAMP)$/.exec(call.name) ?? []
  if (how === 'FORMAT') return format(call, of as Family, translate)
  if (how === 'PARSE') return parse(call, of as Family, translate)
  if (call.name === 'LAST_DAY') return lastDay(call, translate)
  const [, generated] = /^GENERATE_(DATE|TIMESTAMP)_ARRAY$/.exec(call.name) ?? []
  if (generated !== undefined) return series(call, generated as Family, translate)
  return conversion(call, translate)
}

function zoneOf(expr: Expr | undefined): Zone {
  if (!expr) return 0
  if (expr.k !== 'literal' || expr.type !== 'STRING')
    throw unsupported('a time zone that is no literal', expr.at)
  return zoneNamed(expr.value, expr.at)
}

/** A DATE given to DATETIME_… is one, and a text that is written out. */
function subject(expr: Expr, family: Family, translate: Translate): Typed {
  const value = translate(expr)
  const named = value.type.name
  // The functions of dates also take the other types, and give those.
  if (family === 'DATE' && (named === 'DATETIME' || named === 'TIMESTAMP')) return value
  if (family === 'DATETIME' && named === 'TIMESTAMP') return value
  if (family === 'TIMESTAMP' && named === 'DATETIME') return value
  return { sql: coerced(value, types[family], expr.at), type: types[family] }
}

function allow(part: Part, family: string, at: number, verb: string): void {
  const isClock = clockParts.includes(part.name)
  const fits =
    family === 'TIME'
      ? isClock
      : family === 'DATE'
        ? !isClock
        : family === 'TIMESTAMP' && verb !== 'TRUNC'
          ? isClock || part.name === 'DAY'
          : true
  if (!fits) throw new SqlError(`${family}_${verb} does not support the ${part.name} date part`, at)
}

function arithmetic(call: Call, family: Family, verb: string, translate: Translate): Typed {
  const [first, second, third] = call.args as [Expr, Expr, Expr?]
  if (verb === 'TRUNC') {
    const value = subject(first, family, translate)
    return trunc(value, partOf(second, call.at), zoneOf(third), call.at)
  }
  if (verb === 'DIFF') {
    if (!third)
      throw new SqlError(`Number of arguments does not match for function ${call.name}`, call.at)
    const values = [subject(first, family, translate), subject(second, family, translate)]
    const name = values.find(({ type }) => type.name !== 'DATE')?.type.name ?? 'DATE'
    const [a, b] = values.map((value) => coerced(value, { name }, call.at)) as [string, string]
    return { sql: diff(a, b, partOf(third, call.at), name, call.at), type: int64 }
  }
  if (second?.k !== 'interval')
    throw unsupported(`${call.name} with anything but INTERVAL n PART`, call.at)
  const value = subject(first, family, translate)
  return addInterval(value, second, verb === 'SUB', translate)
}

/** A value of time plus INTERVAL n PART. */
export function addInterval(
  value: Typed,
  interval: Expr & { k: 'interval' },
  isMinus: boolean,
  translate: Translate,
): Typed {
  const { name } = part(interval.part, undefined, interval.at)
  const family = value.type.name as Family
  if (!(family in types))
    throw new SqlError(`INTERVAL cannot be added to ${typeText(value.type)}`, interval.at)
  const isPlainDate = family === 'DATE' && clockParts.includes(name)
  if (isPlainDate)
    throw new SqlError(`DATE_ADD does not support the ${name} date part`, interval.at)
  allow({ name, weekday: 0 }, family, interval.at, 'ADD')
  const count = `(${coerced(translate(interval.value), int64, interval.at)})`
  const n = isMinus ? `(-${count})` : count
  const made = intervalSql(n, name)
  return {
    sql: `CAST(${value.sql} + ${made} AS ${{ DATE: 'DATE', DATETIME: 'TIMESTAMP', TIME: 'TIME', TIMESTAMP: 'TIMESTAMPTZ' }[family]})`,
    type: value.type,
  }
}

function intervalSql(n: string, name: string): string {
  const small = `CAST(${n} AS INTEGER)`
  switch (name) {
    case 'DAY':
      return `to_days(${small})`
    case 'WEEK':
      return `to_days(CAST(7 * ${n} AS INTEGER))`
    case 'MONTH':
      return `to_months(${small})`
    case 'QUARTER':
      return `to_months(CAST(3 * ${n} AS INTEGER))`
    case 'YEAR':
      return `to_years(${small})`
    case 'HOUR':
      return `to_hours(${n})`
    case 'MINUTE':
      return `to_minutes(${n})`
    case 'SECOND':
      return `to_microseconds(${n} * 1000000)`
    case 'MILLISECOND':
      return `to_microseconds(${n} * 1000)`
    default:
      return `to_microseconds(${n})`
  }
}

function trunc(value: Typed, of: Part, zone: Zone, at: number): Typed {
  const family = value.type.name as Family
  allow(of, family, at, 'TRUNC')
  if (family === 'TIME')
    return {
      sql: `CAST(date_trunc('${of.name.toLowerCase()}', DATE '2000-01-01' + ${value.sql}) AS TIME)`,
      type: time,
    }
  if (family === 'TIMESTAMP') {
    return { sql: fromLocal(truncated(toLocal(value.sql, zone), of), zone), type: timestamp }
  }
  const duck = family === 'DATE' ? 'DATE' : 'TIMESTAMP'
  return { sql: `CAST(${truncated(value.sql, of)} AS ${duck})`, type: value.type }
}

/** Of a DATE or TIMESTAMP of DuckDB's. */
function truncated(sql: string, { name, weekday }: Part): string {
  if (name === 'WEEK') return `CAST(bq_week_start(${sql}, ${weekday}) AS TIMESTAMP)`
  if (name === 'ISOYEAR') return `CAST(bq_iso_year_start(isoyear(${sql})) AS TIMESTAMP)`
  return `CAST(date_trunc('${name.toLowerCase()}', ${sql}) AS TIMESTAMP)`
}

const microsOf: Record<string, number> = {
  MICROSECOND: 1,
  MILLISECOND: 1000,
  SECOND: 1_000_000,
  MINUTE: 60_000_000,
  HOUR: 3_600_000_000,
  DAY: 86_400_000_000,
}

function diff(a: string, b: string, of: Part, family: string, at: number): string {
  allow(of, family, at, 'DIFF')
  const { name, weekday } = of
  // Whole units that have passed, not borders that were crossed.
  if (family === 'TIMESTAMP') return `((epoch_us(${a}) - epoch_us(${b})) // ${microsOf[name]})`
  if (name === 'WEEK') return `(bq_week(${a}, ${weekday}) - bq_week(${b}, ${weekday}))`
  if (name === 'ISOYEAR') return `CAST(isoyear(${a}) - isoyear(${b}) AS BIGINT)`
  if (family === 'TIME')
    return `date_diff('${name.toLowerCase()}', DATE '2000-01-01' + ${b}, DATE '2000-01-01' + ${a})`
  return `date_diff('${name.toLowerCase()}', ${b}, ${a})`
}

/** EXTRACT(part FROM value AT TIME ZONE zone). */
export function extract(expr: Expr & { k: 'extract' }, translate: Translate): Typed {
  const { part: name, at } = expr
  const value = translate(expr.of)
  const family = value.type.name
  if (!(family in types))
    throw new SqlError(`EXTRACT from type ${typeText(value.type)} is not supported`, at)
  if (expr.zone && family !== 'TIMESTAMP')
    throw new SqlError(`EXTRACT from type ${family} does not support AT TIME ZONE`, at)
  const sql = family === 'TIMESTAMP' ? toLocal(value.sql, zoneOf(expr.zone)) : value.sql
  const isClock = clockParts.includes(name)
  if (family === 'DATE' && (isClock || name === 'TIME'))
    throw new SqlError(`EXTRACT from type DATE does not support the ${name} date part`, at)
  if (family === 'TIME' && !isClock)
    throw new SqlError(`EXTRACT from type TIME does not support the ${name} date part`, at)
  const whole = (text: string): Typed => ({ sql: `CAST(${text} AS BIGINT)`, type: int64 })
  switch (name) {
    case 'DATE':
      return { sql: `CAST(${sql} AS DATE)`, type: date }
    case 'DATETIME':
      return { sql, type: datetime }
    case 'TIME':
      return { sql: `CAST(${sql} AS TIME)`, type: time }
    case 'DAYOFWEEK':
      return whole(`dayofweek(${sql}) + 1`)
    case 'DAYOFYEAR':
      return whole(`dayofyear(${sql})`)
    case 'WEEK':
      return whole(`bq_week_of_year(${sql}, ${part(name, expr.weekday, at).weekday})`)
    case 'ISOWEEK':
      return whole(`weekofyear(${sql})`)
    case 'ISOYEAR':
      return whole(`isoyear(${sql})`)
    case 'MILLISECOND':
      return whole(`extract('millisecond' FROM ${sql}) % 1000`)
    case 'MICROSECOND':
      return whole(`extract('microsecond' FROM ${sql}) % 1000000`)
    case 'YEAR':
    case 'QUARTER':
    case 'MONTH':
    case 'DAY':
    case 'HOUR':
    case 'MINUTE':
    case 'SECOND':
      return whole(`extract('${name.toLowerCase()}' FROM ${sql})`)
    default:
      throw new SqlError(`A valid date part name is required but found ${name}`, at)
  }
}

function textOf(expr: Expr | undefined, what: string, at: number): string {
  if (expr?.k === 'literal' && expr.type === 'STRING') return expr.value
  throw unsupported(`${what} that is no literal`, expr?.at ?? at)
}

function format(call: Call, family: Family, translate: Translate): Typed {
  const text = textOf(call.args[0], 'a format', call.at)
  const of = call.args[1] as Expr
  const zone = zoneOf(call.args[2])
  const value = translate(of)
  const isOther = family !== 'TIMESTAMP' && value.type.name === 'TIMESTAMP' && family !== 'TIME'
  const sql = isOther ? toLocal(value.sql, zone) : coerced(value, types[family], of.at)
  const local =
    family === 'TIMESTAMP'
      ? toLocal(sql, zone)
      : family === 'TIME'
        ? `(DATE '1970-01-01' + ${sql})`
        : sql
  return {
    sql: formatTime(text, local, {
      zone: family === 'TIMESTAMP' ? zone : undefined,
      utc: sql,
      at: call.at,
    }),
    type: string,
  }
}

function parse(call: Call, family: Family, translate: Translate): Typed {
  const formats = parseFormat(textOf(call.args[0], 'a format', call.at), call.at)
  const text = coerced(translate(call.args[1] as Expr), string, call.at)
  const quoted = formats.texts.map((each) => `'${each.replaceAll("'", "''")}'`).join(', ')
  const parsed = `strptime(${text}, [${quoted}])`
  if (formats.hasZone) {
    if (family !== 'TIMESTAMP') throw unsupported('a zone in this format', call.at)
    return { sql: `CAST(${parsed} AS TIMESTAMPTZ)`, type: timestamp }
  }
  switch (family as string) {
    case 'DATE':
      return { sql: `CAST(${parsed} AS DATE)`, type: date }
    case 'TIME':
      return { sql: `CAST(${parsed} AS TIME)`, type: time }
    case 'DATETIME':
      return { sql: parsed, type: datetime }
    default:
      return { sql: fromLocal(parsed, zoneOf(call.args[2])), type: timestamp }
  }
}

function lastDay(call: Call, translate: Translate): Typed {
  const value = translate(call.args[0] as Expr)
  const sql =
    value.type.name === 'DATETIME' ? `CAST(${value.sql} AS DATE)` : coerced(value, date, call.at)
  const of = call.args[1] ? partOf(call.args[1], call.at) : { name: 'MONTH', weekday: 0 }
  const start = truncated(sql, of)
  const [step] =
    {
      MONTH: ['to_months(1)'],
      QUARTER: ['to_months(3)'],
      YEAR: ['to_years(1)'],
      WEEK: ['to_days(7)'],
    }[of.name] ?? []
  if (step === undefined) throw unsupported(`LAST_DAY by ${of.name}`, call.at)
  return { sql: `CAST(${start} + ${step} - to_days(1) AS DATE)`, type: date }
}

function series(call: Call, family: Family, translate: Translate): Typed {
  const [first, last, step] = call.args as [Expr, Expr, Expr?]
  const from = coerced(translate(first), types[family], call.at)
  const to = coerced(translate(last), types[family], call.at)
  if (step && step.k !== 'interval')
    throw unsupported(`${call.name} with anything but INTERVAL n PART`, call.at)
  if (!step && family === 'TIMESTAMP')
    throw new SqlError(`No matching signature for function ${call.name}`, call.at)
  const by = step
    ? intervalSql(
        `(${coerced(translate(step.value), int64, call.at)})`,
        part(step.part, undefined, call.at).name,
      )
    : 'to_days(1)'
  const made = `generate_series(${from}, ${to}, ${by})`
  if (family === 'DATE')
    return { sql: `list_transform(${made}, lambda x: CAST(x AS DATE))`, type: arrayOf(date) }
  return { sql: made, type: arrayOf(timestamp) }
}

/** DATE(ts, zone), DATETIME(ts, zone), TIMESTAMP(text or datetime, zone), CURRENT_DATE(zone), STRING(ts, zone). */
function conversion(call: Call, translate: Translate): Typed | undefined {
  const { name, args, at } = call
  const family = /^(DATE|DATETIME|TIME|TIMESTAMP|STRING)$/.exec(name)?.[1]
  if (family === undefined || args.length === 0 || args.length > 2) return undefined
  const value = translate(args[0] as Expr)
  const zone = zoneOf(args[1])
  if (family === 'TIMESTAMP') {
    if (value.type.name === 'STRING') {
      if (args[1] && zone !== 0) throw unsupported('TIMESTAMP of a text with a zone', at)
      return { sql: `bq_to_timestamp(${value.sql})`, type: timestamp }
    }
    if (value.type.name === 'TIMESTAMP') return value
    return { sql: fromLocal(coerced(value, datetime, at), zone), type: timestamp }
  }
  if (value.type.name !== 'TIMESTAMP') return undefined
  const local = toLocal(value.sql, zone)
  if (family === 'DATE') return { sql: `CAST(${local} AS DATE)`, type: date }
  if (family === 'DATETIME') return { sql: local, type: datetime }
  if (family === 'TIME') return { sql: `CAST(${local} AS TIME)`, type: time }
  if (zone !== 0) throw unsupported('STRING of a timestamp in a zone', at)
  return undefined
}
